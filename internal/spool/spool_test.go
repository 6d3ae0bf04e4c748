package spool

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/record"
	"s3sync/storage"
)

func objects(n int) []storage.Object {
	list := make([]storage.Object, n)
	for i := range list {
		list[i] = storage.Object{
			Key:       fmt.Sprintf("photos/2024/05/IMG_%06d.jpeg", i),
			Size:      int64(i),
			ModTime:   time.Unix(1700000000, int64(i)).UTC(),
			ETag:      fmt.Sprintf("%032x", i*i),
			VersionID: fmt.Sprint(i),
		}
	}
	return list
}

func appendAll(t testing.TB, s *Spool, list []storage.Object) {
	t.Helper()
	for _, o := range list {
		if err := s.Append(o); err != nil {
			t.Fatal(err)
		}
	}
}

func all(s *Spool) (list []storage.Object, err error) {
	for o, e := range s.All() {
		if e != nil {
			err = e
			continue
		}
		list = append(list, o)
	}
	return list, err
}

func TestSpool(t *testing.T) {
	tests := map[string]struct {
		limit int64
		n     int
		file  bool
	}{
		"empty":          {0, 0, false},
		"one":            {0, 1, false},
		"in memory":      {0, 1000, false},
		"in a file":      {20 << 10, 1000, true},
		"file at once":   {1, 1000, true},
		"one block only": {1, 10, true}, // written when it is read
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(tt.limit)
			want := objects(tt.n)
			half := tt.n / 2
			appendAll(t, s, want[:half])
			for range 2 { // repeatable, also between two Appends
				if got, err := all(s); err != nil || half > 0 && !cmp.Equal(got, want[:half]) {
					t.Fatalf("first half: got %d objects, %v", len(got), err)
				}
			}
			appendAll(t, s, want[half:])
			for range 2 {
				if got, err := all(s); err != nil || tt.n > 0 && !cmp.Equal(got, want) {
					t.Fatalf("got %d objects, %v", len(got), err)
				}
			}
			if s.Len() != int64(tt.n) || (s.file != nil) != tt.file {
				t.Errorf("got %d objects, file %v", s.Len(), s.file != nil)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSpoolStops(t *testing.T) {
	s := New(1)
	defer s.Close()
	appendAll(t, s, objects(100))
	n := 0
	for _, err := range s.All() {
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
}

func TestSpoolKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := New(rapid.Int64Range(1, 200).Draw(t, "limit"))
		defer s.Close()
		var want []storage.Object
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				o := storage.Object{
					Key: rapid.StringN(0, 20, -1).Draw(t, "key"), Size: rapid.Int64().Draw(t, "size"),
					ETag: rapid.StringN(0, 20, -1).Draw(t, "etag"),
				}
				if err := s.Append(o); err != nil {
					t.Fatal(err)
				}
				want = append(want, o)
			},
			"read": func(t *rapid.T) {
				got, err := all(s)
				if err != nil || len(want) > 0 && !cmp.Equal(got, want) || s.Len() != int64(len(want)) {
					t.Fatalf("got %v, %v, want %v", got, err, want)
				}
			},
		})
	})
}

// A list that is not whole any more must not look like a shorter one.
func TestSpoolDamage(t *testing.T) {
	tests := map[string]func(t *testing.T, f *os.File, size int64) error{
		"cut off":     func(_ *testing.T, f *os.File, size int64) error { return f.Truncate(size - 1) },
		"cut in half": func(_ *testing.T, f *os.File, size int64) error { return f.Truncate(size / 2) },
		"emptied":     func(_ *testing.T, f *os.File, _ int64) error { return f.Truncate(0) },
		"longer":      func(_ *testing.T, f *os.File, size int64) error { return f.Truncate(size + 1) },
		"a byte wrong": func(_ *testing.T, f *os.File, size int64) error {
			_, err := f.WriteAt([]byte{0xa5}, size/2)
			return err
		},
	}
	for name, damage := range tests {
		t.Run(name, func(t *testing.T) {
			s := New(1)
			defer s.Close()
			appendAll(t, s, objects(5000))
			if _, err := all(s); err != nil {
				t.Fatal(err)
			}
			if err := damage(t, s.file.File, s.records.Size()); err != nil {
				t.Fatal(err)
			}
			if _, err := all(s); !errors.Is(err, record.ErrDamaged) {
				t.Errorf("ended with %v, want ErrDamaged", err)
			}
		})
	}
}

func TestSpoolErrorsStay(t *testing.T) {
	t.Run("no file", func(t *testing.T) {
		t.Setenv("TMPDIR", "/does/not/exist")
		s := New(1)
		defer s.Close()
		var err error
		for _, o := range objects(2000) {
			if err = s.Append(o); err != nil {
				break
			}
		}
		if err == nil {
			t.Fatal("got no error")
		}
		if _, got := all(s); !errors.Is(got, err) {
			t.Errorf("All: got %v, want %v", got, err)
		}
		if got := s.Append(storage.Object{}); !errors.Is(got, err) {
			t.Errorf("Append: got %v, want %v", got, err)
		}
	})
	t.Run("file fails", func(t *testing.T) {
		s := New(1)
		appendAll(t, s, objects(5000))
		if err := s.file.File.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := all(s); !errors.Is(err, os.ErrClosed) {
			t.Errorf("All: got %v", err)
		}
		if err := s.Close(); err == nil {
			t.Error("Close: got no error")
		}
	})
	t.Run("too long", func(t *testing.T) {
		s := New(0)
		if err := s.Append(storage.Object{Key: strings.Repeat("k", 2<<20)}); err == nil {
			t.Fatal("got no error")
		}
		if _, err := all(s); err == nil {
			t.Error("All: the list looks whole")
		}
	})
	t.Run("closed", func(t *testing.T) {
		s := New(0)
		appendAll(t, s, objects(3))
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := all(s); err == nil {
			t.Error("All: got no error")
		}
		if err := s.Append(storage.Object{}); err == nil {
			t.Error("Append: got no error")
		}
	})
}

func BenchmarkSpool(b *testing.B) {
	list := objects(100_000)
	for name, limit := range map[string]int64{"memory": 1 << 30, "file": 1} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := New(limit)
				appendAll(b, s, list)
				for _, err := range s.All() {
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
