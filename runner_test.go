package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// The tests here run a sync in parts: in any number of ranges, in any order, one after
// another and at once, stopped and continued, interrupted and run again. The result is
// always the same as that of one Sync.

// An effect is everything that a run does to a target and reports about it.
type effect struct {
	Contents map[string]string
	Deleted  []string // from the events
	Stats    s3sync.Stats
	Failed   []string
	Err      string
}

// observeDeletions collects the keys of deletion events.
func observeDeletions(cfg *s3sync.Config, e *effect) {
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventDeleted {
			e.Deleted = append(e.Deleted, ev.Key)
		}
	}
}

// setReport records the result of a run.
func (e *effect) setReport(report *s3sync.Report, err error) {
	e.Stats = report.Stats
	e.Stats.Elapsed, e.Stats.TransferredBytes = 0, 0
	e.Failed = report.FailedKeys()
	slices.Sort(e.Failed)
	slices.Sort(e.Deleted)
	if err != nil {
		e.Err, _, _ = strings.Cut(err.Error(), ":") // the object that fails first depends on the order
	}
}

// cut returns n ranges that tile all keys, cut at random keys.
func cut(r *rand.Rand, n int) []storage.Range {
	var at []string
	for range n - 1 {
		at = append(at, randomKey(r))
	}
	slices.Sort(at)
	ranges := make([]storage.Range, 0, n)
	from := ""
	for _, to := range slices.Compact(at) {
		ranges = append(ranges, storage.Range{From: from, To: to})
		from = to
	}
	return append(ranges, storage.Range{From: from})
}

// inParts syncs according to cfg in n ranges. Some of them are stopped and continued,
// and some run at once.
func inParts(t *testing.T, r *rand.Rand, cfg *s3sync.Config, n int) (*s3sync.Report, error) {
	t.Helper()
	runner, err := s3sync.NewRunner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu      sync.Mutex
		results []*s3sync.RangeResult
	)
	stopped := make(chan struct{})
	close(stopped)
	runRange := func(keys storage.Range, stops int) {
		for {
			var stop <-chan struct{}
			if stops > 0 {
				stop = stopped
			}
			stops--
			result, err := runner.Run(t.Context(), keys, stop)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			results = append(results, result)
			mu.Unlock()
			if err != nil || !result.Stopped {
				return
			}
			keys.From = result.Range.To
		}
	}
	ranges := cut(r, n)
	r.Shuffle(len(ranges), func(i, j int) { ranges[i], ranges[j] = ranges[j], ranges[i] })
	for batch := range slices.Chunk(ranges, 1+r.IntN(4)) {
		var units sync.WaitGroup
		for _, keys := range batch {
			stops := r.IntN(3)
			units.Go(func() { runRange(keys, stops) })
		}
		units.Wait()
	}
	r.Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
	return runner.Finish(t.Context(), runner.Delete(t.Context(), results...))
}

func TestRangesDoWhatOneRunDoes(t *testing.T) {
	for _, n := range []int{1, 7, 100} {
		t.Run(fmt.Sprint(n, " ranges"), func(t *testing.T) {
			eachSeed(t, 40, func(t *testing.T, r *rand.Rand) {
				inSource, inTarget := randomTrees(r)
				broken := randomKey(r)
				prepare := func(e *effect) (*s3sync.Config, storage.Store) {
					source, target := &faulty{Store: mem.New()}, mem.New()
					put(t, target, inTarget)
					put(t, source.Store, inSource)
					if len(inSource)%3 == 0 {
						source.open = func(key string) error {
							if key == broken {
								return &storage.Error{Op: "open", Key: key, Err: errInjected}
							}
							return nil
						}
					}
					cfg := config(source, target)
					cfg.Check.Mode = s3sync.CheckSize
					cfg.Delete.Enable = true
					cfg.DryRun = len(inTarget)%4 == 0
					observeDeletions(cfg, e)
					return cfg, target
				}
				var want, got effect
				cfg, target := prepare(&want)
				want.setReport(try(t, cfg))
				want.Contents = contents(t, target)
				cfg, target = prepare(&got)
				got.setReport(inParts(t, r, cfg, n))
				got.Contents = contents(t, target)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("in one run (-), in ranges (+):\n%s", diff)
				}
			})
		})
	}
}

// Ranges of a directory consist of the keys that it lists, so a file and its key are in
// one range.
func TestRangesOfADirectory(t *testing.T) {
	for _, n := range []int{1, 7, 100} {
		t.Run(fmt.Sprint(n, " ranges"), func(t *testing.T) {
			eachSeed(t, 25, func(t *testing.T, r *rand.Rand) {
				objects, inTarget := map[string]string{}, map[string]string{}
				for range r.IntN(40) {
					// No directory has the name of a file: the order of such a pair
					// would depend on what runs at the same time.
					var key strings.Builder
					for range r.IntN(4) {
						key.WriteString([]string{"a", "b-", "é", "", ""}[r.IntN(5)] + "/")
					}
					key.WriteString([]string{"x", "-y", " z", "~"}[r.IntN(4)])
					objects[key.String()] = strings.Repeat("x", r.IntN(9))
				}
				for range r.IntN(20) {
					inTarget["old-"+strings.Trim(strings.ReplaceAll(randomKey(r), "/", "_"), ". ")] = "old"
				}
				prepare := func(e *effect) *s3sync.Config {
					source, target := mem.New(), t.TempDir()
					put(t, source, objects)
					for name, data := range inTarget {
						if err := os.WriteFile(filepath.Join(target, name), []byte(data), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					cfg := download(source, target)
					cfg.Delete.AllowEmptySource = true
					cfg.Check.Mode = s3sync.CheckSize
					observeDeletions(cfg, e)
					return cfg
				}
				var want, got effect
				cfg := prepare(&want)
				want.setReport(try(t, cfg))
				want.Contents = files(t, cfg.Target.URL)
				cfg = prepare(&got)
				got.setReport(inParts(t, r, cfg, n))
				got.Contents = files(t, cfg.Target.URL)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("in one run (-), in ranges (+):\n%s", diff)
				}
			})
		})
	}
}

// An interrupted range does not count for the deletion: it runs again, and nothing is
// deleted before that. Then the run is complete.
func TestInterruptedRange(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, mem.New()
	for i := range 40 {
		put(t, source.Store, map[string]string{fmt.Sprintf("%02d", i): "x"})
		put(t, target, map[string]string{fmt.Sprintf("old%02d", i): "x"})
	}
	cfg := config(source, target)
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	cfg.Transfer.Workers = 2
	runner, err := s3sync.NewRunner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	lower, upper := storage.Range{To: "20"}, storage.Range{From: "20"}
	ctx, cancel := context.WithCancelCause(t.Context())
	source.open = func(key string) error {
		if key == "10" {
			cancel(errInjected)
		}
		return nil
	}
	interrupted, err := runner.Run(ctx, lower, nil)
	if !errors.Is(err, errInjected) || !interrupted.Incomplete {
		t.Fatalf("error %v, incomplete %v", err, interrupted.Incomplete)
	}
	source.open = nil
	second, err := runner.Run(t.Context(), upper, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := runner.Delete(t.Context(), interrupted, second); err != nil {
		t.Fatal(err)
	}
	if _, ok := contents(t, target)["old00"]; !ok {
		t.Fatal("objects were deleted although a range was interrupted")
	}
	again, err := runner.Run(t.Context(), lower, nil)
	if err != nil {
		t.Fatal(err)
	}
	report, err := runner.Finish(t.Context(), runner.Delete(t.Context(), again, second))
	if err != nil || report.Deleted != 40 || report.Incomplete || len(contents(t, target)) != 40 {
		t.Errorf("error %v, deleted %d, left %d, incomplete %v", err, report.Deleted, len(contents(t, target)), report.Incomplete)
	}
}

// Results that do not tile the run permit no deletion.
func TestDeletionNeedsAllRanges(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "1"})
	put(t, target, map[string]string{"b": "2", "z": "3"})
	cfg := config(source, target)
	cfg.Delete.Enable = true
	runner, err := s3sync.NewRunner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	result, err := runner.Run(t.Context(), storage.Range{To: "m"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var only []string
	for o, err := range result.Extraneous() {
		if err != nil {
			t.Fatal(err)
		}
		only = append(only, o.Key)
	}
	if !slices.Equal(only, []string{"b"}) || result.Found != 1 || result.Held != 1 || result.Added != 1 || result.Stats.Transferred != 1 {
		t.Errorf("only in the target: %q; %+v", only, result)
	}
	_, err = runner.Finish(t.Context(), runner.Delete(t.Context(), result))
	if !errors.Is(err, s3sync.ErrDeleteRefused) {
		t.Errorf("error %v", err)
	}
	if len(contents(t, target)) != 3 {
		t.Error("something was deleted")
	}
}

// A hanging store is slow to write, and says so.
type hanging struct {
	storage.Store

	since time.Time
}

func (h *hanging) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	time.Sleep(35 * time.Second)
	return h.Store.Put(ctx, key, b, opts)
}

func (h *hanging) Waiting() (quiet time.Duration, what string) {
	return time.Since(h.since), "an answer"
}

// A run in which nothing moves says what it waits for.
func TestSilenceIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := mem.New()
		put(t, source, map[string]string{"k": "data"})
		cfg := config(source, &hanging{mem.New(), time.Now()})
		var notes []string
		cfg.OnEvent = func(ev s3sync.Event) {
			if ev.Type == s3sync.EventNote {
				notes = append(notes, ev.Note)
			}
		}
		run(t, cfg)
		if len(notes) != 1 || !strings.HasSuffix(notes[0], "; waiting for the target: an answer") {
			t.Errorf("notes %q", notes)
		}
	})
}

// A slowServer answers 35 s after each request, and has no object.
type slowServer struct{}

func (slowServer) RoundTrip(req *http.Request) (*http.Response, error) {
	time.Sleep(35 * time.Second)
	body := `<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>no</Message></Error>`
	return &http.Response{
		StatusCode: http.StatusForbidden, Request: req, Header: http.Header{"X-Amz-Request-Id": {"1"}, "Content-Type": {"application/xml"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}

// That begins before the target is open: the source may be asked whether it is one
// object.
func TestSilenceOfASingleObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(nil, mem.New())
		cfg.Source = s3sync.Endpoint{
			URL: "s3://b/key", EndpointURL: "http://server.invalid", Region: "r", AccessKey: "a", SecretKey: "s", Transport: slowServer{},
		}
		cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 0
		var notes []string
		cfg.OnEvent = func(ev s3sync.Event) {
			if ev.Type == s3sync.EventNote {
				notes = append(notes, ev.Note)
			}
		}
		_, err := s3sync.NewRunner(t.Context(), cfg)
		if !errors.Is(err, fs.ErrPermission) || len(notes) == 0 || !strings.Contains(notes[0], "; waiting for the source: ") {
			t.Errorf("%v, notes %q", err, notes)
		}
	})
}

// A range outside of the run is refused.
func TestRangeOutsideOfTheRun(t *testing.T) {
	cfg := config(mem.New(), mem.New())
	cfg.Range = storage.Range{From: "b", To: "d"}
	runner, err := s3sync.NewRunner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, keys := range []storage.Range{{}, {From: "a", To: "c"}, {From: "c"}} {
		if _, err := runner.Run(t.Context(), keys, nil); err == nil {
			t.Errorf("%+v is not refused", keys)
		}
	}
	if _, err := runner.Finish(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
