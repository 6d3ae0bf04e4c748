package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"s3sync/internal/report"
	"s3sync/storage"
	"s3sync/storage/dir"
)

// A unit that was interrupted, or that could not look at a part of its range, has a
// result that says so. With such a result nothing is deleted, whatever is asked for
// later.
func TestResultThatLacksSomething(t *testing.T) {
	cancelAt := func(op string) func(s *store, cancel context.CancelCauseFunc) {
		return func(s *store, cancel context.CancelCauseFunc) {
			s.before = func(at, _ string) error {
				if at != op {
					return nil
				}
				cancel(errInjected)
				return context.Canceled
			}
		}
	}
	failAt := func(op string, err error) func(s *store, _ context.CancelCauseFunc) {
		return func(s *store, _ context.CancelCauseFunc) {
			s.before = func(at, _ string) error {
				if at == op {
					return err
				}
				return nil
			}
		}
	}
	for name, tt := range map[string]struct {
		source, target func(*store, context.CancelCauseFunc)
		set            func(*Options)
		keys           storage.Range
		err            bool // of the unit
	}{
		"cancelled before the listing":                                {source: cancelAt("list"), err: true},
		"cancelled in the listing":                                    {source: cancelAt("next"), err: true},
		"cancelled at its end":                                        {source: cancelAt("end"), err: true},
		"cancelled in the target's listing":                           {target: cancelAt("next"), err: true},
		"cancelled at the target's end":                               {target: cancelAt("end"), err: true},
		"cancelled in a transfer":                                     {source: cancelAt("open"), err: true},
		"cancelled in a write":                                        {target: cancelAt("put"), err: true},
		"cancelled while it is found out whether the source is there": {source: cancelAt("place"), err: true},
		"source listing fails":                                        {source: failAt("end", errInjected), err: true},
		"target listing fails":                                        {target: failAt("end", errInjected), err: true},
		"source is not there any more":                                {source: failAt("place", errInjected)},
		"source unusable":                                             {source: failAt("open", storage.ErrUnusable), err: true},
		"a transfer fails":                                            {source: failAt("open", errInjected)},
		"the first transfer that fails":                               {source: failAt("open", errInjected), set: func(o *Options) { o.FailFast = true }, err: true},
		"a write fails":                                               {target: failAt("put", errInjected)},
		"something that cannot be listed":                             {source: func(s *store, _ context.CancelCauseFunc) { s.problem.Err = errInjected }},
		"something the target cannot list":                            {target: func(s *store, _ context.CancelCauseFunc) { s.problem.Err = errInjected }},
		"filter callback fails": {set: func(o *Options) {
			o.Listed.Func = func(storage.Object) (bool, error) { return true, errInjected }
		}, err: true},
		"range that is not in the run": {set: func(o *Options) { o.Range = storage.Range{To: "z"} }, err: true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, "a", "b"), newStore(t, "b", "x")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			if tt.source != nil {
				tt.source(source, cancel)
			}
			if tt.target != nil {
				tt.target(target, cancel)
			}
			r := newRun(t, source, target, tt.set)
			result, err := r.Run(ctx, Unit{Range: tt.keys})
			if (err != nil) != tt.err || ctx.Err() != nil && !errors.Is(err, errInjected) {
				t.Errorf("error %v, want one: %v", err, tt.err)
			}
			if !result.Incomplete && !result.Unsafe {
				t.Errorf("the result passes for a complete one: %+v", result)
			}
			if err != nil && !result.Incomplete {
				t.Error("the result of a unit that ended early is not incomplete")
			}
			source.before, target.before = nil, nil
			_ = r.Delete(t.Context(), []*Result{result})
			if err := result.Close(); err != nil {
				t.Error(err)
			}
			r.end(t)
			if !slices.Contains(target.keys(t), "x") {
				t.Error("an object was deleted")
			}
		})
	}
}

// Units at once share the workers, and add up to one run.
func TestUnitsAtOnce(t *testing.T) {
	var inSource, inTarget []string
	for i := range 30 {
		inSource = append(inSource, fmt.Sprintf("%02d", i))
		inTarget = append(inTarget, fmt.Sprintf("%02d", i+15))
	}
	source, target := newStore(t, inSource...), newStore(t, inTarget...)
	var mu sync.Mutex
	atWork, most := 0, 0
	begins := func(op, _ string) error {
		if op == "open" {
			mu.Lock()
			defer mu.Unlock()
			atWork++
			most = max(most, atWork)
		}
		return nil
	}
	source.before = begins
	target.before = func(op, _ string) error {
		if op == "put" {
			mu.Lock()
			defer mu.Unlock()
			atWork--
		}
		return nil
	}
	r := newRun(t, source, target, nil)
	ranges := []storage.Range{{To: "07"}, {From: "07", To: "11"}, {From: "11", To: "38"}, {From: "38"}}
	results := make([]*Result, len(ranges))
	var units sync.WaitGroup
	for i, keys := range ranges {
		units.Go(func() {
			var err error
			if results[i], err = r.Run(t.Context(), Unit{Range: keys}); err != nil {
				t.Error(err)
			}
		})
	}
	units.Wait()
	if most > 2 {
		t.Errorf("%d objects were worked on at once, by 2 workers", most)
	}
	for i, want := range []struct{ found, held, added, only int64 }{{7, 0, 7, 0}, {4, 0, 4, 0}, {19, 23, 4, 8}, {0, 7, 0, 7}} {
		got := results[i]
		if got.Range != ranges[i] || got.Found != want.found || got.Held != want.held || got.Added != want.added ||
			int64(len(extraneous(t, got))) != want.only || got.Stats.Transferred != want.added {
			t.Errorf("%+v: %+v", ranges[i], got)
		}
	}
	slices.Reverse(results)
	if err := r.Delete(t.Context(), results); err != nil {
		t.Error(err)
	}
	for _, result := range results {
		_ = result.Close()
	}
	if told := r.end(t); told.Transferred != 15 || told.Deleted != 15 || told.Skipped != 15 || told.Failed != 0 {
		t.Errorf("%+v", told.Stats)
	}
	if got := target.keys(t); !slices.Equal(got, inSource) {
		t.Errorf("the target has %q", got)
	}
}

// A unit that is stopped ends between two keys. What is left begins there, and the
// results tile the run.
func TestStoppedUnits(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target []string
		keys           storage.Range
		stops          []string // the keys at which it stops
	}{
		"nothing there":        {},
		"one key":              {source: []string{"a"}, stops: nil},
		"source":               {source: []string{"a", "b", "c"}, stops: []string{"b", "c"}},
		"both":                 {source: []string{"a", "c"}, target: []string{"b", "c"}, stops: []string{"c"}},
		"only in the target":   {target: []string{"a", "b", "c"}, stops: []string{"b", "c"}},
		"target goes on":       {source: []string{"a"}, target: []string{"a", "b", "c"}, stops: []string{"b", "c"}},
		"target in between":    {source: []string{"a", "d"}, target: []string{"b", "c"}, stops: []string{"d"}},
		"in a range":           {source: []string{"a", "b", "c", "d"}, keys: storage.Range{From: "b", To: "d"}, stops: []string{"c"}},
		"behind the source":    {source: []string{"a"}, target: []string{"b", "c"}, stops: []string{"c"}},
		"nothing in the range": {source: []string{"a"}, keys: storage.Range{From: "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, tt.source...), newStore(t, tt.target...)
			r := newRun(t, source, target, func(o *Options) { o.Range, o.Delete.AllowEmptySource = tt.keys, true })
			var results []*Result
			var stops []string
			u := Unit{Range: tt.keys, Stop: stopped()}
			for {
				result := r.unit(t, u)
				results = append(results, result)
				if result.Range.From != u.Range.From || !result.Stopped && result.Range != u.Range {
					t.Fatalf("%+v came to %+v", u.Range, result.Range)
				}
				if !result.Stopped {
					break
				}
				stops = append(stops, result.Range.To)
				if u.Range.From = result.Range.To; len(stops) > 10 {
					t.Fatalf("stops at %q", stops)
				}
			}
			if !slices.Equal(stops, tt.stops) {
				t.Errorf("stopped at %q, want %q", stops, tt.stops)
			}
			if err := r.Delete(t.Context(), results); err != nil {
				t.Error(err)
			}
			r.end(t)
			var want []string
			for _, key := range tt.source {
				if tt.keys.Contains(key) {
					want = append(want, key)
				}
			}
			if got := target.keys(t); !slices.Equal(got, want) {
				t.Errorf("the target has %q, want %q", got, want)
			}
		})
	}
}

// A unit that is interrupted while others run does not stop them.
func TestInterruptedUnitAmongOthers(t *testing.T) {
	source, target := newStore(t, "a", "b", "m", "n"), newStore(t, "c", "o")
	ctx, cancel := context.WithCancelCause(t.Context())
	source.before = func(op, key string) error {
		if op == "open" && key == "a" {
			cancel(errInjected)
		}
		return nil
	}
	r := newRun(t, source, target, nil)
	lower, upper := storage.Range{To: "m"}, storage.Range{From: "m"}
	var interrupted, complete *Result
	var units sync.WaitGroup
	units.Go(func() {
		var err error
		if interrupted, err = r.Run(ctx, Unit{Range: lower}); !errors.Is(err, errInjected) {
			t.Errorf("got %v", err)
		}
	})
	units.Go(func() { complete = r.unit(t, Unit{Range: upper}) })
	units.Wait()
	defer interrupted.Close()
	if !interrupted.Incomplete || complete.Incomplete || complete.Unsafe || complete.Stats.Transferred != 2 {
		t.Errorf("interrupted %+v, complete %+v", interrupted, complete)
	}
	if err := r.Delete(t.Context(), []*Result{interrupted, complete}); err != nil || target.calls["delete"] != 0 {
		t.Errorf("%v, %d deletions", err, target.calls["delete"])
	}
	again := r.unit(t, Unit{Range: lower})
	if err := r.Delete(t.Context(), []*Result{again, complete}); err != nil {
		t.Error(err)
	}
	r.end(t)
	if got := target.keys(t); !slices.Equal(got, []string{"a", "b", "m", "n"}) {
		t.Errorf("the target has %q", got)
	}
}

// What cannot be listed is told once, by the unit whose range has its key, although
// others that list the directory meet it, too. It is protected in all of them.
func TestUnlistedIsToldOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		ranges []storage.Range
		stop   bool
	}{
		"one range":         {ranges: []storage.Range{{}}},
		"ranges":            {ranges: []storage.Range{{To: "b"}, {From: "b", To: "d/p"}, {From: "d/p"}}},
		"stopped":           {ranges: []storage.Range{{}}, stop: true},
		"stopped in ranges": {ranges: []storage.Range{{To: "b"}, {From: "b", To: "d/p"}, {From: "d/p"}}, stop: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			for _, file := range []string{"a", "b", "c"} {
				if err := os.WriteFile(filepath.Join(path, file), []byte(file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, link := range []string{"d", "z"} {
				if err := os.Symlink("nothing", filepath.Join(path, link)); err != nil {
					t.Fatal(err)
				}
			}
			source, err := dir.Open(path, dir.Options{Source: true})
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			target := newStore(t, "d/m", "d/x", "e", "z")
			r := newRun(t, source, target, nil)
			var results []*Result
			for _, keys := range tt.ranges {
				for more := true; more; {
					u := Unit{Range: keys}
					if tt.stop {
						u.Stop = stopped()
					}
					result := r.unit(t, u)
					results = append(results, result)
					more, keys.From = result.Stopped, result.Range.To
				}
			}
			if err := r.Delete(t.Context(), results); err != nil {
				t.Error(err)
			}
			told := r.end(t)
			if got := r.keysOf(report.EventWarning); !slices.Equal(got, []string{"d", "z"}) || told.Warnings != 2 {
				t.Errorf("warned of %q, %+v", got, told.Stats)
			}
			if got := r.keysOf(report.EventDeleted); !slices.Equal(got, []string{"e"}) {
				t.Errorf("deleted %q", got)
			}
		})
	}
}
