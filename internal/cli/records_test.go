package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/report"
	"s3sync/storage"
)

// A run that leaves all records, in a folder.
func recorded(t *testing.T, sync func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error)) (c *call, dir string) {
	t.Helper()
	dir = t.TempDir()
	c = between("--html-report", filepath.Join(dir, "run.html"), "--failed-keys", filepath.Join(dir, "failed.jsonl"),
		"--metrics-file", filepath.Join(dir, "run.prom"), "--source-secret-access-key=hunter2", "--source-access-key=a")
	c.sync = sync
	return c, dir
}

func content(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Records are there also if the run failed, was interrupted, or met a bug.
func TestRecords(t *testing.T) {
	for name, tt := range map[string]struct {
		err      error
		signal   bool
		code     int
		headline string
		page     string
	}{
		"done":        {nil, false, options.ExitError, "failed", "1 object failed"},
		"failed":      {errors.New("no such bucket"), false, options.ExitError, "failed", "no such bucket"},
		"refused":     {fmt.Errorf("%w: everything", s3sync.ErrDeleteRefused), false, options.ExitError, "failed", "everything"},
		"interrupted": {nil, true, options.ExitInterrupt, "interrupted", "stopped by SIGINT"},
		"a bug":       {panicError{errors.New("out of range")}, false, options.ExitBug, "failed", "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			var c *call
			c, dir := recorded(t, func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				tell := report.ObserverOf(ctx)
				tell.Event(&report.Event{Type: report.EventFailed, Key: "broken", Err: errors.New("why not")})
				tell.Event(&report.Event{Type: report.EventSkipped, Key: "same/a"})
				tell.Request("target", storage.Request{Operation: "PutObject", Status: 200})
				cfg.OnProgress(s3sync.Progress{Stats: s3sync.Stats{Skipped: 7, Elapsed: time.Second}, DoneBytes: 99})
				if tt.signal {
					c.signals <- os.Interrupt
					<-ctx.Done()
					tt.err = context.Cause(ctx)
				}
				return &s3sync.Report{Stats: s3sync.Stats{Failed: 1}, Failures: []s3sync.Failure{{Key: "broken", Err: errors.New("why not")}}}, tt.err
			})
			if code := c.main(t); code != tt.code {
				t.Errorf("exit code %d, want %d: %s", code, tt.code, c.stderr.String())
			}
			page := content(t, dir, "run.html")
			for _, want := range []string{"<h1>" + tt.headline + "</h1>", tt.page, "why not", "same/", "PutObject", "(secret)", "--source-access-key"} {
				if !strings.Contains(page, want) {
					t.Errorf("the page lacks %q", want)
				}
			}
			if got, want := content(t, dir, "failed.jsonl"), `{"key":"broken","error":"other","message":"why not"}`+"\n"; got != want {
				t.Errorf("failed keys: %s", got)
			}
			metrics := content(t, dir, "run.prom")
			for _, want := range []string{
				`s3sync_objects_total{outcome="failed"} 1`, `s3sync_objects_total{outcome="skipped"} 7`, "s3sync_done_bytes 99",
				fmt.Sprintf("s3sync_run_exit_code %d", tt.code), `s3sync_requests_total{operation="PutObject",side="target",status="2xx"} 1`,
			} {
				if !strings.Contains(metrics, want+"\n") {
					t.Errorf("the metrics lack %s", want)
				}
			}
			if strings.Contains(page+metrics, "hunter2") {
				t.Error("a secret is in the records")
			}
			if left, err := filepath.Glob(filepath.Join(dir, ".s3sync-*")); len(left) > 0 || err != nil {
				t.Errorf("%v is left, %v", left, err)
			}
		})
	}
}

// Without the options nothing is observed.
func TestNoRecords(t *testing.T) {
	c := between("--stats=0")
	c.sync = func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		if o := report.ObserverOf(ctx); o.Event != nil || o.Request != nil || o.Limits != nil || o.Skips || cfg.OnProgress != nil || cfg.OnEvent != nil {
			t.Error("the run is observed")
		}
		return &s3sync.Report{}, nil
	}
	c.main(t)
}

// What cannot be written is refused before the run, and nothing else is emptied for it.
func TestRecordsThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	old := filepath.Join(dir, "old.jsonl")
	if err := os.WriteFile(old, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	missing := filepath.Join(dir, "missing", "file")
	for name, tt := range map[string]struct {
		args []string
		says string
	}{
		"page":           {[]string{"--html-report", missing}, `s3sync: --html-report: write .*missing`},
		"metrics":        {[]string{"--metrics-file", missing}, `s3sync: --metrics-file: write .*missing`},
		"keys":           {[]string{"--failed-keys", missing}, `s3sync: --failed-keys: open .*missing`},
		"address":        {[]string{"--metrics-listen", taken.Addr().String()}, `s3sync: --metrics-listen: listen tcp .*in use|s3sync: --metrics-listen: listen tcp .*Only one usage`},
		"a directory":    {[]string{"--html-report", dir}, `s3sync: --html-report: ".*" is not a regular file`},
		"one file twice": {[]string{"--html-report", old, "--metrics-file", filepath.Join(dir, ".", "old.jsonl")}, `s3sync: --html-report and --metrics-file name the same file`},
	} {
		t.Run(name, func(t *testing.T) {
			args := tt.args
			if name != "keys" {
				args = append(args, "--failed-keys", old)
			}
			if name == "one file twice" {
				args = tt.args
			}
			c := between(args...)
			if code := c.main(t); code != options.ExitUsage || c.cfg != nil {
				t.Errorf("exit code %d", code)
			}
			if !regexp.MustCompile(tt.says).MatchString(c.stderr.String()) || strings.Count(c.stderr.String(), "\n") != 1 {
				t.Errorf("stderr %q", c.stderr.String())
			}
			if got := content(t, dir, "old.jsonl"); got != "keep" {
				t.Errorf("the file of an earlier run has %q", got)
			}
		})
	}
}

// A record that is lost at the end is a failure.
func TestRecordsThatAreLost(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be taken away here")
	}
	c, dir := recorded(t, nil)
	c.sync = func(context.Context, *s3sync.Config) (*s3sync.Report, error) {
		return &s3sync.Report{}, os.RemoveAll(dir)
	}
	if code := c.main(t); code != options.ExitError {
		t.Errorf("exit code %d", code)
	}
	if got := c.stderr.String(); !strings.Contains(got, "--html-report: ") || !strings.Contains(got, "--metrics-file: ") {
		t.Errorf("stderr %q", got)
	}
}

// The metrics can be scraped while the run lasts, and the address is free after it.
func TestScrape(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	c := between("--metrics-listen", address)
	c.sync = func(ctx context.Context, _ *s3sync.Config) (*s3sync.Report, error) {
		report.ObserverOf(ctx).Event(&report.Event{Type: report.EventTransferred, Key: "a", Source: storage.Object{Size: 5}})
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
		if err != nil {
			return nil, err
		}
		resp, err := new(http.Client).Do(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if !bytes.Contains(body, []byte("s3sync_objects_total{outcome=\"transferred\"} 1\n")) || bytes.Contains(body, []byte("s3sync_run_exit_code ")) {
			t.Errorf("status %d: %s", resp.StatusCode, body)
		}
		return &s3sync.Report{}, err
	}
	if code := c.main(t); code != options.ExitDone {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
	again, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

// The metrics are written again every 15 seconds, and a failure is told once.
func TestMetricsAreWrittenAgain(t *testing.T) {
	c, dir := recorded(t, nil)
	c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		at := func(seconds int, skipped int64) string {
			cfg.OnProgress(s3sync.Progress{Stats: s3sync.Stats{Elapsed: time.Duration(seconds) * time.Second, Skipped: skipped}})
			_, rest, _ := strings.Cut(content(t, dir, "run.prom"), `outcome="skipped"} `)
			return rest[:1]
		}
		if got := at(14, 1) + at(15, 2) + at(29, 3) + at(30, 4); got != "0224" {
			t.Errorf("skipped at 14, 15, 29 and 30 seconds: %s", got)
		}
		return &s3sync.Report{}, nil
	}
	if code := c.main(t); code != options.ExitDone {
		t.Errorf("exit code %d: %s", code, c.stderr.String())
	}
}
