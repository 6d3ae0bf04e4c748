//go:build !windows

package integration_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	gosync "sync"
	"syscall"
	"testing"

	"s3sync/internal/s3server"
)

// TestWhatCannotBeReadIsKept: the command reports a broken link and a named pipe. It
// keeps their objects and those below them, deletes the rest, and ends with exit code
// 3. Windows has no named pipes in directories.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		for _, name := range []string{"app/data/x", "app/data/y/z", "pipe", "pipes", "app/data2", "kept"} {
			write(t, root, name, []byte(name))
		}
		sync(t, config(local(root), target.at("")))
		err := errors.Join(
			os.RemoveAll(filepath.Join(root, "app")), os.Mkdir(filepath.Join(root, "app"), 0o700),
			os.Symlink(filepath.Join("..", "volume"), filepath.Join(root, "app", "data")),
			os.Remove(filepath.Join(root, "pipe")), os.Remove(filepath.Join(root, "pipes")),
			syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600),
		)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"--delete", "--dry-run"}, {"--delete", "-v"}} {
			p := command(t, local(root), target.at(""), args...)
			code := p.run(t)
			out := p.stdout.String() + p.stderr.String()
			for _, want := range []string{"app/data", "the symbolic link leads to nothing", "it is a named pipe", "app/data2", "pipes"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q: nothing of %q in\n%s", args, want, out)
				}
			}
			if code != 3 {
				t.Errorf("%q: exit code %d, want 3", args, code)
			}
		}
		target.holds(t, []string{"app/data/x", "app/data/y/z", "kept", "pipe"})

		p := command(t, local(root), target.at(""), "--delete", "--ignore-symlinks")
		if code := p.run(t); code != 3 {
			t.Errorf("links ignored: exit code %d, want 3 for the named pipe\n%s", code, &p.stderr)
		}
		target.holds(t, []string{"kept", "pipe"})
	})
}

// TestSourceIsTakenAway: a source of 800 files is replaced by an empty directory while
// the command lists it. Nothing is deleted, and the exit code is 3.
func TestSourceIsTakenAway(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			change func(root string) error
			warns  string
		}{
			"the source": {func(root string) error {
				return errors.Join(os.Rename(root, root+"-old"), os.Mkdir(root, 0o700))
			}, "is another directory than when the run began"},
			"a directory of it": {func(root string) error {
				d := filepath.Join(root, "dir5")
				return errors.Join(os.Rename(d, root+"-old"), os.Mkdir(d, 0o700))
			}, `list "dir5/": the directory is gone, or was replaced`},
		} {
			t.Run(name, func(t *testing.T) {
				root, target := filepath.Join(t.TempDir(), "source"), newBucket(t, srv)
				for i := range 800 {
					write(t, root, fmt.Sprintf("dir%d/%d", i%8, i), []byte("x"))
				}
				sync(t, config(local(root), target.at("")))
				write(t, root, "a", []byte("new"))
				front := newFront(t, srv.Endpoint)
				var once gosync.Once
				front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPut {
						once.Do(func() {
							if err := tt.change(root); err != nil {
								t.Error(err)
							}
						})
					}
					return false
				})
				// One worker, which looks at each file, so that the listing waits for the
				// first transfer. Without progress it does not run ahead.
				p := command(t, local(root), target.at(front.URL), "--delete", "--worker-size", "1", "--check-etag", "--stats", "0")
				if code := p.run(t); code != 3 || !strings.Contains(p.stdout.String()+p.stderr.String(), tt.warns) {
					t.Errorf("exit code %d, want 3 and a warning\n%s%s", code, &p.stdout, &p.stderr)
				}
				if got := len(target.keys(t)); got != 801 {
					t.Errorf("the target holds %d objects, want 801", got)
				}
			})
		}
	})
}
