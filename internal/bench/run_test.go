package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync/internal/bench/internal/floor"
	"s3sync/internal/bench/internal/madeup"
)

// TestMain lets the test binary be the processes that a benchmark starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"serve", "floor", "files"}, os.Args[1]) {
		main()
		return
	}
	if len(os.Args) > 1 && os.Args[1] == "wrong" {
		if err := wrong(os.Args[2], os.Args[3:]); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// wrong is a tool that does what the floor does, and then makes the result wrong.
func wrong(how string, args []string) error {
	if err := floor.Run(context.Background(), args); err != nil {
		return err
	}
	endpoint, target := args[1], args[len(args)-1]
	l := wrongLayout()
	first, last := string(l.AppendKey(nil, 0)), string(l.AppendKey(nil, l.Objects))
	if bucket, ok := strings.CutPrefix(target, "s3://"); ok {
		at := endpoint + "/" + bucket + "/"
		switch how {
		case "missing":
			return request(http.MethodDelete, at+first, "")
		case "changed":
			return request(http.MethodPut, at+first, strings.Repeat("x", int(l.Size)))
		case "extra":
			return request(http.MethodPut, at+last, "x")
		case "exchanged":
			return errors.Join(request(http.MethodDelete, at+first, ""), request(http.MethodPut, at+last, "x"))
		}
		return nil
	}
	at := func(key string) string { return filepath.Join(target, filepath.FromSlash(key)) }
	extra := func() error {
		return errors.Join(os.MkdirAll(filepath.Dir(at(last)), 0o750), os.WriteFile(at(last), []byte("x"), 0o600))
	}
	switch how {
	case "missing":
		return os.Remove(at(first))
	case "changed":
		return os.WriteFile(at(first), []byte(strings.Repeat("x", int(l.Size))), 0o600)
	case "extra":
		return extra()
	case "exchanged":
		return errors.Join(os.Remove(at(first)), extra())
	}
	return nil
}

func request(method, url, body string) error {
	r, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func wrongLayout() madeup.Layout { return madeup.Layout{Objects: 12, Folder: 5, Size: 100} }

// TestWrongResultsAreFailures: of every work, a wrong key or a wrong byte in the result is
// a failure of the run, and its figures are not shown.
func TestWrongResultsAreFailures(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var tools []tool
	for _, how := range []string{"right", "missing", "changed", "extra", "exchanged"} {
		tools = append(tools, tool{name: how, ours: true, command: func(j job) ([]string, error) {
			command, err := floorTool(self).command(j)
			return append([]string{self, "wrong", how}, command[2:]...), err
		}})
	}
	for name, s := range map[string]scenario{
		"up": {work: up}, "up, kept": {work: up, keep: true}, "down": {work: down}, "same": {work: same},
		"pairs": {work: pairs}, "mirror": {work: mirror, every: 3}, "prune": {work: prune, every: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.name, s.layout, s.workers, s.rounds = name, wrongLayout(), 2, 1
			b := &bench{self: self, work: t.TempDir(), tools: tools, progress: io.Discard, out: io.Discard, limit: time.Minute}
			results, err := b.scenario(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, r := range results {
				if r.failed != nil && !strings.Contains(r.failed.Error(), "wrong result") {
					t.Errorf("%s: %v", r.name, r.failed)
				}
				if len(r.done()) == 0 {
					failed = append(failed, r.name)
				}
			}
			if want := []string{"missing", "changed", "extra", "exchanged"}; !slices.Equal(failed, want) || len(b.failed) != len(want) {
				t.Errorf("%v failed, want %v; told are %q", failed, want, b.failed)
			}
		})
	}
}
