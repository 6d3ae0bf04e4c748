package scan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"s3sync/internal/join"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

func TestPairs(t *testing.T) {
	inSource := map[string]string{"a": "1", "b": "22", "d/e": "333"}
	inTarget := map[string]string{"b": "2", "c": "3", "z": "4"}
	all := []string{"a s", "b st", "d/e s"}
	for name, tt := range map[string]struct {
		opts                         Options
		sourceShuffled, targetMisses bool
		want, targetOnly             []string
		objects, bytes               int64
	}{
		"everything": {opts: Options{ListTarget: true}, want: all, targetOnly: []string{"c", "z"}, objects: 3, bytes: 6},
		"unordered":  {opts: Options{ListTarget: true}, sourceShuffled: true, want: all, targetOnly: []string{"c", "z"}, objects: 3, bytes: 6},
		"a range":    {opts: Options{ListTarget: true, Range: storage.Range{From: "b", To: "d"}}, want: []string{"b st"}, targetOnly: []string{"c"}, objects: 1, bytes: 2},
		"unordered range": {
			opts: Options{ListTarget: true, Range: storage.Range{From: "b", To: "d"}}, sourceShuffled: true,
			want: []string{"b st"}, targetOnly: []string{"c"}, objects: 1, bytes: 2,
		},
		"no target": {want: []string{"a s", "b s", "d/e s"}, objects: 3, bytes: 6},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, inSource), newStore(t, inTarget)
			source.shuffled = tt.sourceShuffled
			var objects, bytes int64
			tt.opts.Listed = func(n, b int64) { objects, bytes = objects+n, bytes+b }
			tt.opts.KeepTargetOnly = true
			s := scanner(t, tt.opts, source, target)
			wantKeys(t, s.Pairs(t.Context()), tt.want...)
			if objects != tt.objects || bytes != tt.bytes {
				t.Errorf("%d objects of %d bytes were listed, want %d of %d", objects, bytes, tt.objects, tt.bytes)
			}
			wantTargetOnly(t, s, tt.targetOnly...)
			if lists := source.lists + target.lists; lists != 2 && (tt.opts.ListTarget || lists != 1) {
				t.Errorf("%d listings", lists)
			}
		})
	}
}

// asking is a store that says when it has asked for its first answer.
type asking struct {
	*store

	note func(string)
}

func (a *asking) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		a.note("asked")
		if opts.Asked != nil && !opts.Asked() {
			return
		}
		a.note("answered")
		a.store.List(ctx, opts)(yield)
	}
}

// TestPairsBeginTogether: the source is listed while the target waits for its first answer,
// also if that listing fails and begins anew.
func TestPairsBeginTogether(t *testing.T) {
	var log []string
	note := func(what string) { log = append(log, what) }
	target := newStore(t, map[string]string{"b": "2", "c": "3"})
	target.failures, target.failure = 1, storage.ErrTransient
	source := &asking{newStore(t, map[string]string{"a": "1", "b": "22"}), func(what string) { note("source " + what) }}
	s := scanner(t, Options{ListTarget: true}, source, &asking{target, func(what string) { note("target " + what) }})
	wantKeys(t, s.Pairs(t.Context()), "a s", "b st")
	want := []string{"target asked", "source asked", "source answered", "target answered", "target asked", "target answered"}
	if !slices.Equal(log, want) {
		t.Errorf("got %q, want %q", log, want)
	}
}

// A listing that breaks goes on, or fails the scan under the name of its side.
func TestPairsRetry(t *testing.T) {
	for name, tt := range map[string]struct {
		failures int
		failure  error
		fails    bool
		lists    int
	}{
		"passes":         {1, storage.ErrTransient, false, 2},
		"passes at last": {2, storage.ErrTransient, false, 3},
		"keeps failing":  {3, storage.ErrTransient, true, 3},
		"stays":          {1, errTest, true, 1},
	} {
		for _, which := range []string{"source", "target"} {
			t.Run(name+" in the "+which, func(t *testing.T) {
				data := map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}
				source, target := newStore(t, data), newStore(t, data)
				broken := map[string]*store{"source": source, "target": target}[which]
				broken.failures, broken.failure, broken.shuffled = tt.failures, tt.failure, true
				listed := false
				s := scanner(t, Options{ListTarget: true, Listed: func(int64, int64) { listed = true }}, source, target)
				got, err := keysOf(s.Pairs(t.Context()))
				if !tt.fails && (err != nil || !slices.Equal(got, []string{"a st", "b st", "c st", "d st"})) {
					t.Errorf("got %q, %v", got, err)
				}
				if tt.fails && (!errors.Is(err, tt.failure) || err.Error()[:8] != which+": " || len(got) > 0) {
					t.Errorf("got %q, %v", got, err)
				}
				if broken.lists != tt.lists || listed == tt.fails {
					t.Errorf("%d listings, want %d; ended well: %v", broken.lists, tt.lists, listed)
				}
			})
		}
	}
}

// A store that only seems to list in order fails the scan.
func TestPairsOrder(t *testing.T) {
	source := newStore(t, map[string]string{"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "f": "6"})
	source.shuffled = true
	of := side.New("source", source, side.Options{})
	of.Caps.Ordered = true
	s := New(Options{}, of, side.New("target", mem.New(), side.Options{}))
	defer s.Close()
	for range 20 { // by chance it can be in order
		if _, err := keysOf(s.Pairs(t.Context())); errors.Is(err, join.ErrOrder) {
			return
		}
	}
	t.Error("no error")
}

// What could not be listed is told with its side.
func TestPairsTellProblems(t *testing.T) {
	source, target := newStore(t, map[string]string{"a": "1"}), newStore(t, nil)
	source.problem = storage.Problem{Key: "pipe", Err: errTest}
	target.problem = storage.Problem{Err: errTest}
	target.shuffled = true
	var told []string
	s := scanner(t, Options{ListTarget: true, Problem: func(of *side.Side, p storage.Problem) {
		told = append(told, of.Name+" "+p.Key)
	}}, source, target)
	wantKeys(t, s.Pairs(t.Context()), "a s")
	slices.Sort(told)
	if !slices.Equal(told, []string{"source pipe", "target "}) {
		t.Errorf("told %q", told)
	}
	// Nobody has to listen.
	source.problem = storage.Problem{Key: "pipe", Err: errTest}
	wantKeys(t, scanner(t, Options{}, source, target).Pairs(t.Context()), "a s")
}

// versions is a source in which "a" is written in the seconds 1, 2 and 4, and deleted
// in 3, and "/b" is written in 2.
func versions(t *testing.T) (source *mem.Store, second func(int) time.Time) {
	t.Helper()
	source = mem.NewVersioned()
	second = func(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0) }
	for n, keys := range [][]string{1: {"a"}, 2: {"a", "/b"}, 3: {}, 4: {"a"}} {
		source.SetClock(func() time.Time { return second(n) })
		for _, key := range keys {
			if _, err := source.Put(t.Context(), key, storage.Block{}, storage.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if n == 3 {
			source.Delete(t.Context(), []storage.Object{{Key: "a"}}, storage.DeleteOptions{})
		}
	}
	return source, second
}

func TestPointInTime(t *testing.T) {
	source, second := versions(t)
	isNot := func(n int) func(storage.Object) (bool, error) {
		return func(v storage.Object) (bool, error) { return !v.ModTime.Equal(second(n)), nil }
	}
	for name, tt := range map[string]struct {
		at   int
		keep func(storage.Object) (bool, error)
		want []string // keys and their second
	}{
		"before all":                      {0, nil, nil},
		"first":                           {1, nil, []string{"a 1"}},
		"second":                          {2, nil, []string{"/b 2", "a 2"}},
		"deleted":                         {3, nil, []string{"/b 2"}},
		"there again":                     {9, nil, []string{"/b 2", "a 4"}},
		"an older one takes its place":    {2, isNot(2), []string{"a 1"}},
		"the delete marker does not keep": {3, isNot(3), []string{"/b 2", "a 2"}},
		"none is kept":                    {9, func(storage.Object) (bool, error) { return false, nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			s := scanner(t, Options{PointInTime: second(tt.at), Keep: tt.keep}, source, mem.New())
			for p, err := range s.Pairs(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p.Key()+" "+string(rune('0'+int(p.Source.ModTime.Sub(second(0)).Seconds()))))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// Keep is asked about what belongs to the range, and about nothing that does not
// matter. Its error ends the scan.
func TestKeepIsAskedOnce(t *testing.T) {
	source, second := versions(t)
	target := newFileStore(t, nil)
	for name, tt := range map[string]struct {
		r    storage.Range
		want []string
	}{
		"the file is in the range":     {storage.Range{From: "b"}, []string{"/b"}},
		"the key is in the range":      {storage.Range{To: "0"}, nil},
		"older ones are not asked for": {storage.Range{To: "b"}, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			var asked []string
			s := scanner(t, Options{Range: tt.r, PointInTime: second(3), Keep: func(v storage.Object) (bool, error) {
				asked = append(asked, v.Key)
				return true, nil
			}}, source, target)
			if _, err := keysOf(s.Pairs(t.Context())); err != nil || !slices.Equal(asked, tt.want) {
				t.Errorf("asked about %q, want %q; %v", asked, tt.want, err)
			}
		})
	}
	s := scanner(t, Options{PointInTime: second(9), Keep: func(storage.Object) (bool, error) { return false, errTest }}, source, target)
	if _, err := keysOf(s.Pairs(t.Context())); !errors.Is(err, errTest) {
		t.Errorf("error %v", err)
	}
}

func TestLimit(t *testing.T) {
	r := storage.Range{From: "a", To: "p/7"}
	bucket := side.New("target", mem.New(), side.Options{})
	files := side.New("target", newFileStore(t, nil), side.Options{})
	for name, tt := range map[string]struct {
		prefix string
		target *side.Side
		want   storage.Range
	}{
		"bucket":               {"p/", bucket, storage.Range{From: "p/", To: "p/7"}},
		"odd, in a bucket":     {"p//", bucket, storage.Range{From: "p//", To: "p/0"}},
		"directory":            {"p/", files, storage.Range{From: "p/", To: "p/7"}},
		"odd, in a directory":  {"p//", files, r},
		"cannot be a file":     {"p/..", files, r},
		"nothing in common":    {"q", bucket, storage.Range{From: "q", To: "p/7"}},
		"all keys begin so":    {"", bucket, r},
		"no key can be a file": {"", files, r},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Limit(r, tt.prefix, tt.target); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// A fixed store lists the same objects at no cost.
type fixed struct {
	storage.Store
	objects []storage.Object
}

func (f fixed) List(context.Context, storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for _, o := range f.objects {
			if !yield(o, nil) {
				return
			}
		}
	}
}

// BenchmarkPairs measures one pair of objects with typical keys, on their way to a
// worker.
func BenchmarkPairs(b *testing.B) {
	list := fixed{Store: mem.New(), objects: make([]storage.Object, 1000)}
	for i := range list.objects {
		list.objects[i].Key = fmt.Sprintf("photos/2024/05/IMG_%06d.jpeg", i)
	}
	mapped := struct {
		fixed
		storage.KeyMapper
	}{list, newMapper(b)}
	for name, target := range map[string]storage.Store{"bucket": list, "files": mapped} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s := New(Options{ListTarget: true}, side.New("source", list, side.Options{}), side.New("target", target, side.Options{}))
				for p, err := range s.Pairs(b.Context()) {
					if err != nil {
						b.Fatal(err)
					}
					n += len(p.Key()) / len(p.TargetKey)
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/object")
		})
	}
}
