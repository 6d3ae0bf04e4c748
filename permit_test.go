package s3sync_test

import (
	"encoding/json"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// The tests here delete in parts, each by a Runner of its own, as several machines do.

// elsewhere hands a value over as JSON.
func elsewhere[T any](t *testing.T, value *T) *T {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	received := new(T)
	if err := json.Unmarshal(data, received); err != nil {
		t.Fatal(err)
	}
	return received
}

// runRanges runs ranges by one Runner each, and returns their results as others get them.
func runRanges(t *testing.T, cfg *s3sync.Config, ranges []storage.Range, stats *s3sync.Stats) (results []*s3sync.RangeResult) {
	t.Helper()
	for _, keys := range ranges {
		runner, err := s3sync.NewRunner(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		result, err := runner.Run(t.Context(), keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		stats.Add(&result.Stats)
		received := elsewhere(t, result)
		if err := received.SetExtraneous(result.Extraneous()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = received.Close() })
		results = append(results, received)
		if _, err := runner.Finish(t.Context(), nil); err != nil && result.Stats.Failed == 0 {
			t.Fatal(err)
		}
	}
	return results
}

func TestDeletionsInPartsAreThoseOfOneRun(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, r *rand.Rand) {
		inSource, inTarget := randomTrees(r)
		most := int64(r.IntN(4) * 3)
		prepare := func(e *effect) (*s3sync.Config, storage.Store) {
			source, target := mem.New(), mem.New()
			put(t, target, inTarget)
			put(t, source, inSource)
			cfg := config(source, target)
			cfg.Check.Mode = s3sync.CheckSize
			cfg.Delete.Enable, cfg.Delete.Max = true, most
			cfg.DryRun = len(inTarget)%4 == 0
			observeDeletions(cfg, e)
			return cfg, target
		}
		var want, got effect
		cfg, target := prepare(&want)
		report, err := try(t, cfg)
		want.setReport(report, err)
		want.Contents = contents(t, target)

		cfg, target = prepare(&got)
		results := runRanges(t, cfg, cut(r, 1+r.IntN(9)), &got.Stats)
		gate, err := s3sync.NewRunner(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		permit, err := gate.Permit(t.Context(), results...)
		if _, gotErr := gate.Finish(t.Context(), err); gotErr != nil {
			got.Err, _, _ = strings.Cut(gotErr.Error(), ":")
			if want.Err != got.Err || len(want.Deleted) != 0 {
				t.Errorf("refused with %v, one run ended with %q", gotErr, want.Err)
			}
			return
		}
		permit = elsewhere(t, permit)
		slices.SortFunc(results, func(a, b *s3sync.RangeResult) int { return strings.Compare(a.Range.From, b.Range.From) })
		for i, result := range results {
			for again := range 2 {
				var deleted []string
				each := *cfg
				each.OnEvent = func(ev s3sync.Event) {
					if ev.Type == s3sync.EventDeleted {
						deleted = append(deleted, ev.Key)
					}
				}
				runner, err := s3sync.NewRunner(t.Context(), &each)
				if err != nil {
					t.Fatal(err)
				}
				err = runner.DeletePermitted(t.Context(), permit, permit.Objects[i], result.Extraneous())
				if len(deleted) != int(permit.Objects[i]) {
					t.Errorf("call %d told of %q when it returned, want %d", again, deleted, permit.Objects[i])
				}
				done, err := runner.Finish(t.Context(), err)
				if err != nil || done.Warnings != 0 {
					t.Fatal(err, done.Stats)
				}
				if again == 0 {
					got.Deleted = append(got.Deleted, deleted...)
					got.Stats.Add(&done.Stats)
				}
			}
		}
		if permit.Stopped != "" {
			got.Stats.Warnings++
		}
		slices.Sort(got.Deleted)
		got.Stats.Elapsed, got.Stats.TransferredBytes = 0, 0
		got.Contents = contents(t, target)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in one run (-), in parts (+):\n%s", diff)
		}
	})
}

// Whatever happens between the permit and the deletion, nothing is deleted that the source
// has, or that is another object by then.
func TestPermittedDeletionLooksAgain(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "1"})
	put(t, target, map[string]string{"b": "old", "c": "old", "d": "old", "e": "old"})
	cfg := config(source, target)
	cfg.Delete.Enable = true
	results := runRanges(t, cfg, []storage.Range{{}}, new(s3sync.Stats))
	runner, err := s3sync.NewRunner(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	permit, err := runner.Permit(t.Context(), results...)
	if err != nil {
		t.Fatal(err)
	}
	put(t, source, map[string]string{"b": "it came"})
	put(t, target, map[string]string{"c": "it changed"})
	target.Delete(t.Context(), []storage.Object{{Key: "d"}}, storage.DeleteOptions{})
	if err := runner.DeletePermitted(t.Context(), permit, permit.Objects[0]+1, results[0].Extraneous()); !errors.Is(err, s3sync.ErrDeleteRefused) {
		t.Errorf("more objects than the permit has: %v", err)
	}
	report, err := runner.Finish(t.Context(), runner.DeletePermitted(t.Context(), permit, permit.Objects[0], results[0].Extraneous()))
	if err != nil || report.Deleted != 2 || report.Warnings != 2 {
		t.Errorf("%v, %+v", err, report.Stats)
	}
	if diff := cmp.Diff(map[string]string{"a": "1", "b": "old", "c": "it changed"}, contents(t, target)); diff != "" {
		t.Error(diff)
	}
}

// What permits no deletion in one run, gives no permit.
func TestNoPermit(t *testing.T) {
	for name, tt := range map[string]struct {
		source map[string]string
		set    func(*s3sync.Config)
		change func([]*s3sync.RangeResult)
		want   string
	}{
		"deletions off":     {set: func(c *s3sync.Config) { c.Delete.Enable = false }, want: "do not ask for it"},
		"an empty source":   {want: "no object was found in the source"},
		"a missing range":   {change: func(r []*s3sync.RangeResult) { r[0].Range.To = "k" }, want: "no result is of the keys"},
		"incomplete":        {change: func(r []*s3sync.RangeResult) { r[1].Incomplete = true }, want: "a listing was not complete"},
		"a failed transfer": {change: func(r []*s3sync.RangeResult) { r[1].Unsafe = true }, want: "not every transfer succeeded"},
		"other settings":    {change: func(r []*s3sync.RangeResult) { r[1].Settings = "x" }, want: "other sides or settings"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			put(t, source, tt.source)
			put(t, target, map[string]string{"b": "old"})
			cfg := config(source, target)
			cfg.Delete.Enable = true
			if tt.set != nil {
				tt.set(cfg)
			}
			results := runRanges(t, cfg, []storage.Range{{To: "m"}, {From: "m"}}, new(s3sync.Stats))
			if tt.change != nil {
				tt.change(results)
			}
			runner, err := s3sync.NewRunner(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			permit, err := runner.Permit(t.Context(), results...)
			if permit != nil || !errors.Is(err, s3sync.ErrDeleteRefused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			none := func(func(storage.Object, error) bool) {}
			forged := &s3sync.DeletePermit{Settings: "x"}
			if err := runner.DeletePermitted(t.Context(), forged, 9, iter.Seq2[storage.Object, error](none)); !errors.Is(err, s3sync.ErrDeleteRefused) {
				t.Errorf("a permit of other settings: %v", err)
			}
			_, _ = runner.Finish(t.Context(), nil)
		})
	}
}

// Joined results are the result of the joined range.
func TestJoinedResults(t *testing.T) {
	eachSeed(t, 20, func(t *testing.T, r *rand.Rand) {
		inSource, inTarget := randomTrees(r)
		result := func(ranges []storage.Range) *s3sync.RangeResult {
			source, target := &faulty{Store: mem.New()}, mem.New()
			put(t, target, inTarget)
			put(t, source.Store, inSource)
			source.open = func(key string) error {
				if strings.Contains(key, "a") {
					return &storage.Error{Op: "open", Key: key, Err: errInjected}
				}
				return nil
			}
			cfg := config(source, target)
			cfg.Check.Mode, cfg.Delete.Enable = s3sync.CheckSize, true
			results := runRanges(t, cfg, ranges, new(s3sync.Stats))
			for _, next := range results[1:] {
				if err := results[0].Join(next); err != nil {
					t.Fatal(err)
				}
			}
			results[0].Stats.Elapsed = 0
			slices.SortFunc(results[0].Failures, func(a, b s3sync.Failure) int { return strings.Compare(a.Key, b.Key) })
			return elsewhere(t, results[0])
		}
		whole, joined := result([]storage.Range{{}}), result(cut(r, 5))
		a, _ := json.Marshal(whole)
		b, _ := json.Marshal(joined)
		if string(a) != string(b) {
			t.Errorf("one range:\n%s\njoined:\n%s", a, b)
		}
		if err := joined.Join(whole); err == nil {
			t.Error("results that overlap were joined")
		}
	})
}

// Only objects that failed make a result safe when they succeed later.
func TestOtherwiseUnsafe(t *testing.T) {
	for _, tt := range []struct {
		err               error
		unsafe, otherwise bool
	}{{nil, false, false}, {errInjected, true, false}, {storage.ErrPrecondition, true, true}} {
		source := &faulty{Store: mem.New()}
		put(t, source.Store, map[string]string{"a": "1", "b": "2"})
		source.open = func(key string) error {
			if key == "a" && tt.err != nil {
				return &storage.Error{Op: "open", Key: key, Err: tt.err}
			}
			return nil
		}
		result := runRanges(t, config(source, mem.New()), []storage.Range{{}}, new(s3sync.Stats))[0]
		if result.Unsafe != tt.unsafe || result.OtherwiseUnsafe != tt.otherwise {
			t.Errorf("%v: unsafe %v, otherwise %v", tt.err, result.Unsafe, result.OtherwiseUnsafe)
		}
	}
}
