package engine

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"testing"
	"time"

	"s3sync/internal/compare"
	"s3sync/internal/gate"
	"s3sync/internal/report"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A leanStore lists, reads and writes objects of the same bytes without an allocation,
// so that what is measured is the cost of everything else.
type leanStore struct {
	caps    storage.Caps
	data    []byte
	etag    string
	objects []storage.Object
	readers []leanReader
}

// bucketCaps are those of a bucket, and fileCaps those of a directory.
func bucketCaps() storage.Caps {
	return storage.Caps{
		Ordered: true, WantMD5: true, WantSHA256: true, Streams: true,
		DeleteBatch: 1000, MaxParts: 10_000, Tags: true, StorageClasses: true,
	}
}

func fileCaps() storage.Caps { return storage.Caps{Ordered: true, Files: true, DeleteBatch: 1000} }

// newLeanStore returns a store of n objects.
func newLeanStore(caps storage.Caps, n, size int) *leanStore {
	s := &leanStore{caps: caps, data: make([]byte, size), objects: make([]storage.Object, n), readers: make([]leanReader, n)}
	sum := md5.Sum(s.data)
	if !caps.Files {
		s.etag = hex.EncodeToString(sum[:])
	}
	for i := range n {
		s.objects[i] = storage.Object{Key: leanKey(i), Size: int64(len(s.data)), ModTime: time.Unix(1_700_000_000, 0), ETag: s.etag}
		s.readers[i] = leanReader{s: s, info: storage.Info{Object: s.objects[i]}}
	}
	return s
}

// small is the size of a small object in bytes.
const small = 10 << 10

func leanKey(i int) string { return fmt.Sprintf("photos/2024/05/IMG_%06d.jpeg", i) }

func (s *leanStore) Caps() storage.Caps { return s.caps }

func (s *leanStore) List(context.Context, storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for i := range s.objects {
			if !yield(s.objects[i], nil) {
				return
			}
		}
	}
}

func (s *leanStore) Open(_ context.Context, key string, _ storage.OpenOptions) (storage.Reader, error) {
	const number = len("photos/2024/05/IMG_")
	i, err := strconv.Atoi(key[number : number+6])
	if err != nil {
		return nil, err
	}
	return &s.readers[i], nil
}

func (s *leanStore) Put(_ context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	return storage.Info{Object: storage.Object{Key: key, Size: int64(len(b.Data)), ModTime: opts.ModTime, ETag: s.etag}}, nil
}

func (*leanStore) Stat(context.Context, string, storage.StatOptions) (storage.Info, error) {
	return storage.Info{}, errors.ErrUnsupported
}

func (*leanStore) Create(context.Context, string, storage.WriteOptions) (storage.Writer, error) {
	return nil, errors.ErrUnsupported
}

func (*leanStore) Delete(_ context.Context, objects []storage.Object, _ storage.DeleteOptions) []error {
	return slices.Repeat([]error{errors.ErrUnsupported}, len(objects))
}

func (*leanStore) Close() error { return nil }

type leanReader struct {
	s    *leanStore
	info storage.Info
}

func (r *leanReader) Info() storage.Info { return r.info }

func (r *leanReader) ReadAt(_ context.Context, p []byte, off int64) error {
	copy(p, r.s.data[off:])
	return nil
}

func (*leanReader) Layout(context.Context, storage.PartsQuery) ([]int64, error) { return nil, nil }

func (*leanReader) Checksums(context.Context) ([]storage.Checksum, error) { return nil, nil }

func (*leanReader) Check(context.Context) error { return nil }

func (*leanReader) Close() error { return nil }

// costOptions are those of the command without options, but with few workers.
func costOptions() Options {
	opts := options()
	opts.Delete = gate.Options{}
	opts.Compare = compare.Options{Mode: compare.Newer, ChunkSize: 8 << 20}
	opts.ByTime = true
	opts.Limits.Workers = 4
	return opts
}

// syncOnce runs a sync. onEvent may be nil.
func syncOnce(tb testing.TB, source, target storage.Store, onEvent func(report.Event)) report.Stats {
	tb.Helper()
	return syncWith(tb, source, target, report.Options{OnEvent: onEvent})
}

func syncWith(tb testing.TB, source, target storage.Store, opts report.Options) report.Stats {
	tb.Helper()
	record := report.New(opts)
	e, err := New(tb.Context(), costOptions(), source, target, record)
	if err != nil {
		tb.Fatal(err)
	}
	result, err := e.Run(tb.Context(), Unit{})
	if err != nil {
		tb.Fatal(err)
	}
	if err := errors.Join(result.Close(), e.Close()); err != nil {
		tb.Fatal(err)
	}
	told, err := record.Finish(tb.Context(), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return told.Stats
}

// TestCosts guards what the engine and its stages allocate for one object, which the
// stores do not: how often, in whole numbers. The race detector lets some of the memory
// that is kept for reuse get lost, which adds less than one.
func TestCosts(t *testing.T) {
	bucket, files := bucketCaps(), fileCaps()
	for name, tt := range map[string]struct {
		source, target storage.Caps
		told           report.Options
		unchanged      bool
		want           int
		// more is what an object may take besides: an action that waits for a worker while the
		// listings run ahead is not there for the next object. mostAhead bounds these.
		more int
	}{
		"unchanged":       {source: bucket, target: bucket, unchanged: true, want: 0},
		"unchanged files": {source: files, target: bucket, unchanged: true, want: 0},
		"up":              {source: files, target: bucket, want: 1},
		"down":            {source: bucket, target: files, want: 1},
		"copied":          {source: bucket, target: bucket, want: 1},
		"watched":         {source: files, target: bucket, told: report.Options{OnProgress: func(report.Progress) {}}, want: 1, more: 1},
	} {
		t.Run(name, func(t *testing.T) {
			allocations := func(n int) float64 {
				source, target := newLeanStore(tt.source, n, 100), newLeanStore(tt.target, 0, 100)
				if tt.unchanged {
					target = newLeanStore(tt.target, n, 100)
				}
				return testing.AllocsPerRun(3, func() {
					got := syncWith(t, source, target, tt.told)
					if got.Transferred+got.Skipped != int64(n) || tt.unchanged != (got.Skipped > 0) {
						t.Errorf("%+v", got)
					}
				})
			}
			const n = 1000
			if got := (allocations(2*n) - allocations(n)) / n; int(got+0.02) < tt.want || int(got+0.02) > tt.want+tt.more {
				t.Errorf("%.3f allocations for each object, want %d", got, tt.want)
			}
		})
	}
}

func perObject(b *testing.B, n int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/object")
}

func BenchmarkUnchanged(b *testing.B) {
	const n = 200_000
	source, target := newLeanStore(bucketCaps(), n, small), newLeanStore(bucketCaps(), n, small)
	for name, onEvent := range map[string]func(report.Event){"quiet": nil, "watched": func(report.Event) {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if got := syncOnce(b, source, target, onEvent); got.Skipped != n {
					b.Fatalf("%+v", got)
				}
			}
			perObject(b, n)
		})
	}
}

// BenchmarkTransfer transfers objects of 10 KiB, which the digests dominate, and of one
// byte, which shows everything else.
func BenchmarkTransfer(b *testing.B) {
	const n = 2000
	for _, size := range []int{small, 1} {
		for way, caps := range map[string][2]storage.Caps{
			"up":   {fileCaps(), bucketCaps()},
			"down": {bucketCaps(), fileCaps()},
			"copy": {bucketCaps(), bucketCaps()},
		} {
			b.Run(fmt.Sprintf("%s/%d", way, size), func(b *testing.B) {
				source, target := newLeanStore(caps[0], n, size), newLeanStore(caps[1], 0, size)
				b.ReportAllocs()
				for b.Loop() {
					if got := syncOnce(b, source, target, nil); got.Transferred != n || got.ETagVerified != n {
						b.Fatalf("%+v", got)
					}
				}
				perObject(b, n)
			})
		}
	}
}

// BenchmarkStores transfers between real stores.
func BenchmarkStores(b *testing.B) {
	const n = 2000
	fill := func(b *testing.B, s storage.Store) storage.Store {
		b.Helper()
		data := make([]byte, small)
		for i := range n {
			if _, err := s.Put(b.Context(), leanKey(i), storage.Block{Data: data}, storage.WriteOptions{Size: int64(len(data))}); err != nil {
				b.Fatal(err)
			}
		}
		return s
	}
	memory := func(*testing.B) storage.Store { return mem.New() }
	files := func(b *testing.B) storage.Store {
		b.Helper()
		s, err := dir.Open(b.TempDir(), dir.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return s
	}
	for name, sides := range map[string][2]func(*testing.B) storage.Store{
		"dir to mem": {files, memory}, "mem to dir": {memory, files}, "mem to mem": {memory, memory},
	} {
		b.Run(name, func(b *testing.B) {
			source := fill(b, sides[0](b))
			b.ReportAllocs()
			for b.Loop() {
				target := sides[1](b)
				if got := syncOnce(b, source, target, nil); got.Transferred != n {
					b.Fatalf("%+v", got)
				}
				if err := target.Close(); err != nil {
					b.Fatal(err)
				}
			}
			perObject(b, n)
			if err := source.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}
