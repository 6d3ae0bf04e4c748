package dir_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// BenchmarkList walks 10,000 files in few and in many directories.
func BenchmarkList(b *testing.B) {
	const files = 10_000
	for _, dirs := range []int{1, 100, 2000} {
		path := b.TempDir()
		for i := range files {
			sub := filepath.Join(path, fmt.Sprintf("dir%04d", i%dirs))
			if err := os.MkdirAll(sub, 0o777); err != nil {
				b.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%05d", i)), nil, 0o666); err != nil {
				b.Fatal(err)
			}
		}
		for name, opts := range views() {
			b.Run(fmt.Sprintf("%d/%s", dirs, name), func(b *testing.B) {
				s, err := dir.Open(path, opts)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				b.ReportAllocs()
				for b.Loop() {
					n := 0
					for _, err := range s.List(b.Context(), storage.ListOptions{}) {
						if err != nil {
							b.Fatal(err)
						}
						n++
					}
					if n != files {
						b.Fatalf("listed %d files", n)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*files), "ns/file")
			})
		}
	}
}

// BenchmarkPut writes files of 10 KiB into 100 directories, as a first run
// (new) or over files that are there (overwrite).
func BenchmarkPut(b *testing.B) {
	data := make([]byte, 10<<10)
	opts := storage.WriteOptions{Size: int64(len(data)), ModTime: time.Unix(1e9, 0)}
	for name, format := range map[string]string{
		"flat": "file-%[2]d",
		"deep": "some/where/dir%02[1]d/file-%[2]d",
	} {
		for kind, files := range map[string]int{"new": 1 << 30, "overwrite": 2000} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				s, err := dir.Open(b.TempDir(), dir.Options{})
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					i++
					if _, err := s.Put(b.Context(), fmt.Sprintf(format, i/100%100, i%files), storage.Block{Data: data}, opts); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkCreate replaces files of 10 KiB, each written as one part.
func BenchmarkCreate(b *testing.B) {
	data := make([]byte, 10<<10)
	opts := storage.WriteOptions{Size: int64(len(data)), ModTime: time.Unix(1e9, 0)}
	s, err := dir.Open(b.TempDir(), dir.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		w, err := s.Create(b.Context(), fmt.Sprintf("some/where/file-%d", i%2000), opts)
		if err != nil {
			b.Fatal(err)
		}
		if err := w.WritePart(b.Context(), 1, 0, storage.Block{Data: data}); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead opens, reads, checks and closes files of 10 KiB.
func BenchmarkRead(b *testing.B) {
	path := b.TempDir()
	const files = 1000
	data := make([]byte, 10<<10)
	key := func(i int) string { return fmt.Sprintf("some/where/file%03d", i%files) }
	for i := range files {
		write := filepath.Join(path, key(i))
		if err := os.MkdirAll(filepath.Dir(write), 0o777); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(write, data, 0o666); err != nil {
			b.Fatal(err)
		}
	}
	for name, opts := range views() {
		b.Run(name, func(b *testing.B) {
			s, err := dir.Open(path, opts)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				r, err := s.Open(b.Context(), key(i), storage.OpenOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if err := r.ReadAt(b.Context(), data, 0); err != nil {
					b.Fatal(err)
				}
				if err := r.Check(b.Context()); err != nil {
					b.Fatal(err)
				}
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
