package integration_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/s3server"
)

// TestRequestsAtOnce: the number of objects and parts in flight reaches the settings
// and never exceeds them. A small memory limit allows fewer.
func TestRequestsAtOnce(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, source := t.TempDir(), newBucket(t, srv)
		content := map[string][]byte{"large-1": random(1, 10*s3sync.MiB), "large-2": random(2, 10*s3sync.MiB)}
		for _, key := range numberedKeys(10) {
			content[key] = []byte(key)
		}
		for key, data := range content {
			write(t, root, key, data)
			source.put(t, key, data)
		}
		for name, tt := range map[string]struct {
			adjust         func(*s3sync.Transfer)
			from           s3sync.Endpoint
			objects, parts int
		}{
			"workers":             {func(tr *s3sync.Transfer) { tr.Workers = 3 }, local(root), 3, 4},
			"parts":               {func(tr *s3sync.Transfer) { tr.ParallelParts = 2 }, local(root), 12, 2},
			"memory":              {func(tr *s3sync.Transfer) { tr.Workers, tr.MaxMemory = 4, 10*s3sync.MiB }, local(root), 4, 2},
			"memory of a copy":    {func(tr *s3sync.Transfer) { tr.Workers, tr.MaxMemory = 4, 10*s3sync.MiB }, source.at(""), 4, 2},
			"parts of one object": {func(tr *s3sync.Transfer) { tr.Workers = 1 }, local(root), 1, 2},
		} {
			t.Run(name, func(t *testing.T) {
				target := newBucket(t, srv)
				front := newFront(t, srv.Endpoint, "PutObject delay=20ms", "UploadPart delay=60ms", "GetObject delay=20ms maybe")
				if tt.from.EndpointURL != "" {
					tt.from.EndpointURL = front.URL
				}
				cfg := smallParts(config(tt.from, target.at(front.URL)))
				tt.adjust(&cfg.Transfer)
				front.gather("PUT", tt.objects)
				front.gather("part", 2)
				run(t, cfg).succeeded(t, len(content))
				puts, parts, gets := front.most("PUT"), front.most("part"), front.most("GET")
				if puts > tt.objects+tt.parts || parts > tt.parts || gets > tt.objects+tt.parts {
					t.Errorf("at once %d writes, among them %d parts, and %d reads, want at most %d objects and %d parts",
						puts, parts, gets, tt.objects, tt.parts)
				}
				if puts < tt.objects || parts < 2 {
					t.Errorf("only %d writes at once, among them %d parts", puts, parts)
				}
				target.holds(t, slices.Collect(maps.Keys(content)))
				target.contains(t, content, []string{"large-1", "large-2", "key-00"})
			})
		}
	})
}

// TestRates: in no second do more objects or bytes pass than the settings allow, in any
// direction, but nearly as many do.
func TestRates(t *testing.T) {
	const size, count = 64 * s3sync.KiB, 56
	bytesLimit := func(c *s3sync.Config) { c.Transfer.BytesPerSecond = 2 * s3sync.MiB }
	t.Run("group", func(t *testing.T) {
		for _, kind := range s3server.Kinds() {
			srv := s3server.Shared(t, kind)
			root, source := t.TempDir(), newBucket(t, srv)
			for i := range count {
				key := fmt.Sprintf("%03d", i)
				write(t, root, key, random(byte(i), size))
				source.put(t, key, random(byte(i), size))
			}
			large := t.TempDir()
			write(t, large, "large", random(1, count*size))
			for name, tt := range map[string]struct {
				source, target s3sync.Endpoint
				adjust         func(*s3sync.Config)
				limit, unit    int // per second
				slack          int // how many may have started earlier
			}{
				"objects":      {local(root), newBucket(t, srv).at(""), func(c *s3sync.Config) { c.Transfer.ObjectsPerSecond = 32 }, 32, 1, 2},
				"bytes up":     {local(root), newBucket(t, srv).at(""), bytesLimit, 2 * s3sync.MiB, size, 2 * size},
				"bytes down":   {source.at(""), local(t.TempDir()), bytesLimit, 2 * s3sync.MiB, size, 2 * size},
				"bytes across": {source.at(""), newBucket(t, srv).at(""), bytesLimit, 2 * s3sync.MiB, size, 2 * size},
				"one object":   {local(large), newBucket(t, srv).at(""), bytesLimit, 2 * s3sync.MiB, count * size, count * size},
			} {
				t.Run(string(kind)+"/"+name, func(t *testing.T) {
					t.Parallel()
					cfg := config(tt.source, tt.target)
					cfg.Transfer.Workers = 2
					tt.adjust(cfg)
					var done []time.Time
					cfg.OnEvent = func(ev s3sync.Event) {
						if ev.Type == s3sync.EventTransferred {
							done = append(done, time.Now())
						}
					}
					began := time.Now()
					report := sync(t, cfg)
					took := time.Since(began).Seconds()
					for i := range done {
						n := len(done)
						if j := slices.IndexFunc(done[i:], func(d time.Time) bool { return d.Sub(done[i]) >= time.Second }); j >= 0 {
							n = i + j
						}
						if passed := (n - i) * tt.unit; passed > tt.limit+tt.limit/10+tt.slack {
							t.Errorf("%d passed in one second, %d are allowed", passed, tt.limit)
							break
						}
					}
					total := float64(len(done) * tt.unit)
					fastest, slowest := total/float64(tt.limit)-0.2, total/float64(tt.limit)*1.5+3
					if took < fastest || took > slowest {
						t.Errorf("%.0f took %.2f s, want %.2f to %.2f", total, took, fastest, slowest)
					}
					if report.Transferred != int64(len(done)) {
						t.Errorf("%+v", report.Stats)
					}
				})
			}
		}
	})
}

// TestFailFast: the first failure ends the run, and is reported once.
func TestFailFast(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		for _, key := range numberedKeys(99) {
			write(t, root, key, nil)
		}
		front := newFront(t, srv.Endpoint, "PutObject key-10 status=400 code=InvalidArgument", "PutObject delay=10ms")
		cfg := config(local(root), target.at(front.URL))
		cfg.FailFast = true
		cfg.Transfer.Workers = 4
		o := run(t, cfg)
		o.failed(t, "key-10", "InvalidArgument")
		if puts := front.Count("PutObject"); puts > 40 || o.Failed != 1 || !o.Incomplete || strings.Count(o.log, "InvalidArgument") != 1 {
			t.Errorf("%d requests, %+v\n%s", puts, o.Stats, o.log)
		}
	})
}

// TestCancel: a run that is interrupted at any point ends within five seconds with the
// cause and leaves nothing unfinished. The next run does the rest.
func TestCancel(t *testing.T) {
	part := func(n string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.URL.Query().Get("partNumber") == n }
	}
	post := func(query string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has(query) }
	}
	object := func(method string) func(*http.Request) bool {
		return func(r *http.Request) bool { return r.Method == method && strings.HasSuffix(r.URL.Path, "/little") }
	}
	second := func(r *http.Request) bool { return ranged(r, "5242880") }
	const upload, download, copying = 0, 1, 2
	places := map[string]struct {
		direction int
		rule      string // without a rule the server works at once, but its response is late
		reached   func(*http.Request) bool
	}{
		"list":           {upload, "LIST stall after=10", func(r *http.Request) bool { return r.URL.Query().Has("list-type") }},
		"put":            {upload, "PutObject stall after=100", object(http.MethodPut)},
		"create":         {upload, "", post("uploads")},
		"create hangs":   {upload, "CreateMultipartUpload delay=1m", post("uploads")},
		"part":           {upload, "UploadPart partNumber=2 stall after=100000", part("2")},
		"complete":       {upload, "", post("uploadId")},
		"complete hangs": {upload, "CompleteMultipartUpload delay=1m", post("uploadId")},
		"abort hangs":    {upload, "AbortMultipartUpload delay=1m", part("2")},
		"waits to retry": {upload, "PutObject status=500", object(http.MethodPut)},
		"get":            {download, "GetObject little stall after=100", object(http.MethodGet)},
		"range":          {download, "GetObject big header.Range=bytes=5242880-* stall after=100000", second},
		"copied range":   {copying, "GetObject big header.Range=bytes=5242880-* stall after=100000", second},
	}
	errStop := errors.New("stop here")
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		content := map[string][]byte{"little": random(1, 1000), "big": random(2, 11*s3sync.MiB)}
		root, source := t.TempDir(), newBucket(t, srv)
		for key, data := range content {
			write(t, root, key, data)
			source.put(t, key, data)
		}
		for name, tt := range places {
			t.Run(name, func(t *testing.T) {
				t.Parallel() // they wait
				front := newFront(t, srv.Endpoint)
				if tt.rule != "" {
					addRule(t, front.Proxy, tt.rule+" maybe") // a delay may not end
				}
				target, copied := newBucket(t, srv), filepath.Join(t.TempDir(), "copy")
				cfg := smallParts(config(local(root), target.at(front.URL)))
				switch tt.direction {
				case download:
					cfg.Source, cfg.Target = source.at(front.URL), local(copied)
				case copying:
					cfg.Source, cfg.Target = source.at(front.URL), target.at("")
				}
				if name == "waits to retry" {
					cfg.Retry.ForceInterval = time.Hour
				}
				ctx, cancel := context.WithCancelCause(t.Context())
				var once gosync.Once
				cancelled := make(chan time.Time, 1)
				front.onRequest(func(w http.ResponseWriter, r *http.Request) bool {
					if !tt.reached(r) {
						return false
					}
					once.Do(func() {
						time.AfterFunc(100*time.Millisecond, func() { // so that it comes in the middle
							cancelled <- time.Now()
							cancel(errStop)
						})
					})
					if tt.rule == "" {
						front.answerLate(w, r, func() { time.Sleep(500 * time.Millisecond) })
					}
					return tt.rule == ""
				})
				if name == "abort hangs" {
					addRule(t, front.Proxy, "UploadPart partNumber=2 stall after=100000")
				}
				o := runIn(ctx, t, cfg)
				took := time.Since(<-cancelled)
				if !errors.Is(o.err, errStop) || took > 5*time.Second || !o.Incomplete || o.Failed != 0 || o.Warnings != 0 {
					t.Errorf("%v after %v, %+v\n%s", o.err, took, o.Stats, o.log)
				}
				for key := range content {
					if open := srv.OpenUploads(t, target.name, key); len(open) > 0 && name != "abort hangs" {
						t.Errorf("uploads that were left open: %q", open)
					}
				}
				for _, file := range names(t, copied) {
					if content[file] == nil {
						t.Errorf("%s was left behind", file)
					}
				}

				for _, e := range []*s3sync.Endpoint{&cfg.Source, &cfg.Target} {
					if e.EndpointURL != "" {
						e.EndpointURL = srv.Endpoint
					}
				}
				cfg.Retry.ForceInterval = time.Millisecond
				if next := run(t, cfg); next.err != nil || next.Transferred+next.Skipped != 2 {
					t.Errorf("the next run: %v, %+v", next.err, next.Stats)
				}
				for key, data := range content {
					if tt.direction != download {
						target.contains(t, content, []string{key})
					} else if got, err := os.ReadFile(filepath.Join(copied, key)); err != nil || !bytes.Equal(got, data) {
						t.Errorf("%s: %v, or other content", key, err)
					}
				}
			})
		}
	})
}
