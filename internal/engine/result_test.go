package engine

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"s3sync/internal/report"
	"s3sync/storage"
)

func TestTiling(t *testing.T) {
	all := storage.Range{}
	for name, tt := range map[string]struct {
		whole storage.Range
		parts []storage.Range
		fails bool
	}{
		"one":                      {all, []storage.Range{{}}, false},
		"two":                      {all, []storage.Range{{To: "m"}, {From: "m"}}, false},
		"in any order":             {all, []storage.Range{{From: "x"}, {To: "m"}, {From: "m", To: "x"}}, false},
		"an empty one":             {all, []storage.Range{{To: "m"}, {From: "m", To: "m"}, {From: "m"}}, false},
		"an empty one, later":      {all, []storage.Range{{From: "m"}, {From: "m", To: "m"}, {To: "m"}}, false},
		"an inverted one":          {storage.Range{To: "b"}, []storage.Range{{To: "m"}, {From: "m", To: "b"}}, true},
		"a part of the run":        {storage.Range{From: "b", To: "d"}, []storage.Range{{From: "b", To: "c"}, {From: "c", To: "d"}}, false},
		"none":                     {all, nil, true},
		"the end is missing":       {all, []storage.Range{{To: "m"}}, true},
		"the beginning is missing": {all, []storage.Range{{From: "m"}}, true},
		"the middle is missing":    {all, []storage.Range{{To: "m"}, {From: "n"}}, true},
		"twice":                    {all, []storage.Range{{}, {}}, true},
		"overlap":                  {all, []storage.Range{{To: "n"}, {From: "m"}}, true},
		"overlap of the last":      {all, []storage.Range{{From: "a"}, {To: "m"}}, true},
		"more than the run":        {storage.Range{From: "b", To: "d"}, []storage.Range{{From: "b"}}, true},
		"less than the run":        {storage.Range{From: "b", To: "d"}, []storage.Range{{From: "b", To: "c"}}, true},
		"begins before the run":    {storage.Range{From: "b", To: "d"}, []storage.Range{{To: "d"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var results []*Result
			for _, r := range tt.parts {
				results = append(results, &Result{Range: r})
			}
			got, err := tiling(tt.whole, results)
			if (err != nil) != tt.fails || tt.fails && !errors.Is(err, ErrDeleteRefused) {
				t.Fatalf("error %v", err)
			}
			for i := 1; i < len(got); i++ {
				if got[i].Range.From < got[i-1].Range.From {
					t.Errorf("%q after %q", got[i].Range.From, got[i-1].Range.From)
				}
			}
		})
	}
}

func TestForbidden(t *testing.T) {
	for name, tt := range map[string]struct {
		results []*Result
		unsafe  bool
		want    string
	}{
		"all went well":    {[]*Result{{}, {}}, false, ""},
		"one is unsafe":    {[]*Result{{}, {Unsafe: true}}, false, "not every transfer succeeded"},
		"the run is":       {[]*Result{{}, {}}, true, "not every transfer succeeded"},
		"one lacks a part": {[]*Result{{Unsafe: true}, {Incomplete: true}, {}}, true, "a listing was not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := forbidden(tt.results, tt.unsafe); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A result can be carried to another machine.
func TestResultAsJSON(t *testing.T) {
	want := Result{
		Range: storage.Range{From: "a", To: "m"}, Stopped: true, DryRun: true, Unsafe: true, Found: 3, Held: 2, Added: 1,
		Stats: report.Stats{Transferred: 1, Failed: 1}, Protected: []string{"x"},
		Failures: []report.Failure{{Key: "b", Err: errors.New("broken")}},
	}
	data, err := json.Marshal(&want)
	if err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Failures) != 1 || got.Failures[0].Key != "b" || got.Failures[0].Err.Error() != "broken" {
		t.Errorf("failures %v", got.Failures)
	}
	got.Failures, want.Failures = nil, nil
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Result{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The engine holds what results need until they are closed, and closes the rest at its
// end.
func TestResultsAreClosed(t *testing.T) {
	r := newRun(t, newStore(t, "a"), newStore(t, "b", "m"), nil)
	holds := func(n int) {
		t.Helper()
		if len(r.spools.open) != n {
			t.Errorf("%d spools are open, want %d", len(r.spools.open), n)
		}
	}
	first, second := r.unit(t, Unit{Range: storage.Range{To: "c"}}), r.unit(t, Unit{Range: storage.Range{From: "m"}})
	holds(2)
	r.unit(t, Unit{Range: storage.Range{From: "c", To: "m"}}) // lists nothing
	holds(2)
	for range 2 {
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		holds(1)
	}
	r.end(t)
	holds(0)
	if got := extraneous(t, first); got != nil {
		t.Errorf("a closed result has %q", got)
	}
	for o, err := range second.Extraneous() {
		if err == nil {
			t.Errorf("a result is open after the end of the run: %q", o.Key)
		}
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
}

// A result from elsewhere gets its extraneous objects.
func TestSetExtraneous(t *testing.T) {
	var r Result
	defer r.Close()
	for o, err := range r.Extraneous() {
		t.Errorf("an empty result has the extraneous object %q, %v", o.Key, err)
	}
	objects := []storage.Object{{Key: "a", Size: 1}, {Key: "b", ETag: "e"}}
	err := r.SetExtraneous(func(yield func(storage.Object, error) bool) {
		for _, o := range objects {
			if !yield(o, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []storage.Object
	for o, err := range r.Extraneous() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, o)
	}
	if !reflect.DeepEqual(got, objects) {
		t.Errorf("got %+v", got)
	}
}
