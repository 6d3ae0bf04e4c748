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

// A faulty store passes all calls on, unless a hook changes them.
type faulty struct {
	storage.Store
	// list may replace the sequence of a listing.
	list func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error]
	// problem is reported to the consumer of each listing.
	problem storage.Problem
	// open fails before an object is opened.
	open func(key string) error
	// info, sums and layout may change what is reported about an open object.
	info   func(*storage.Info)
	sums   func([]storage.Checksum) []storage.Checksum
	layout func(sizes []int64) ([]int64, error)
	// read may change the data, or fail.
	read func(key string, p []byte, off int64) error
	// stat may change what is reported about an object, or fail.
	stat func(key string, opts storage.StatOptions, info *storage.Info) error
	// put fails before a write, written changes the response of the store.
	put     func(key string) error
	written func(key string, info *storage.Info)
	// etagNotDigest makes the ETags of read objects no digests; wrongChecksums makes
	// their additional checksums wrong.
	etagNotDigest, wrongChecksums bool
	// remove fails instead of a deletion.
	remove error
	// check is called before a read object is published.
	check func(key string) error
	// before may fail every call before it is made, and after may fail it afterwards.
	// Each object of a listing is a call "next".
	before, after func(op, key string) error
	// changeInfo may change what is reported about an object, also in a listing.
	changeInfo func(op, key string, info *storage.Info)

	mu            sync.Mutex
	calls         map[string]int
	reportProblem func(storage.Problem) // of the listing that was started last
}

// call makes a call of the store, unless it fails before.
func call[T any](f *faulty, op, key string, make func() (T, error)) (T, error) {
	f.count(op)
	if f.before != nil {
		if err := f.before(op, key); err != nil {
			var none T
			return none, err
		}
	}
	answer, err := make()
	if err == nil && f.after != nil {
		err = f.after(op, key)
	}
	return answer, err
}

// answerInfo returns what is reported about an object.
func (f *faulty) answerInfo(op, key string, info storage.Info) storage.Info {
	if f.changeInfo != nil {
		f.changeInfo(op, key, &info)
	}
	return info
}

func (f *faulty) count(op string) {
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
	f.mu.Lock()
	f.reportProblem = opts.Problem
	f.mu.Unlock()
	seq := f.Store.List(ctx, opts)
	if f.list != nil {
		seq = f.list(seq)
	}
	if f.before == nil && f.changeInfo == nil {
		return seq
	}
	return func(yield func(storage.Object, error) bool) {
		for o, err := range seq {
			if err == nil {
				o, err = call(f, "next", o.Key, func() (storage.Object, error) {
					return f.answerInfo("next", o.Key, storage.Info{Object: o}).Object, nil
				})
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (f *faulty) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return call(f, "stat", key, func() (storage.Info, error) {
		info, err := f.Store.Stat(ctx, key, opts)
		info.ETagNotDigest = info.ETagNotDigest || f.etagNotDigest
		if !opts.Checksums {
			info.Checksums = nil // checksums are reported only on request
		}
		if err == nil && f.stat != nil {
			err = f.stat(key, opts, &info)
		}
		return f.answerInfo("stat", key, info), err
	})
}

func (f *faulty) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return call(f, "open", key, func() (storage.Reader, error) {
		if f.open != nil {
			if err := f.open(key); err != nil {
				return nil, err
			}
		}
		r, err := f.Store.Open(ctx, key, opts)
		if err != nil {
			return nil, err
		}
		return &faultyReader{Reader: r, f: f, key: key, info: f.answerInfo("open", key, r.Info())}, nil
	})
}

type faultyReader struct {
	storage.Reader
	f    *faulty
	key  string
	info storage.Info // as reported
}

func (r *faultyReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	_, err := call(r.f, "read", r.key, func() (int, error) {
		if err := r.Reader.ReadAt(ctx, p, off); err != nil {
			return 0, err
		}
		if r.f.read != nil {
			return 0, r.f.read(r.key, p, off)
		}
		return 0, nil
	})
	return err
}

func (r *faultyReader) Info() storage.Info {
	info := r.info
	info.ETagNotDigest = info.ETagNotDigest || r.f.etagNotDigest
	if r.f.info != nil {
		r.f.info(&info)
	}
	return info
}

func (r *faultyReader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	return call(r.f, "layout", r.key, func() ([]int64, error) {
		sizes, err := r.Reader.Layout(ctx, query)
		if err == nil && r.f.layout != nil {
			return r.f.layout(sizes)
		}
		return sizes, err
	})
}

func (r *faultyReader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	return call(r.f, "checksums", r.key, func() ([]storage.Checksum, error) {
		sums, err := r.Reader.Checksums(ctx)
		if r.f.wrongChecksums {
			for i := range sums {
				sums[i].Value = "AAAAAA=="
			}
		}
		if err == nil && r.f.sums != nil {
			sums = r.f.sums(sums)
		}
		return sums, err
	})
}

func (r *faultyReader) Check(ctx context.Context) error {
	_, err := call(r.f, "check", r.key, func() (int, error) {
		if r.f.check != nil {
			if err := r.f.check(r.key); err != nil {
				return 0, err
			}
		}
		return 0, r.Reader.Check(ctx)
	})
	return err
}

func (f *faulty) answer(op, key string, info storage.Info, err error) (storage.Info, error) {
	if err == nil && f.written != nil {
		f.written(key, &info)
	}
	if err == nil {
		info = f.answerInfo(op, key, info)
	}
	return info, err
}

func (f *faulty) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	return call(f, "put", key, func() (storage.Info, error) {
		if f.put != nil {
			if err := f.put(key); err != nil {
				return storage.Info{}, err
			}
		}
		info, err := f.Store.Put(ctx, key, b, opts)
		return f.answer("put", key, info, err)
	})
}

func (f *faulty) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	return call(f, "create", key, func() (storage.Writer, error) {
		w, err := f.Store.Create(ctx, key, opts)
		if err != nil {
			return nil, err
		}
		return &faultyWriter{Writer: w, f: f, key: key}, nil
	})
}

type faultyWriter struct {
	storage.Writer
	f   *faulty
	key string
}

func (w *faultyWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	_, err := call(w.f, "part", w.key, func() (int, error) {
		if w.f.put != nil {
			if err := w.f.put(w.key); err != nil {
				return 0, err
			}
		}
		return 0, w.Writer.WritePart(ctx, n, off, b)
	})
	return err
}

func (w *faultyWriter) Commit(ctx context.Context) (storage.Info, error) {
	return call(w.f, "commit", w.key, func() (storage.Info, error) {
		info, err := w.Writer.Commit(ctx)
		return w.f.answer("commit", w.key, info, err)
	})
}

func (w *faultyWriter) Abort(ctx context.Context) error {
	_, err := call(w.f, "abort", w.key, func() (int, error) { return 0, w.Writer.Abort(ctx) })
	return err
}

func (f *faulty) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	key := ""
	if len(objects) > 0 {
		key = objects[0].Key
	}
	if f.remove != nil {
		f.count("delete")
		return slices.Repeat([]error{f.remove}, len(objects))
	}
	errs, err := call(f, "delete", key, func() ([]error, error) {
		return f.Store.Delete(ctx, objects, opts), nil
	})
	if err != nil {
		return slices.Repeat([]error{err}, len(objects))
	}
	return errs
}

// each changes what a listing reports about each object.
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
