// Command demo shows s3sync to somebody who sees it for the first time: it starts a
// real S3 server on this machine, syncs a tree to it and back, and compares. `make
// demo` runs it. It checks everything that it shows, and fails if a check fails.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"s3sync/internal/s3server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "s3sync-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	say("A real S3 server (versitygw) starts on this machine, with keys made up for it.")
	server, err := s3server.Run(ctx, s3server.VersityGW, filepath.Join(dir, "server"), s3server.Options{})
	if err != nil {
		return err
	}
	defer server.Close()
	if err := server.CreateBucket(ctx, bucket); err != nil {
		return err
	}
	fmt.Printf("It serves the bucket %q at %s.\n", bucket, server.Endpoint)
	fmt.Printf("$ export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=… AWS_REGION=%s\n", server.AccessKey, server.Region)

	say("A tree to sync: a copy of the sources of Go's net packages, and one file of 20 MiB.")
	d := &demo{dir: dir, server: server}
	tree, err := makeTree(filepath.Join(dir, "tree"))
	if err != nil {
		return err
	}
	fmt.Printf("%d files, %.1f MiB, in %s\n", tree.files, float64(tree.bytes)/(1<<20), d.path("tree"))
	return d.show(ctx, tree.files)
}

const bucket = "demo"

// A demo runs the command against one server.
type demo struct {
	dir    string
	server *s3server.Server
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// show runs the steps of the demo.
func (d *demo) show(ctx context.Context, files int) error {
	remote := "s3://" + bucket + "/tree/"
	up := []string{"-v", "--target-endpoint-url", d.server.Endpoint, "--target-force-path-style", d.path("tree"), remote}
	down := []string{"-v", "--source-endpoint-url", d.server.Endpoint, "--source-force-path-style", remote, d.path("back")}

	say("Up: every file is read once, and the server's ETag of each object is compared with the digest of what was read.")
	if err := d.sync(ctx, files, up); err != nil {
		return err
	}

	say("Down, into an empty directory: a file appears under its name only after its bytes matched.")
	if err := os.Mkdir(d.path("back"), 0o755); err != nil {
		return err
	}
	if err := d.sync(ctx, files, down); err != nil {
		return err
	}
	if err := sameTrees(d.path("tree"), d.path("back")); err != nil {
		return err
	}
	fmt.Printf("The two directories hold the same %d files with the same bytes.\n", files)

	say("Up again: nothing changed, so nothing is transferred.")
	if err := d.sync(ctx, 0, up); err != nil {
		return err
	}

	say("One file is edited, and up again: only that one is transferred.")
	if err := edit(filepath.Join(d.path("tree"), "net", "http", "server.go")); err != nil {
		return err
	}
	if err := d.sync(ctx, 1, up); err != nil {
		return err
	}

	say("That was all. With a bucket of your own:")
	fmt.Print(`
    ./s3sync -v ~/photos s3://YOUR-BUCKET/photos/     up
    ./s3sync -v s3://YOUR-BUCKET/photos/ ~/photos     down
    ./s3sync --dry-run --delete ~/photos s3://YOUR-BUCKET/photos/
                                                      show what would be done
    ./s3sync --help                                   everything else

Credentials and region come from where the AWS tools keep them: AWS_PROFILE, AWS_ACCESS_KEY_ID, ~/.aws, instance roles.
For a store that is not Amazon's, name its address with --target-endpoint-url or --source-endpoint-url, as above.
`)
	return nil
}

func say(text string) { fmt.Printf("\n== %s\n", text) }

// sync runs the command, shows what it prints, and fails if it did not transfer
// the given number of objects.
func (d *demo) sync(ctx context.Context, want int, args []string) error {
	bin := "./s3sync"
	if runtime.GOOS == "windows" {
		bin += ".exe"
	}
	fmt.Printf("$ %s %s\n", bin, strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, bin, args...)
	cmd.Env = d.environment()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout // in one order; the command's own line of progress needs a terminal
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("%w (make build first)", err)
	}
	got, err := abridge(os.Stdout, out)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return err
	}
	fmt.Printf("-> exit 0 after %.2f s, %d transferred\n", time.Since(start).Seconds(), got)
	if got != want {
		return fmt.Errorf("%d objects were transferred, expected %d", got, want)
	}
	return nil
}

// environment returns our environment with the keys of the server, and without the
// variables that could change the credentials or the endpoint.
func (d *demo) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "S3SYNC_") {
			env = append(env, v)
		}
	}
	return append(env,
		"AWS_ACCESS_KEY_ID="+d.server.AccessKey, "AWS_SECRET_ACCESS_KEY="+d.server.SecretKey, "AWS_REGION="+d.server.Region,
		"XDG_STATE_HOME="+d.path("state"), "LOCALAPPDATA="+d.path("state"),
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
	)
}

// abridge copies a log, without most of its records of single objects, and
// returns how many of these there were.
func abridge(w io.Writer, r io.Reader) (objects int, err error) {
	const shown = 3
	hidden := 0
	more := func() {
		if hidden > 0 {
			_, _ = fmt.Fprintf(w, "   … and %d more like these …\n", hidden)
		}
		hidden = 0
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if bytes.Contains(lines.Bytes(), []byte("sync completed.")) {
			if objects++; objects > shown {
				hidden++
				continue
			}
		}
		more()
		_, _ = fmt.Fprintf(w, "   %s\n", lines.Text())
	}
	more()
	return objects, lines.Err()
}

// edit appends a line to a file. Its time is set two seconds ahead, because by
// default times are compared in whole seconds and this demo is quick.
func edit(name string) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("// edited\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Printf("$ echo '// edited' >> %s\n", name)
	soon := time.Now().Add(2 * time.Second)
	return os.Chtimes(name, soon, soon)
}
