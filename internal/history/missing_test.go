package history_test

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"s3sync/internal/history"
	"s3sync/storage"
)

var errTest = errors.New("test failure")

// What the target has already is found by what its versions say of themselves.
func TestVersionsKnownByMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		first  string // of the source in a first run
		then   string // what others do in the target
		more   string // of the source
		want   string
		stat   int // questions of the second run
		marked bool
	}{
		"others were there":      {"", "xy", "12-3", "xy123", 2, false},
		"others come between":    {"12", "x", "3", "12x3", 3, false},
		"others are the last":    {"12", "x", "", "12x", 3, false},
		"deleted by others":      {"12", "-", "3", "12-3", 0, false},
		"deleted, all markers":   {"12", "-", "3", "12-3", 2, true},
		"markers before others":  {"1-", "x", "2-", "1-x2-", 2, true},
		"markers behind others":  {"1", "x-", "-", "1x-", 2, true},
		"markers of others only": {"", "--", "---1", "---1", 0, true},
		"deleted at last":        {"12", "", "-", "12-", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(), newStore()
			opts := history.Options{AllMarkers: tt.marked}
			source.steps(t, "a", tt.first)
			sync(t, opts, source, target)
			target.steps(t, "a", tt.then)
			source.steps(t, "a", tt.more)
			before := target.stats
			sync(t, opts, source, target)
			if n := target.stats - before; n != tt.stat {
				t.Errorf("%d versions were asked for, want %d", n, tt.stat)
			}
			if got := target.story(t, "a"); got != tt.want {
				t.Errorf("the history is %q, want %q", got, tt.want)
			}
			if states := sync(t, opts, source, target)["a"]; strings.ContainsAny(states, "MD") {
				t.Errorf("third run: %q", states)
			}
		})
	}
}

func TestStates(t *testing.T) {
	keepNone := func(ids ...string) func(storage.Object) (bool, error) {
		return func(v storage.Object) (bool, error) { return !slices.Contains(ids, v.VersionID), nil }
	}
	for name, tt := range map[string]struct {
		first string
		opts  history.Options // of the first run
		then  string
		again history.Options
		want  string // states of the second run
	}{
		"equal":                         {"123", history.Options{}, "", history.Options{}, "PPP"},
		"more":                          {"12", history.Options{}, "34", history.Options{}, "PPMM"},
		"out of order":                  {"12345", history.Options{Keep: keepNone("v00000001", "v00000003")}, "6", history.Options{}, "OPOPPM"},
		"a marker came too late":        {"1-2", history.Options{}, "", history.Options{AllMarkers: true}, "POP"},
		"the last marker":               {"12-", history.Options{}, "3", history.Options{AllMarkers: true}, "PPPM"},
		"a marker on its own":           {"1-", history.Options{}, "", history.Options{}, "P"},
		"written again":                 {"1-", history.Options{}, "1", history.Options{}, "PM"},
		"deleted again":                 {"1-", history.Options{}, "2-", history.Options{}, "PMD"},
		"others of the same bytes":      {"111", history.Options{Keep: keepNone("v00000001")}, "1", history.Options{MayLeaveOut: true}, "OPPM"},
		"others, as far as is listed":   {"111", history.Options{Keep: keepNone("v00000001")}, "1", history.Options{}, "PPMM"},
		"only what was never looked at": {"", history.Options{}, "12", history.Options{Keep: keepNone("v00000002", "v00000003")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(), newStore()
			source.steps(t, "a", tt.first)
			source.steps(t, "b", "x")
			sync(t, tt.opts, source, target)
			source.steps(t, "a", tt.then)
			if got := sync(t, tt.again, source, target); got["a"] != tt.want || got["b"] != "P" {
				t.Errorf("states %q, want %q", got, tt.want)
			}
		})
	}
}

// What is archived may be missing, if that is so on purpose.
func TestArchivedVersionsMayBeMissing(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		source, target := newStore(), newStore()
		source.steps(t, "a", "123")
		source.listing = func(all iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
			return func(yield func(storage.Object, error) bool) {
				for v, err := range all {
					v.MaybeArchived = v.VersionID == "v00000002"
					if !yield(v, err) {
						return
					}
				}
			}
		}
		sync(t, history.Options{Keep: func(v storage.Object) (bool, error) { return !v.MaybeArchived, nil }}, source, target)
		before := target.stats
		want, stats := "POP", 2
		if ignore {
			want, stats = "PPP", 0
		}
		if got := sync(t, history.Options{IgnoreArchived: ignore}, source, target)["a"]; got != want || target.stats-before != stats {
			t.Errorf("ignored %v: %q after %d questions, want %q after %d", ignore, got, target.stats-before, want, stats)
		}
	}
}

// TestHistoriesBecomeEqual: whatever the source does between runs, the target has the
// same histories after each of them, and nobody is asked about a version.
func TestHistoriesBecomeEqual(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		source, target := newStore(), newStore()
		for range rapid.IntRange(1, 3).Draw(rt, "runs") {
			for key, steps := range rapid.MapOf(rapid.SampledFrom([]string{"a", "b", "c/d"}), rapid.StringMatching(`[-ab]{1,4}`)).Draw(rt, "steps") {
				source.steps(t, key, steps)
			}
			sync(t, history.Options{AllMarkers: true}, source, target)
			for _, key := range []string{"a", "b", "c/d"} {
				if got, want := target.story(t, key), source.story(t, key); got != want {
					rt.Fatalf("%q has the history %q, want %q", key, got, want)
				}
			}
			if target.stats > 0 {
				rt.Fatalf("%d questions", target.stats)
			}
		}
	})
}

// A key of more versions than are kept in memory.
func TestVersionsOfOneKey(t *testing.T) {
	source, target := newStore(), newStore()
	source.steps(t, "a", strings.Repeat("0123456789-", 300))
	opts := history.Options{AllMarkers: true}
	sync(t, opts, source, target)
	target.steps(t, "a", "x") // so that each version is asked for
	source.steps(t, "a", "y")
	if got := strings.Trim(sync(t, opts, source, target)["a"], "P"); got != "M" {
		t.Errorf("states beside present: %q", got)
	}
}

// A question that fails is asked again if that may help, and ends the versions of the
// key otherwise.
func TestVersionsFail(t *testing.T) {
	for name, tt := range map[string]struct {
		err   error
		stats int
		want  string
	}{
		"for good":   {errTest, 1, "target: test failure"},
		"may pass":   {storage.ErrTransient, 3, fmt.Sprintf("target: %v", storage.ErrTransient)},
		"it is gone": {fs.ErrNotExist, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(), newStore()
			source.steps(t, "a", "12")
			target.steps(t, "a", "xy")
			target.stat = tt.err
			p := planner(history.Options{}, source, target)
			for g, err := range p.Groups(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				last, states := "", 0
				for _, err := range p.Versions(t.Context(), g) {
					if err != nil {
						last = err.Error()
						continue
					}
					states++
				}
				if !strings.Contains(last, tt.want) || (last == "") != (tt.want == "") || target.stats != tt.stats || (states > 0) == (last != "") {
					t.Errorf("%d versions, then %q after %d questions; want %q after %d", states, last, target.stats, tt.want, tt.stats)
				}
				_ = g.Close()
			}
		})
	}
}
