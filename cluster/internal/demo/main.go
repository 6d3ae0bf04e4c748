// Command demo shows s3sync-cluster to somebody who sees it for the first time: it starts
// Temporal, an S3 server and two workers on this machine, submits a job, kills a worker in
// the middle, and shows the status and the report. `make cluster-demo` runs it at the root of
// the repository. It checks what it shows, and fails if a check fails.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
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

	"s3sync"
	"s3sync/cluster/internal/temporalserver"
	"s3sync/internal/s3server"
)

const (
	objects  = 3000
	jobName  = "demo"
	patience = 3 * time.Minute
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

// A demo is what all steps use.
type demo struct {
	dir     string
	command string // the program
	env     []string
}

func run(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "s3sync-cluster-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	command, err := filepath.Abs("s3sync-cluster")
	if err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		command += ".exe"
	}
	d := &demo{dir: dir, command: command}

	say("A real S3 server (versitygw) starts on this machine, with the buckets old, new and ops.")
	server, err := s3server.Run(ctx, s3server.VersityGW, filepath.Join(dir, "server"), s3server.Options{})
	if err != nil {
		return err
	}
	defer server.Close()
	for _, bucket := range []string{"old", "new", "ops"} {
		if err := server.CreateBucket(ctx, bucket); err != nil {
			return err
		}
	}
	if err := fill(ctx, dir, server); err != nil {
		return err
	}
	fmt.Printf("The bucket old has %d objects.\n", objects)

	say("The engine starts: Temporal, with its database in one file. It decides who works on which keys, and knows no credential.")
	engine, err := temporalserver.Start(ctx, temporalserver.Options{Dir: dir})
	if err != nil {
		return err
	}
	defer engine.Kill()
	fmt.Printf("It listens on %s.\n$ export TEMPORAL_ADDRESS=%s\n", engine.Address, engine.Address)
	d.env = append(os.Environ(), "TEMPORAL_ADDRESS="+engine.Address)

	say("Two workers start. Each knows by itself what the connection lab means.")
	if err := os.WriteFile(filepath.Join(dir, "connections.toml"), []byte(connections(server)), 0o600); err != nil {
		return err
	}
	d.env = append(d.env, "S3SYNC_CONNECTIONS="+filepath.Join(dir, "connections.toml"))
	first, err := d.startWorker(ctx, "worker-1")
	if err != nil {
		return err
	}
	defer first()
	second, err := d.startWorker(ctx, "worker-2")
	if err != nil {
		return err
	}
	defer second()
	return d.show(ctx, first)
}

// show runs the steps. kill ends the first worker without a word.
func (d *demo) show(ctx context.Context, kill func()) error {
	store := []string{"--state", "s3://ops/jobs/", "--state-connection", "lab"}
	say("A job is submitted: new shall hold what old holds. The rate is limited, so that there is time to look.")
	args := append([]string{
		"submit", "--job", jobName, "--source-connection", "lab", "--target-connection", "lab",
		"--ranges", "8", "--in-flight", "4", "--rate-limit-objects", "200", "--checkpoint-keys", "100", "--checkpoint-time", "1s", "--lost-after", "10s",
	}, store...)
	if err := d.call(ctx, append(args, "s3://old/", "s3://new/")...); err != nil {
		return err
	}
	if err := d.until(ctx, func(s *status) bool { return s.Counters.Transferred >= objects/4 || s.State != "running" }); err != nil {
		return err
	}
	if err := d.call(ctx, "status", jobName); err != nil {
		return err
	}

	say("Worker 1 is killed (kill -9). After --lost-after, 10 s here, worker 2 gets its ranges and goes on at their checkpoints.")
	kill()
	time.Sleep(3 * time.Second)
	if err := d.call(ctx, "status", jobName); err != nil {
		return err
	}
	if err := d.until(ctx, func(s *status) bool { return s.State != "running" }); err != nil {
		return err
	}

	say("The job has ended. Its report comes from the state store: it would also be there without the engine.")
	if err := d.call(ctx, append([]string{"report", jobName}, store...)...); err != nil {
		return err
	}
	out, err := d.output(ctx, append([]string{"report", jobName, "--json"}, store...)...)
	if err != nil {
		return err
	}
	var report struct {
		Counters struct{ Listed, Transferred, Skipped, Failed int64 } `json:"counters"`
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return err
	}
	if c := report.Counters; c.Failed != 0 || c.Transferred+c.Skipped != objects {
		return fmt.Errorf("of %d objects %d were transferred, %d skipped, %d failed", objects, c.Transferred, c.Skipped, c.Failed)
	}
	fmt.Printf("\nAll %d objects are in the new bucket, and none was counted twice. docs/cluster.md says how to run this on machines of your own.\n", objects)
	return nil
}

// status is the part of the status that the demo waits for.
type status struct {
	State    string `json:"state"`
	Counters struct {
		Transferred int64 `json:"transferred"`
	} `json:"counters"`
}

// until waits until a job is in a state.
func (d *demo) until(ctx context.Context, done func(*status) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		out, err := d.output(ctx, "status", jobName, "--json")
		var s status
		if err == nil {
			err = json.Unmarshal(out, &s)
		}
		if err == nil && done(&s) {
			return nil
		}
		if err != nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the job did not get on within %s", patience), last)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// call runs the command and shows it, with what it prints.
func (d *demo) call(ctx context.Context, args ...string) error {
	fmt.Println("$ s3sync-cluster " + strings.Join(args, " "))
	out, err := d.output(ctx, args...)
	_, _ = os.Stdout.Write(out)
	return err
}

func (d *demo) output(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, d.command, args...)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = d.env, &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("s3sync-cluster %s: %w\n%s", args[0], err, stderr.String())
	}
	return out, nil
}

// startWorker starts a worker, and returns what kills it.
func (d *demo) startWorker(ctx context.Context, name string) (kill func(), err error) {
	fmt.Printf("$ s3sync-cluster worker --name %s --slots 2 --connections connections.toml &\n", name)
	log, err := os.Create(filepath.Join(d.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, d.command, "worker", "--name", name, "--slots", "2")
	cmd.Env, cmd.Stderr, cmd.Stdout = d.env, log, log
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	return func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		_ = log.Close()
	}, nil
}

// connections is the file of both workers.
func connections(s *s3server.Server) string {
	return fmt.Sprintf("[lab]\naccess_key = %q\nsecret_key = %q\nregion = %q\nendpoint_url = %q\npath_style = true\n", s.AccessKey, s.SecretKey, s.Region, s.Endpoint)
}

// fill makes the objects of the old bucket.
func fill(ctx context.Context, dir string, server *s3server.Server) error {
	tree := filepath.Join(dir, "tree")
	for i := range objects {
		name := filepath.Join(tree, fmt.Sprintf("%02d", i%16), fmt.Sprintf("%06d.txt", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, fmt.Appendf(nil, "object %d\n", i), 0o600); err != nil {
			return err
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL = tree
	cfg.Target = s3sync.Endpoint{
		URL: "s3://old/", AccessKey: server.AccessKey, SecretKey: server.SecretKey, Region: server.Region, EndpointURL: server.Endpoint, PathStyle: true,
	}
	_, err := s3sync.Sync(ctx, cfg)
	return err
}

// say explains the next step.
func say(text string) {
	fmt.Println()
	w := bufio.NewWriter(os.Stdout)
	defer w.Flush() //nolint:errcheck // nobody is left to be told
	width := 0
	for word := range strings.FieldsSeq(text) {
		if width+len(word) > 90 {
			_, _ = io.WriteString(w, "\n")
			width = 0
		}
		_, _ = io.WriteString(w, word+" ")
		width += len(word) + 1
	}
	_, _ = io.WriteString(w, "\n")
}
