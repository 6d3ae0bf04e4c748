package s3sync_test

import (
	"context"
	"iter"
	"slices"
	"sync"
	"testing"

	"s3sync"
	"s3sync/storage"
)

// A faulty store passes everything on, unless a hook says otherwise.
type faulty struct {
	storage.Store
	// list may replace the sequence of a listing.
	list func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error]
	// problem is told to the consumer of each listing.
	problem storage.Problem
	// open fails before an object is opened.
	open func(key string) error
	// info, sums and layout may change what is told of an object that is open.
	info   func(*storage.Info)
	sums   func([]storage.Checksum) []storage.Checksum
	layout func(sizes []int64) ([]int64, error)
	// read may change what was read, or fail.
	read func(key string, p []byte, off int64) error
	// stat may change what is told of an object, or fail.
	stat func(key string, opts storage.StatOptions, info *storage.Info) error
	// put fails before a write, written changes what the store answers.
	put     func(key string) error
	written func(key string, info *storage.Info)
	// opaque makes the ETags of read objects say nothing; lie makes their
	// additional checksums wrong.
	opaque, lie bool
	// remove fails instead of a deletion.
	remove error
	// check is asked before a read object is published.
	check func(key string) error
	// began is told of every call, before it is made.
	began func()

	mu    sync.Mutex
	calls map[string]int
	tell  func(storage.Problem) // of the listing that was started last
}

func (f *faulty) count(op string) {
	if f.began != nil {
		f.began()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = map[string]int{}
	}
	f.calls[op]++
}

func (f *faulty) called(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

func (f *faulty) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	f.count("list")
	if f.problem.Err != nil && opts.Problem != nil {
		opts.Problem(f.problem)
	}
	f.tell = opts.Problem
	seq := f.Store.List(ctx, opts)
	if f.list != nil {
		return f.list(seq)
	}
	return seq
}

func (f *faulty) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	f.count("stat")
	info, err := f.Store.Stat(ctx, key, opts)
	info.Opaque = info.Opaque || f.opaque
	if !opts.Checksums {
		info.Checksums = nil // who does not ask is not told
	}
	if err == nil && f.stat != nil {
		err = f.stat(key, opts, &info)
	}
	return info, err
}

func (f *faulty) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	f.count("open")
	if f.open != nil {
		if err := f.open(key); err != nil {
			return nil, err
		}
	}
	r, err := f.Store.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return &faultyReader{Reader: r, f: f, key: key}, nil
}

type faultyReader struct {
	storage.Reader
	f   *faulty
	key string
}

func (r *faultyReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := r.Reader.ReadAt(ctx, p, off); err != nil {
		return err
	}
	if r.f.read != nil {
		return r.f.read(r.key, p, off)
	}
	return nil
}

func (r *faultyReader) Info() storage.Info {
	info := r.Reader.Info()
	info.Opaque = info.Opaque || r.f.opaque
	if r.f.info != nil {
		r.f.info(&info)
	}
	return info
}

func (r *faultyReader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	sizes, err := r.Reader.Layout(ctx, query)
	if err == nil && r.f.layout != nil {
		return r.f.layout(sizes)
	}
	return sizes, err
}

func (r *faultyReader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	sums, err := r.Reader.Checksums(ctx)
	if r.f.lie {
		for i := range sums {
			sums[i].Value = "AAAAAA=="
		}
	}
	if err == nil && r.f.sums != nil {
		sums = r.f.sums(sums)
	}
	return sums, err
}

func (r *faultyReader) Check(ctx context.Context) error {
	if r.f.check != nil {
		if err := r.f.check(r.key); err != nil {
			return err
		}
	}
	return r.Reader.Check(ctx)
}

func (f *faulty) answer(key string, info storage.Info, err error) (storage.Info, error) {
	if err == nil && f.written != nil {
		f.written(key, &info)
	}
	return info, err
}

func (f *faulty) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	f.count("put")
	if f.put != nil {
		if err := f.put(key); err != nil {
			return storage.Info{}, err
		}
	}
	info, err := f.Store.Put(ctx, key, b, opts)
	return f.answer(key, info, err)
}

func (f *faulty) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	f.count("create")
	w, err := f.Store.Create(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return &faultyWriter{Writer: w, f: f, key: key}, nil
}

type faultyWriter struct {
	storage.Writer
	f   *faulty
	key string
}

func (w *faultyWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	w.f.count("part")
	if w.f.put != nil {
		if err := w.f.put(w.key); err != nil {
			return err
		}
	}
	return w.Writer.WritePart(ctx, n, off, b)
}

func (w *faultyWriter) Commit(ctx context.Context) (storage.Info, error) {
	w.f.count("commit")
	info, err := w.Writer.Commit(ctx)
	return w.f.answer(w.key, info, err)
}

func (w *faultyWriter) Abort(ctx context.Context) error {
	w.f.count("abort")
	return w.Writer.Abort(ctx)
}

func (f *faulty) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	f.count("delete")
	if f.remove != nil {
		return slices.Repeat([]error{f.remove}, len(objects))
	}
	return f.Store.Delete(ctx, objects, opts)
}

// each changes what a listing tells of each object.
func each(change func(*storage.Object)) func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			for o, err := range seq {
				change(&o)
				if !yield(o, err) {
					return
				}
			}
		}
	}
}

// expression compiles a regular expression.
func expression(t *testing.T, text string) *s3sync.Regexp {
	t.Helper()
	re, err := s3sync.CompileRegexp(text)
	if err != nil {
		t.Fatal(err)
	}
	return re
}
