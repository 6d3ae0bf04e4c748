package extsort

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/record"
	"s3sync/storage"
)

// shuffled returns n objects in an order that looks random. Some keys are there
// twice; Size tells which came first.
func shuffled(n int) []storage.Object {
	list := make([]storage.Object, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range list {
		list[i] = storage.Object{
			Key:     fmt.Sprintf("photos/%06d.jpeg", random.IntN(3*n)),
			Size:    int64(i),
			ModTime: time.Unix(1700000000, int64(i)).UTC(),
			ETag:    fmt.Sprintf("%032x", i*i),
		}
	}
	return list
}

func sorted(list []storage.Object) []storage.Object {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b storage.Object) int { return cmp.Compare(a.Key, b.Key) })
	return list
}

func addAll(t testing.TB, s *Sorter, list []storage.Object) {
	t.Helper()
	for _, o := range list {
		if err := s.Add(o); err != nil {
			t.Fatal(err)
		}
	}
}

func all(s *Sorter) (list []storage.Object, err error) {
	for o, e := range s.Sorted() {
		if e != nil {
			err = e
			continue
		}
		list = append(list, o)
	}
	return list, err
}

// perRun is a limit that makes runs of about n of the objects of shuffled.
func perRun(n int64) int64 { return n*(objectSize+18+32) - 1 }

func TestSorter(t *testing.T) {
	tests := map[string]struct {
		limit int64
		fanIn int
		n     int
		runs  int // at the end; 0 without a file
	}{
		"empty":               {0, fanIn, 0, 0},
		"one":                 {0, fanIn, 1, 0},
		"in memory":           {0, fanIn, 1000, 0},
		"one run":             {perRun(1000), fanIn, 1000, 1},
		"a run and a rest":    {perRun(1000), fanIn, 1001, 2},
		"as many as merge":    {perRun(10), fanIn, 640, 64},
		"two passes":          {perRun(10), fanIn, 641, 2},
		"three passes":        {1, fanIn, 4097, 2}, // 4097, 65, 2
		"many passes":         {1, 2, 1000, 2},
		"a run of one object": {1, 3, 10, 2}, // 10, 4, 2
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(tt.limit)
			s.fanIn = tt.fanIn
			list := shuffled(tt.n)
			addAll(t, s, list)
			want := sorted(list)
			for range 2 { // repeatable
				if got, err := all(s); err != nil || tt.n > 0 && !gocmp.Equal(got, want) {
					t.Fatalf("got %d objects, %v; want %d in order", len(got), err, len(want))
				}
			}
			runs := 0
			if s.file != nil {
				runs = len(s.file.runs)
			}
			if runs != tt.runs {
				t.Errorf("got %d runs, want %d", runs, tt.runs)
			}
			if err := s.Add(storage.Object{}); err == nil {
				t.Error("Add after Sorted: got no error")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSorterProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringOfN(rapid.RuneFrom([]rune("ab/\x00é")), 0, 5, -1)
		keys := rapid.SliceOfN(key, 0, 200).Draw(t, "keys")
		s := New(rapid.Int64Range(1, 2000).Draw(t, "limit"))
		defer s.Close()
		s.fanIn = rapid.IntRange(2, 5).Draw(t, "fan-in")
		var list []storage.Object
		for i, k := range keys {
			list = append(list, storage.Object{Key: k, Size: int64(i)})
		}
		for _, o := range list {
			if err := s.Add(o); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := all(s); err != nil || len(list) > 0 && !gocmp.Equal(got, sorted(list)) {
			t.Fatalf("got %v, %v", got, err)
		}
	})
}

func TestSorterStops(t *testing.T) {
	for name, limit := range map[string]int64{"memory": 0, "file": 1} {
		t.Run(name, func(t *testing.T) {
			s := New(limit)
			defer s.Close()
			addAll(t, s, shuffled(100))
			n := 0
			for _, err := range s.Sorted() {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == 7 {
					break
				}
			}
			if n != 7 {
				t.Errorf("went on to %d", n)
			}
		})
	}
}

// What is in memory stays near the limit, however much is added.
func TestSorterMemory(t *testing.T) {
	const limit = 100 << 10
	s := New(limit)
	defer s.Close()
	for i, o := range shuffled(20_000) {
		if err := s.Add(o); err != nil {
			t.Fatal(err)
		}
		if s.size > limit || len(s.objects)*objectSize > limit {
			t.Fatalf("%d bytes, %d objects in memory after %d", s.size, len(s.objects), i+1)
		}
	}
}

// Damage in any run, in any pass, is an error and never an end.
func TestSorterDamage(t *testing.T) {
	cut := func(f *os.File, size int64) error { return f.Truncate(size - 1) }
	empty := func(f *os.File, _ int64) error { return f.Truncate(0) }
	flip := func(f *os.File, size int64) error { _, err := f.WriteAt([]byte{0xa5}, size/2); return err }
	tests := map[string]struct {
		damage func(f *os.File, size int64) error
		runs   int
	}{
		"cut off":                {cut, 5},
		"emptied":                {empty, 5},
		"a byte wrong":           {flip, 5},
		"cut off, two passes":    {cut, 200},
		"wrong byte, two passes": {flip, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			const n = 5000
			s := New(perRun(int64(n / tt.runs)))
			defer s.Close()
			addAll(t, s, shuffled(n))
			if err := tt.damage(s.file.temp.File, s.file.size); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := all(s); !errors.Is(err, record.ErrDamaged) {
					t.Errorf("ended with %v, want ErrDamaged", err)
				}
			}
		})
	}
}

func TestSorterErrorsStay(t *testing.T) {
	t.Run("no file", func(t *testing.T) {
		t.Setenv("TMPDIR", "/does/not/exist")
		s := New(1)
		defer s.Close()
		err := s.Add(storage.Object{Key: "a"})
		if err == nil {
			t.Fatal("got no error")
		}
		if _, got := all(s); !errors.Is(got, err) {
			t.Errorf("Sorted: got %v, want %v", got, err)
		}
		if got := s.Add(storage.Object{}); !errors.Is(got, err) {
			t.Errorf("Add: got %v, want %v", got, err)
		}
	})
	t.Run("no file for the second pass", func(t *testing.T) {
		s := New(1)
		defer s.Close()
		addAll(t, s, shuffled(100))
		t.Setenv("TMPDIR", "/does/not/exist")
		for range 2 {
			if got, err := all(s); err == nil {
				t.Errorf("got %d objects and no error", len(got))
			}
		}
	})
	t.Run("too long", func(t *testing.T) {
		s := New(1)
		defer s.Close()
		if err := s.Add(storage.Object{Key: strings.Repeat("k", 2<<20)}); err == nil {
			t.Error("got no error")
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := New(1)
		addAll(t, s, shuffled(3))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := all(s); err == nil {
			t.Error("Sorted: got no error")
		}
		if err := s.Add(storage.Object{}); err == nil {
			t.Error("Add: got no error")
		}
	})
}

func BenchmarkSorter(b *testing.B) {
	list := shuffled(100_000)
	for name, limit := range map[string]int64{"memory": 1 << 30, "20 runs": perRun(5000), "200 runs": perRun(500)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := New(limit)
				addAll(b, s, list)
				for _, err := range s.Sorted() {
					if err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(list)), "ns/object")
		})
	}
}
