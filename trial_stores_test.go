package s3sync_test

import (
	"context"
	"iter"
	"slices"
	"strings"

	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A below is the part of a bucket below a prefix. Its keys are relative.
type below struct {
	*mem.Store

	prefix string
}

func (b below) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	opts.From = b.prefix + opts.From
	if opts.To != "" {
		opts.To = b.prefix + opts.To
	}
	opts.Range = opts.Intersect(storage.Prefixed(b.prefix))
	return each(func(o *storage.Object) { o.Key = strings.TrimPrefix(o.Key, b.prefix) })(b.Store.List(ctx, opts))
}

func (b below) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return b.Store.Stat(ctx, b.prefix+key, opts)
}

func (b below) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return b.Store.Open(ctx, b.prefix+key, opts)
}

func (b below) Put(ctx context.Context, key string, block storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	return b.Store.Put(ctx, b.prefix+key, block, opts)
}

func (b below) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	return b.Store.Create(ctx, b.prefix+key, opts)
}

func (b below) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	objects = slices.Clone(objects)
	for i := range objects {
		objects[i].Key = b.prefix + objects[i].Key
	}
	return b.Store.Delete(ctx, objects, opts)
}

func (b below) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return b.Store.Tags(ctx, b.prefix+key, versionID)
}

func (b below) SetTags(ctx context.Context, key string, tags map[string]string) error {
	return b.Store.SetTags(ctx, b.prefix+key, tags)
}

// A fileSide is a directory with faults, and a bucketSide a bucket.
type (
	fileSide struct {
		*faulty
		dir *dir.Store
	}
	bucketSide struct {
		*faulty
		bucket below
	}
)

func (s fileSide) MapKey(key string) (string, error) { return s.dir.MapKey(key) }

func (s fileSide) MappedInto(r storage.Range) []storage.Range { return s.dir.MappedInto(r) }

func (s fileSide) StillThere(ctx context.Context) error { return s.dir.StillThere(ctx) }

func (s bucketSide) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return call(s.faulty, "tags", key, func() (map[string]string, error) { return s.bucket.Tags(ctx, key, versionID) })
}

func (s bucketSide) SetTags(ctx context.Context, key string, tags map[string]string) error {
	_, err := call(s.faulty, "set-tags", key, func() (int, error) { return 0, s.bucket.SetTags(ctx, key, tags) })
	return err
}

func (s bucketSide) Copies(from storage.Store) bool {
	_, ok := storage.As[bucketSide](from)
	return ok
}

// inMemory returns the name of a source in the store in memory.
func inMemory(from storage.CopySource) storage.CopySource {
	side, _ := storage.As[bucketSide](from.Store)
	from.Store, from.Key = side.bucket.Store, side.bucket.prefix+from.Key
	return from
}

func (s bucketSide) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	return call(s.faulty, "copy", key, func() (storage.Info, error) {
		info, err := s.bucket.Copy(ctx, s.bucket.prefix+key, inMemory(from), opts)
		return s.answer("copy", key, info, err)
	})
}

func (s bucketSide) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	return call(s.faulty, "create-copy", key, func() (storage.CopyWriter, error) {
		w, err := s.bucket.CreateCopy(ctx, s.bucket.prefix+key, inMemory(from), opts)
		if err != nil {
			return nil, err
		}
		return &faultyCopyWriter{CopyWriter: w, f: s.faulty, key: key}, nil
	})
}

// A faultyCopyWriter is the faultyWriter of a copy.
type faultyCopyWriter struct {
	storage.CopyWriter
	f   *faulty
	key string
}

func (w *faultyCopyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	_, err := call(w.f, "copy-part", w.key, func() (int, error) { return 0, w.CopyWriter.CopyPart(ctx, n, off, size) })
	return err
}

func (w *faultyCopyWriter) Commit(ctx context.Context) (storage.Info, error) {
	return call(w.f, "commit", w.key, func() (storage.Info, error) {
		info, err := w.CopyWriter.Commit(ctx)
		return w.f.answer("commit", w.key, info, err)
	})
}

func (w *faultyCopyWriter) Abort(ctx context.Context) error {
	_, err := call(w.f, "abort", w.key, func() (int, error) { return 0, w.CopyWriter.Abort(ctx) })
	return err
}
