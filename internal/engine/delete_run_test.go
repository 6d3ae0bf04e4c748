package engine

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/gate"
	"s3sync/internal/report"
	"s3sync/storage"
)

// What a dry run foresaw was not transferred, so that nothing is deleted after it.
func TestResultOfADryRunDeletesNothing(t *testing.T) {
	source, target := newStore(t, "new"), newStore(t, "old")
	dry := newRun(t, source, target, func(o *Options) { o.DryRun = true })
	foreseen := dry.unit(t, Unit{})
	if err := dry.Delete(t.Context(), []*Result{foreseen}); err != nil {
		t.Error(err)
	}
	if told := dry.end(t); told.Deleted != 1 || told.Transferred != 1 {
		t.Errorf("%+v", told.Stats)
	}
	r := newRun(t, source, target, nil)
	if err := r.Delete(t.Context(), []*Result{foreseen}); !errors.Is(err, ErrDeleteRefused) {
		t.Errorf("got %v", err)
	}
	r.end(t)
	if got := target.keys(t); !slices.Equal(got, []string{"old"}) {
		t.Errorf("the target has %q", got)
	}
}

// What one range could not list protects what lies below in another range, also if
// the results came from elsewhere.
func TestProtectedInAnotherRange(t *testing.T) {
	for _, carried := range []bool{false, true} {
		source, target := newStore(t, "a"), newStore(t, "a", "d", "d-", "d/m", "d/x", "d0")
		source.problem = storage.Problem{Key: "d", Err: errInjected}
		r := newRun(t, source, target, nil)
		results := []*Result{r.unit(t, Unit{Range: storage.Range{To: "d/p"}}), r.unit(t, Unit{Range: storage.Range{From: "d/p"}})}
		if !slices.Equal(results[0].Protected, []string{"d"}) || len(results[1].Protected) != 0 {
			t.Errorf("protected %q and %q", results[0].Protected, results[1].Protected)
		}
		if carried {
			for i := range results {
				results[i] = carry(t, results[i])
			}
		}
		if err := r.Delete(t.Context(), results); err != nil {
			t.Error(err)
		}
		r.end(t)
		if got := r.keysOf(report.EventDeleted); !slices.Equal(got, []string{"d-", "d0"}) {
			t.Errorf("carried %v: deleted %q", carried, got)
		}
		if got := target.keys(t); !slices.Equal(got, []string{"a", "d", "d/m", "d/x"}) {
			t.Errorf("carried %v: the target has %q", carried, got)
		}
	}
}

// carry takes a result to another machine.
func carry(t *testing.T, r *Result) *Result {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var carried Result
	if err := json.Unmarshal(data, &carried); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = carried.Close() })
	if err := carried.SetExtraneous(r.Extraneous()); err != nil {
		t.Fatal(err)
	}
	return &carried
}

// The gate looks at all results together, whatever each of them would permit.
func TestGateOfAllRanges(t *testing.T) {
	ranges := []storage.Range{{To: "m"}, {From: "m"}}
	for name, tt := range map[string]struct {
		source, target []string
		set            func(*Options)
		change         func(results []*Result)
		deleted        []string
		refused        string // in the error
	}{
		"everything went well":             {source: []string{"a"}, target: []string{"b", "x"}, deleted: []string{"b", "x"}},
		"one range of the source is empty": {source: []string{"z"}, target: []string{"b", "z"}, deleted: []string{"b"}},
		"all of the source is empty":       {target: []string{"b"}, refused: "no object was found in the source"},
		"which is permitted":               {target: []string{"b"}, set: func(o *Options) { o.Delete.AllowEmptySource = true }, deleted: []string{"b"}},
		"one range is unsafe":              {source: []string{"a"}, target: []string{"b", "x"}, change: func(r []*Result) { r[1].Unsafe = true }},
		"one range is incomplete":          {source: []string{"a"}, target: []string{"b", "x"}, change: func(r []*Result) { r[0].Incomplete = true }},
		"one range is that of another run": {source: []string{"a"}, target: []string{"b", "x"}, change: func(r []*Result) { r[0].Range.To = "k" }, refused: `no result is of the keys from "k" to "m"`},
		"one range is there twice":         {source: []string{"a"}, target: []string{"b", "x"}, change: func(r []*Result) { r[1] = r[0] }, refused: "in the ranges of two results"},
		"nothing may be deleted":           {source: []string{"a"}, target: []string{"b"}, set: func(o *Options) { o.Delete.Enable = false }},
		"at most one of both ranges": {
			source: []string{"a"}, target: []string{"b", "x"}, set: func(o *Options) { o.Delete.Max = 1 }, deleted: []string{"b"},
		},
		"too many are protected": {
			source: []string{"a"}, target: []string{"b", "x"}, refused: "too many entries of the source cannot be listed",
			change: func(r []*Result) { r[0].Protected = []string{strings.Repeat("p", gate.MaxProtectedBytes), "q"} },
		},
		"a sibling in the second range": {
			source: []string{"/a"}, target: []string{"/b", "x"}, refused: "ends in the middle of a name",
			set: func(o *Options) { o.TargetPlace.Root = "photos" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, tt.source...), newStore(t)
			r := newRun(t, source, target, tt.set) // which looks for siblings
			target.put(t, tt.target...)
			var results []*Result
			for _, keys := range ranges {
				results = append(results, r.unit(t, Unit{Range: keys}))
			}
			if tt.change != nil {
				tt.change(results)
			}
			err := r.Delete(t.Context(), results)
			if (err == nil) != (tt.refused == "") || err != nil && !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("got %v, want %q", err, tt.refused)
			}
			r.end(t)
			if got := r.keysOf(report.EventDeleted); !slices.Equal(got, tt.deleted) {
				t.Errorf("deleted %q, want %q", got, tt.deleted)
			}
		})
	}
}

// A warning of the whole run that counts as a failure permits no deletion, whenever the
// units ended. The result of the unit that met it carries that.
func TestFailedRunDeletesNothing(t *testing.T) {
	for _, strict := range []bool{true, false} {
		source, target := newStore(t, "a", "m"), newStore(t, "b", "x")
		source.before = func(op, key string) error {
			if op == "tags" && key == "m" {
				return fs.ErrPermission
			}
			return nil
		}
		r := newRun(t, source, target, func(o *Options) { o.WarnAsError = strict })
		first := r.unit(t, Unit{Range: storage.Range{To: "m"}})
		second := r.unit(t, Unit{Range: storage.Range{From: "m"}})
		if first.Unsafe || second.Unsafe != strict {
			t.Errorf("strict %v: unsafe %v and %v", strict, first.Unsafe, second.Unsafe)
		}
		third := r.unit(t, Unit{Range: storage.Range{From: "m"}})
		if third.Unsafe != strict {
			t.Errorf("strict %v: a later unit is unsafe: %v", strict, third.Unsafe)
		}
		third.Unsafe = false
		if err := r.Delete(t.Context(), []*Result{first, third}); err != nil {
			t.Error(err)
		}
		told := r.end(t)
		if deleted := told.Deleted == 2; deleted == strict || told.Transferred != 2 || (told.Failed == 1) != strict || (told.Warnings == 1) == strict {
			t.Errorf("strict %v: %+v", strict, told.Stats)
		}
	}
}

// Where both sides may be one bucket, the source is asked for what is to be deleted.
func TestOneBucketIsAsked(t *testing.T) {
	broken := func(context.Context, storage.Object) (bool, error) { return false, errInjected }
	for name, tt := range map[string]struct {
		holds        func(context.Context, storage.Object) (bool, error)
		allowOverlap bool
		refused      string
	}{
		"two":                          {holds: func(context.Context, storage.Object) (bool, error) { return false, nil }},
		"one":                          {holds: func(_ context.Context, o storage.Object) (bool, error) { return o.Key == "c", nil }, refused: `are one bucket under two names, as "p/c" shows`},
		"one, allowed":                 {holds: func(_ context.Context, o storage.Object) (bool, error) { return o.Key == "c", nil }, allowOverlap: true, refused: "are one bucket under two names"},
		"cannot be found out":          {holds: broken, refused: "which the source cannot be asked: injected"},
		"cannot be found out, allowed": {holds: broken, allowOverlap: true},
	} {
		t.Run(name, func(t *testing.T) {
			target := newStore(t, "b", "c")
			r := newRun(t, newStore(t, "a"), target, func(o *Options) {
				o.OneBucket = &OneBucket{Names: "x and y", Prefix: "p/", Holds: tt.holds}
				o.Delete.AllowOverlap = tt.allowOverlap
			})
			err := r.Delete(t.Context(), []*Result{r.unit(t, Unit{})})
			if (err == nil) != (tt.refused == "") || err != nil && (!errors.Is(err, ErrDeleteRefused) || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("got %v, want %q", err, tt.refused)
			}
			r.end(t)
			if deleted := target.calls["delete"] != 0; deleted == (err != nil) {
				t.Errorf("deleted: %v", deleted)
			}
		})
	}
}

// A run that is cancelled meanwhile deletes nothing that it did not begin.
func TestCancelledBeforeDeletion(t *testing.T) {
	source, target := newStore(t, "a"), newStore(t, "b")
	r := newRun(t, source, target, nil)
	result := r.unit(t, Unit{})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInjected)
	if err := r.Delete(ctx, []*Result{result}); !errors.Is(err, errInjected) || target.calls["delete"] != 0 {
		t.Errorf("got %v, %d deletions", err, target.calls["delete"])
	}
	r.end(t)
}
