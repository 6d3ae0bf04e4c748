// Package integration_test runs whole syncs against real S3 servers, with the library
// and with the built command, and with faults injected on the wire.
package integration_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/internal/settingtest"
	"s3sync/storage"
)

func TestMain(m *testing.M) {
	if text, ok := os.LookupEnv(childVariable); ok {
		if err := beChild(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(apart(m))
}

// apart runs the tests so that no command that they start keeps its state in the user's
// home.
func apart(m *testing.M) int {
	dir, err := os.MkdirTemp("", "s3sync-test-state-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system removes it some time
	for _, name := range []string{"XDG_STATE_HOME", "LOCALAPPDATA"} {
		os.Setenv(name, dir) //nolint:errcheck // the name is one
	}
	return s3server.Main(m)
}

// eachServer runs a test against every real server, or against one in a short run.
func eachServer(t *testing.T, test func(t *testing.T, srv *s3server.Server)) {
	t.Helper()
	for _, kind := range s3server.Rotated(t.Name()) {
		t.Run(string(kind), func(t *testing.T) { test(t, s3server.Shared(t, kind)) })
	}
}

// at returns a side in a bucket of a server, behind a proxy at endpoint if that is not
// empty.
func at(srv *s3server.Server, endpoint, url string) s3sync.Endpoint {
	if endpoint == "" {
		endpoint = srv.Endpoint
	}
	return s3sync.Endpoint{
		URL:         url,
		EndpointURL: endpoint,
		PathStyle:   true,
		Region:      srv.Region,
		AccessKey:   srv.AccessKey,
		SecretKey:   srv.SecretKey,
	}
}

// local returns a side in the file system.
func local(path string) s3sync.Endpoint { return s3sync.Endpoint{URL: path} }

// config returns a run between two sides that does not wait long between attempts.
func config(source, target s3sync.Endpoint) *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = source, target
	cfg.Retry.MaxAttempts = 2
	cfg.Retry.InitialBackoff = time.Millisecond
	cfg.Retry.ForceCount = 2
	cfg.Retry.ForceInterval = time.Millisecond
	return cfg
}

// sync runs and fails the test on an error or a warning.
func sync(t *testing.T, cfg *s3sync.Config) *s3sync.Report {
	t.Helper()
	end := settingtest.Watch(t, cfg)
	report, err := s3sync.Sync(t.Context(), cfg)
	end(report, err)
	if err != nil {
		t.Fatal(err)
	}
	if report.Warnings != 0 {
		t.Fatalf("warnings: %+v", report.Stats)
	}
	return report
}

// listening records the events of a run.
func listening(cfg *s3sync.Config) *[]s3sync.Event {
	var events []s3sync.Event
	cfg.OnEvent = func(ev s3sync.Event) { events = append(events, ev) }
	return &events
}

// An outcome is the result of a run, with all its events and log records.
type outcome struct {
	*s3sync.Report

	err    error
	events []s3sync.Event
	log    string
}

// run runs; the test checks the outcome.
func run(t *testing.T, cfg *s3sync.Config) *outcome {
	t.Helper()
	return runIn(t.Context(), t, cfg)
}

func runIn(ctx context.Context, t *testing.T, cfg *s3sync.Config) *outcome {
	t.Helper()
	end := settingtest.Watch(t, cfg)
	var log strings.Builder
	o := &outcome{}
	observe := cfg.OnEvent
	cfg.OnEvent = func(ev s3sync.Event) {
		o.events = append(o.events, ev)
		if observe != nil {
			observe(ev)
		}
	}
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.Report, o.err = s3sync.Sync(ctx, cfg)
	cfg.OnEvent, cfg.Logger = observe, nil
	end(o.Report, o.err)
	o.log = log.String()
	return o
}

// succeeded checks that there is no error and no warning, and that this number of
// objects was transferred and verified.
func (o *outcome) succeeded(t *testing.T, transferred int) {
	t.Helper()
	st := o.Stats
	if o.err != nil || o.Incomplete || st.Failed != 0 || st.Warnings != 0 || st.Unverified != 0 ||
		st.Transferred != int64(transferred) || st.ETagVerified != st.Transferred {
		t.Errorf("want %d transferred and proved, got %v, incomplete %t, %+v\n%s", transferred, o.err, o.Incomplete, st, o.log)
	}
}

// failed checks for an error whose only line names each of the causes. It also checks
// what reports checks.
func (o *outcome) failed(t *testing.T, key string, causes ...string) {
	t.Helper()
	if o.err == nil {
		t.Fatalf("no error; %+v\n%s", o.Stats, o.log)
	}
	oneLine(t, o.err)
	for _, cause := range causes {
		if !strings.Contains(o.err.Error(), cause) {
			t.Errorf("the error does not name %q: %q", cause, o.err)
		}
	}
	o.reports(t, key, causes...)
}

// reports checks for an event of the key that names each of the causes, a log record
// that does so, and the key among the failed ones. An empty key means the run itself,
// whose failure the log leaves to the caller.
func (o *outcome) reports(t *testing.T, key string, causes ...string) {
	t.Helper()
	event, level := "", "ERROR"
	for _, ev := range o.eventsOf(s3sync.EventFailed) {
		if ev.Key == key {
			event = ev.Err.Error()
			if errors.Is(ev.Err, storage.ErrUnusable) { // the error of the run says it, too
				level = "DEBUG"
			}
		}
	}
	record := ""
	for line := range strings.Lines(o.log) {
		if strings.Contains(line, "level="+level+" msg=failed.") && strings.Contains(line, " key="+key+" ") {
			record = strings.ReplaceAll(line, `\"`, `"`)
		}
	}
	for _, cause := range causes {
		if !strings.Contains(event, cause) {
			t.Errorf("the event of %q does not name %q: %q", key, cause, event)
		}
		if key != "" && !strings.Contains(record, cause) {
			t.Errorf("the log does not name %q for %q: %q", cause, key, record)
		}
	}
	if key != "" && !slices.Contains(o.FailedKeys(), key) {
		t.Errorf("failed keys %q, want %q among them", o.FailedKeys(), key)
	}
}

// eventsOf returns the events of a type.
func (o *outcome) eventsOf(typ s3sync.EventType) (events []s3sync.Event) {
	for _, ev := range o.events {
		if ev.Type == typ {
			events = append(events, ev)
		}
	}
	return events
}

// write writes a file with the given content, older than any server's clock.
func write(t *testing.T, root, name string, data []byte) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	touch(t, path, time.Now().Add(-time.Hour))
}

func touch(t *testing.T, path string, mtime time.Time) {
	t.Helper()
	if err := os.Chtimes(path, mtime, mtime); err != nil {
		t.Fatal(err)
	}
}

// sameTree compares the files below two directories by name and content, like diff -r,
// and returns their number.
func sameTree(t *testing.T, want, got string) int {
	t.Helper()
	w, g := tree(t, want), tree(t, got)
	for name := range g {
		if _, ok := w[name]; !ok {
			t.Errorf("%s: only in the copy", name)
		}
	}
	for name, path := range w {
		other, ok := g[name]
		if !ok {
			t.Errorf("%s: missing in the copy", name)
			continue
		}
		a, err := os.ReadFile(path)
		b, err2 := os.ReadFile(other)
		if err = errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		if string(a) != string(b) {
			t.Errorf("%s: contents differ", name)
		}
	}
	return len(w)
}

// tree returns the files below root, by slash-separated name.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		found[filepath.ToSlash(name)] = path
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

// names returns the files below a directory in order, including temporary files. It
// returns none if the directory does not exist.
func names(t *testing.T, root string) []string {
	t.Helper()
	found := []string{}
	for name := range tree(t, root) {
		found = append(found, name)
	}
	slices.Sort(found)
	return found
}

// expression compiles a regular expression.
func expression(text string) *s3sync.Regexp {
	re, err := s3sync.CompileRegexp(text)
	if err != nil {
		panic(err)
	}
	return re
}
