//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// exitCodeOf waits for a command and returns its exit code, or 128 and the number
// of the signal that ended it, as shells do.
func exitCodeOf(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	err := cmd.Wait()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && !failed {
		t.Fatal(err)
	}
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	if failed {
		return exit.ExitCode()
	}
	return 0
}

// toTarget returns the arguments of a target on a server of the test.
func toTarget(url string, args ...string) []string {
	return append([]string{
		"--target-endpoint-url", url, "--target-force-path-style", "--target-region", "us-east-1",
		"--target-access-key", "k", "--target-secret-access-key", "s",
	}, args...)
}

// bare returns the environment of a test without variables that change the run.
func bare(t *testing.T) []string {
	t.Helper()
	return []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true"}
}

// Signals in the middle of a request without a response.
func TestSignals(t *testing.T) {
	// If this process ignored signals, as under nohup, the command would ignore them,
	// too. If it catches them, the command does not.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTERM)
	defer signal.Stop(caught)
	for name, tt := range map[string]struct {
		// wrapper is a command that starts s3sync.
		wrapper []string
		signals []syscall.Signal
		code    int
		stderr  string
	}{
		"the terminal is closed": {signals: []syscall.Signal{syscall.SIGHUP}, code: 129, stderr: "hangup: stopping and cleaning up"},
		"nohup":                  {wrapper: []string{"nohup"}, signals: []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, code: 143, stderr: "terminated: stopping"},
		"what do you do":         {signals: []syscall.Signal{syscall.SIGQUIT}, code: 101, stderr: "s3sync.Sync("},
		"terminated":             {signals: []syscall.Signal{syscall.SIGTERM}, code: 143, stderr: "terminated: stopping"},
	} {
		t.Run(name, func(t *testing.T) {
			asked, gone := make(chan struct{}), make(chan struct{})
			var once sync.Once
			server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				once.Do(func() { close(asked) })
				select {
				case <-r.Context().Done():
				case <-gone:
				}
			}))
			defer server.Close()
			defer close(gone)
			args := append(tt.wrapper, command(t)...)
			cmd := exec.CommandContext(t.Context(), args[0], append(args[1:], toTarget(server.URL, t.TempDir(), "s3://abc")...)...)
			cmd.Env = bare(t)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-asked
			for _, sig := range tt.signals {
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			if code := exitCodeOf(t, cmd); code != tt.code || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d, want %d and %q in\n%s", code, tt.code, tt.stderr, &stderr)
			}
			if strings.Contains(stderr.String(), "hangup") != (tt.signals[0] == syscall.SIGHUP && tt.wrapper == nil) {
				t.Errorf("SIGHUP was not treated as it should be:\n%s", &stderr)
			}
		})
	}
}

// command returns this test binary as the command: see TestMain.
func command(t *testing.T) []string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s3sync")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	return []string{name}
}

// A log on a full disk: the run does its work, but does not end as a success.
func TestLogOnAFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /dev/full")
	}
	server := httptest.NewServer(http.HandlerFunc(emptyListing))
	defer server.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	dir := t.TempDir()
	args := append(command(t), "-v", "--source-no-sign-request", "--source-region", "us-east-1",
		"--source-endpoint-url", server.URL, "--source-force-path-style", "s3://abc", dir)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env = bare(t)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	code := exitCodeOf(t, cmd)
	const want = "s3sync: the log cannot be written: write /dev/stdout: no space left on device; the run goes on, and ends with exit code 1 at best\n"
	if got := stderr.String(); code != 1 || got != want {
		t.Errorf("exit code %d, got %q, want %q", code, got, want)
	}
}

// emptyListing sends the listing of an empty bucket.
func emptyListing(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/xml")
	fmt.Fprint(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><Name>abc</Name><KeyCount>0</KeyCount>`+
		`<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>`)
}

// A lack of memory ends neither as success nor as "invalid arguments", and leaves no
// file with the memory.
func TestOutOfMemory(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds the command without the race detector, which needs more memory than is left here, and bounds memory")
	}
	server := httptest.NewServer(http.HandlerFunc(emptyListing))
	defer server.Close()
	dir := t.TempDir()
	large := filepath.Join(dir, "large")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, 4<<30)); err != nil {
		t.Fatal(err)
	}
	// 2 GiB of address space, and an object that is to be sent as one piece.
	shell := `ulimit -c unlimited 2>/dev/null; ulimit -v 2097152 && exec "$@"`
	args := append([]string{"-c", shell, "sh", build(t)},
		toTarget(server.URL, "--multipart-threshold", "5GiB", "--max-memory", "8GiB", large, "s3://abc")...)
	cmd := exec.CommandContext(t.Context(), "sh", args...)
	cmd.Dir = t.TempDir()
	cmd.Env = bare(t)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	code := exitCodeOf(t, cmd)
	if code != 128+int(syscall.SIGABRT) || !strings.Contains(stderr.String(), "out of memory") {
		t.Errorf("exit code %d after %v\n%.2000s", code, time.Since(began), &stderr)
	}
	if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
