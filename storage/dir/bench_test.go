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

// BenchmarkList walks 10,000 files in 100 directories.
func BenchmarkList(b *testing.B) {
	path := b.TempDir()
	const dirs, files = 100, 100
	for i := range dirs {
		sub := filepath.Join(path, fmt.Sprintf("dir%03d", i))
		if err := os.Mkdir(sub, 0o777); err != nil {
			b.Fatal(err)
		}
		for j := range files {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprintf("file%03d", j)), nil, 0o666); err != nil {
				b.Fatal(err)
			}
		}
	}
	for name, opts := range map[string]dir.Options{
		"source":           {Source: true},
		"source, no links": {Source: true, IgnoreSymlinks: true},
		"target":           {},
	} {
		b.Run(name, func(b *testing.B) {
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
				if n != dirs*files {
					b.Fatalf("listed %d files", n)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*dirs*files), "ns/file")
		})
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

// BenchmarkRead opens, reads, checks and closes files of 10 KiB.
func BenchmarkRead(b *testing.B) {
	path := b.TempDir()
	const files = 1000
	data := make([]byte, 10<<10)
	for i := range files {
		if err := os.WriteFile(filepath.Join(path, fmt.Sprintf("file%03d", i)), data, 0o666); err != nil {
			b.Fatal(err)
		}
	}
	s, err := dir.Open(path, dir.Options{Source: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		r, err := s.Open(b.Context(), fmt.Sprintf("file%03d", i%files), storage.OpenOptions{})
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
}
