package history_test

import (
	"iter"
	"slices"
	"testing"

	"s3sync/internal/history"
	"s3sync/storage"
)

func TestGroups(t *testing.T) {
	source, target := newStore(), newStore()
	source.steps(t, "a", "1")
	source.steps(t, "c", "12-")
	source.steps(t, "d", "1")
	source.steps(t, "e", "1-2")
	source.steps(t, "g", "1")
	target.steps(t, "b", "1")
	target.steps(t, "c", "1")
	target.steps(t, "d", "1-")
	for name, tt := range map[string]struct {
		opts history.Options
		want []string
	}{
		"all": {history.Options{}, []string{"a", "c visible marker", "d deleted", "e", "g"}},
		"all markers": {
			history.Options{AllMarkers: true}, []string{"a", "c visible", "d deleted", "e", "g"},
		},
		"range": {history.Options{Range: storage.Range{From: "b", To: "d"}}, []string{"c visible marker"}},
		"some": {
			history.Options{Keep: func(v storage.Object) (bool, error) { return v.Key < "d" && !v.DeleteMarker, nil }},
			[]string{"a", "c visible"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for g, err := range planner(tt.opts, source, target).Groups(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				text := g.Key
				if g.Visible() {
					text += " visible"
				}
				if g.Deleted {
					text += " deleted"
				}
				if g.Marker != nil {
					text += " marker"
				}
				got = append(got, text)
				if err := g.Close(); err != nil {
					t.Error(err)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A listing that fails or is out of order ends the sequence: nothing is guessed.
func TestGroupsFail(t *testing.T) {
	yields := func(err error, keys ...string) func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
			return func(yield func(storage.Object, error) bool) {
				for _, key := range keys {
					if !yield(storage.Object{Key: key}, nil) {
						return
					}
				}
				if err != nil {
					yield(storage.Object{}, err)
				}
			}
		}
	}
	for name, tt := range map[string]struct {
		source, target func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error]
		keep           func(storage.Object) (bool, error)
		keys           int
		want           string
	}{
		"source":              {source: yields(errTest, "a", "a"), want: "source: test failure"},
		"source, later":       {source: yields(errTest, "a", "b"), keys: 1, want: "source: test failure"},
		"target":              {target: yields(errTest, "a"), want: "target: test failure"},
		"source out of order": {source: yields(nil, "b", "a"), want: `source: versions out of order: key "a" after "b"`},
		"target out of order": {target: yields(nil, "0b", "0a"), want: `target: versions out of order: key "0a" after "0b"`},
		"keep":                {keep: func(storage.Object) (bool, error) { return false, errTest }, want: "test failure"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(), newStore()
			source.steps(t, "a", "1")
			source.listing, target.listing = tt.source, tt.target
			keys, last := 0, ""
			for g, err := range planner(history.Options{Keep: tt.keep}, source, target).Groups(t.Context()) {
				if err != nil {
					last = err.Error()
					continue
				}
				keys++
				_ = g.Close()
			}
			if keys != tt.keys || last != tt.want {
				t.Errorf("%d keys, then %q; want %d, then %q", keys, last, tt.keys, tt.want)
			}
		})
	}
}
