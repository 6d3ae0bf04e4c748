package join_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/join"
	"s3sync/storage"
)

var errTest = errors.New("test failure")

// listing yields objects with these keys, and then err if it is not nil. Size
// tells the sides apart.
func listing(size int64, err error, keys ...string) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for _, k := range keys {
			if !yield(storage.Object{Key: k, Size: size}, nil) {
				return
			}
		}
		if err != nil {
			yield(storage.Object{}, err)
		}
	}
}

// collect writes each pair as its key and the sides that have it. It adds the side to
// an error, as the pair says.
func collect(t testing.TB, pairs iter.Seq2[join.Pair, error]) (got []string, err error) {
	t.Helper()
	for p, e := range pairs {
		if err != nil {
			t.Fatalf("pair %v, %v after the error %v", p, e, err)
		}
		if e != nil {
			side := "source"
			if p.InTarget {
				side = "target"
			}
			if (p != join.Pair{InSource: side == "source", InTarget: side == "target"}) {
				t.Errorf("with the error %v comes %+v", e, p)
			}
			err = fmt.Errorf("%s: %w", side, e)
			continue
		}
		sides := ""
		if p.InSource {
			sides += "s"
		}
		if p.InTarget {
			sides += "t"
		}
		if p.InSource != (p.Source == storage.Object{Key: p.Key, Size: 1}) ||
			p.InTarget != (p.Target == storage.Object{Key: p.Key, Size: 2}) {
			t.Errorf("sides do not fit the pair: %+v", p)
		}
		got = append(got, p.Key+" "+sides)
	}
	return got, err
}

func TestSorted(t *testing.T) {
	tests := map[string]struct {
		source, target []string
		want           []string
	}{
		"both empty":       {nil, nil, nil},
		"source only":      {[]string{"a", "b"}, nil, []string{"a s", "b s"}},
		"target only":      {nil, []string{"a", "b"}, []string{"a t", "b t"}},
		"same":             {[]string{"a", "b"}, []string{"a", "b"}, []string{"a st", "b st"}},
		"interleaved":      {[]string{"a", "c", "d"}, []string{"b", "c", "e"}, []string{"a s", "b t", "c st", "d s", "e t"}},
		"empty key":        {[]string{"", "a"}, []string{"", "b"}, []string{" st", "a s", "b t"}},
		"bytes, not words": {[]string{"a-1", "a/b", "a0", "é"}, []string{"Z", "a.txt"}, []string{"Z t", "a-1 s", "a.txt t", "a/b s", "a0 s", "é s"}},
		"target behind":    {[]string{"a"}, []string{"b", "c", "d"}, []string{"a s", "b t", "c t", "d t"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := collect(t, join.Sorted(listing(1, nil, tt.source...), listing(2, nil, tt.target...)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSortedWithoutTarget(t *testing.T) {
	got, err := collect(t, join.Sorted(listing(1, nil, "a", "b"), nil))
	if err != nil || !slices.Equal(got, []string{"a s", "b s"}) {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := collect(t, join.Sorted(listing(1, errTest, "a"), nil)); !errors.Is(err, errTest) {
		t.Errorf("got %v, want the failure of the source", err)
	}
}

// A listing that fails must never look like one that ended: what comes last is
// the error, and the keys behind it are in no pair.
func TestSortedErrors(t *testing.T) {
	tests := map[string]struct {
		source, target       []string
		sourceErr, targetErr error
		want                 []string
		wantErr              error
		text                 []string // in the error
	}{
		"source": {
			[]string{"a"},
			[]string{"a", "b"},
			errTest, nil,
			[]string{"a st"},
			errTest,
			[]string{"source: "},
		},
		"source at once": {
			nil,
			[]string{"a"},
			errTest, nil,
			nil, errTest,
			[]string{"source: "},
		},
		"target at once": {
			[]string{"a"},
			nil, nil, errTest,
			nil, errTest,
			[]string{"target: "},
		},
		"target, behind a pair": {
			[]string{"a", "b"},
			[]string{"a"},
			nil, errTest,
			[]string{"a st"},
			errTest,
			[]string{"target: "},
		},
		"target, before a source key": {
			[]string{"a", "c"},
			[]string{"b"},
			nil, errTest,
			[]string{"a s", "b t"},
			errTest,
			[]string{"target: "},
		},
		"target, behind the source": {
			[]string{"a"},
			[]string{"b", "c"},
			nil, errTest,
			[]string{"a s", "b t", "c t"},
			errTest,
			[]string{"target: "},
		},
		"source out of order": {
			[]string{"b", "a"},
			nil, nil, nil,
			[]string{"b s"},
			join.ErrOrder,
			[]string{"source: ", `"a"`, `"b"`},
		},
		"target out of order": {
			[]string{"a"},
			[]string{"a", "c", "b"},
			nil, nil,
			[]string{"a st", "c t"},
			join.ErrOrder,
			[]string{"target: ", `"b"`, `"c"`},
		},
		"source twice": {
			[]string{"a", "a"},
			nil, nil, nil,
			[]string{"a s"},
			join.ErrOrder,
			[]string{"source: ", `"a" twice`},
		},
		"empty key twice": {
			nil,
			[]string{"", ""},
			nil, nil,
			[]string{" t"},
			join.ErrOrder,
			[]string{"target: ", `"" twice`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := collect(t, join.Sorted(listing(1, tt.sourceErr, tt.source...), listing(2, tt.targetErr, tt.target...)))
			if !errors.Is(err, tt.wantErr) {
				t.Fatalf("got error %v, want %v", err, tt.wantErr)
			}
			if text := err.Error(); strings.Count(text, "source: ")+strings.Count(text, "target: ") != 1 {
				t.Errorf("error %q names a side that only the caller knows", text)
			}
			for _, s := range tt.text {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("error %q does not contain %q", err, s)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
		})
	}
}

// When the consumer stops, both listings are told so, wherever that is.
func TestSortedStops(t *testing.T) {
	for stopAt := range 5 {
		t.Run(fmt.Sprint("after ", stopAt), func(t *testing.T) {
			ended := 0
			watch := func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					defer func() { ended++ }()
					seq(yield)
				}
			}
			source, target := watch(listing(1, nil, "a", "b", "d")), watch(listing(2, nil, "b", "c", "e", "f"))
			n := 0
			for _, err := range join.Sorted(source, target) {
				if err != nil {
					t.Fatal(err)
				}
				if n == stopAt {
					break
				}
				n++
			}
			if ended != 2 {
				t.Errorf("%d listings ended, want 2", ended)
			}
		})
	}
}

// TestAsking: the source begins when the target has asked for its first answer. Nothing else
// changes: not the pairs, not whose error comes first, and a consumer that stops.
func TestAsking(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target       []string
		sourceErr, targetErr error
		asks                 int
		want                 []string
		wantErr              string
	}{
		"pairs":                 {[]string{"a", "b"}, []string{"b", "c"}, nil, nil, 1, []string{"a s", "b st", "c t"}, ""},
		"no source":             {nil, []string{"b"}, nil, nil, 1, []string{"b t"}, ""},
		"no target":             {[]string{"a"}, nil, nil, nil, 1, []string{"a s"}, ""},
		"nothing":               {nil, nil, nil, nil, 1, nil, ""},
		"asks never":            {[]string{"a", "b"}, []string{"b"}, nil, nil, 0, []string{"a s", "b st"}, ""},
		"asks twice":            {[]string{"a", "b"}, []string{"b"}, nil, nil, 2, []string{"a s", "b st"}, ""},
		"source fails":          {nil, []string{"b"}, errTest, nil, 1, nil, "source: "},
		"target fails":          {[]string{"a"}, nil, nil, errTest, 1, nil, "target: "},
		"both fail":             {nil, nil, errTest, errTest, 1, nil, "target: "},
		"target fails, no keys": {nil, nil, nil, errTest, 1, nil, "target: "},
		"target fails later":    {[]string{"a", "c"}, []string{"a"}, nil, errTest, 1, []string{"a st"}, "target: "},
	} {
		t.Run(name, func(t *testing.T) {
			var log []string
			source := func(yield func(storage.Object, error) bool) {
				log = append(log, "source begins")
				listing(1, tt.sourceErr, tt.source...)(yield)
			}
			target := join.Asking(func(asked func() bool) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					for range tt.asks {
						if !asked() {
							t.Error("the target is to end")
							return
						}
					}
					log = append(log, "target answers")
					listing(2, tt.targetErr, tt.target...)(yield)
				}
			})
			got, err := collect(t, join.Sorted(source, target))
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("pairs (-want +got):\n%s", diff)
			}
			if text := fmt.Sprint(err); tt.wantErr == "" && err != nil || tt.wantErr != "" && (!errors.Is(err, errTest) || !strings.HasPrefix(text, tt.wantErr)) {
				t.Errorf("error %v, want %q", err, tt.wantErr)
			}
			want := []string{"source begins", "target answers"}
			if tt.asks == 0 {
				slices.Reverse(want)
			}
			if diff := cmp.Diff(want, log); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAskingEnds: a source that panics before its first object ends the target, which waits
// for nothing.
func TestAskingEnds(t *testing.T) {
	goesOn := true
	target := join.Asking(func(asked func() bool) iter.Seq2[storage.Object, error] {
		return func(func(storage.Object, error) bool) { goesOn = asked() }
	})
	defer func() {
		if recover() == nil || goesOn {
			t.Errorf("the target goes on: %t", goesOn)
		}
	}()
	for p, err := range join.Sorted(func(func(storage.Object, error) bool) { panic("broken") }, target) {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestSortedEqualsMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringOfN(rapid.RuneFrom([]rune("ab/é")), 0, 4, -1)
		keys := rapid.SliceOfDistinct(key, rapid.ID)
		source, target := keys.Draw(t, "source"), keys.Draw(t, "target")
		slices.Sort(source)
		slices.Sort(target)

		want := map[string]string{}
		for _, k := range source {
			want[k] += "s"
		}
		for _, k := range target {
			want[k] += "t"
		}
		got, last, first := map[string]string{}, "", true
		for p, err := range join.Sorted(listing(1, nil, source...), listing(2, nil, target...)) {
			if err != nil {
				t.Fatal(err)
			}
			if !first && p.Key <= last {
				t.Fatalf("%q after %q", p.Key, last)
			}
			first, last = false, p.Key
			if p.InSource {
				got[p.Key] += "s"
			}
			if p.InTarget {
				got[p.Key] += "t"
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// BenchmarkSorted measures one pair of objects with typical keys.
func BenchmarkSorted(b *testing.B) {
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("photos/2024/05/IMG_%06d.jpeg", i)
	}
	run := func(b *testing.B, target iter.Seq2[storage.Object, error]) {
		b.Helper()
		b.ReportAllocs()
		source := listing(1, nil, keys...)
		n := 0
		for b.Loop() {
			for p, err := range join.Sorted(source, target) {
				if err != nil || !p.InSource {
					b.Fatal(p, err)
				}
				n++
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/object")
	}
	b.Run("both", func(b *testing.B) { run(b, listing(2, nil, keys...)) })
	b.Run("no target", func(b *testing.B) { run(b, nil) })
}
