// Package integration_test runs whole syncs against real S3 servers, with the
// library and with the built command, and with faults put on the wire between.
package integration_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/s3server"
)

func TestMain(m *testing.M) { os.Exit(s3server.Main(m)) }

// eachServer runs a test against every real server.
func eachServer(t *testing.T, test func(t *testing.T, srv *s3server.Server)) {
	t.Helper()
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) { test(t, s3server.Shared(t, kind)) })
	}
}

// at is a side in a bucket of a server, perhaps behind a proxy at endpoint.
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

// local is a side in the file system.
func local(path string) s3sync.Endpoint { return s3sync.Endpoint{URL: path} }

// config is a run between two sides that does not wait long between attempts.
func config(source, target s3sync.Endpoint) *s3sync.Config {
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = source, target
	cfg.Retry.MaxAttempts = 2
	cfg.Retry.InitialBackoff = time.Millisecond
	cfg.Retry.ForceCount = 2
	cfg.Retry.ForceInterval = time.Millisecond
	return cfg
}

// sync runs and wants neither an error nor a warning.
func sync(t *testing.T, cfg *s3sync.Config) *s3sync.Report {
	t.Helper()
	report, err := s3sync.Sync(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if report.Warnings != 0 {
		t.Fatalf("warnings: %+v", report.Stats)
	}
	return report
}

// listening notes the events of a run.
func listening(cfg *s3sync.Config) *[]s3sync.Event {
	var events []s3sync.Event
	cfg.OnEvent = func(ev s3sync.Event) { events = append(events, ev) }
	return &events
}

// write makes a file of the given content, older than any server's clock.
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

// sameTree compares the files below two directories by name and content, as
// diff -r does, and counts them.
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
		a, err := os.ReadFile(path) //nolint:gosec // the test's own
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

// tree finds the files below root, by slash-separated name.
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

// background is for what a test does beside the run it watches.
func background(t *testing.T) context.Context {
	t.Helper()
	return context.WithoutCancel(t.Context())
}
