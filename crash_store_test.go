package s3sync_test

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A crashStore is a store whose calls a process makes. It has every call that a run makes to
// a bucket or a directory; the capabilities of one of them are those of crashBucket and
// crashDir.
type crashStore struct {
	storage.Store
	storage.Resumer

	p    *process
	side string
}

func (s *crashStore) at(op, key string) crashCall { return crashCall{side: s.side, op: op, key: key} }

// Unwrap returns the store inside.
func (s *crashStore) Unwrap() storage.Store { return s.Store }

func (s *crashStore) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for o, err := range s.Store.List(ctx, opts) {
			if err == nil {
				o, err = do(ctx, s.p, s.at("next", o.Key), func(context.Context) (storage.Object, error) { return o, nil })
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

func (s *crashStore) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return do(ctx, s.p, s.at("stat", key), func(ctx context.Context) (storage.Info, error) { return s.Store.Stat(ctx, key, opts) })
}

func (s *crashStore) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := do(ctx, s.p, s.at("open", key), func(ctx context.Context) (storage.Reader, error) { return s.Store.Open(ctx, key, opts) })
	if err != nil {
		if r != nil {
			_ = r.Close() // the system does so when a process ends
		}
		return nil, err
	}
	return &crashReader{r, s, key}, nil
}

type crashReader struct {
	storage.Reader

	s   *crashStore
	key string
}

func (r *crashReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	_, err := do(ctx, r.s.p, r.s.at("read", r.key), func(ctx context.Context) (int, error) { return 0, r.Reader.ReadAt(ctx, p, off) })
	return err
}

func (r *crashReader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	return do(ctx, r.s.p, r.s.at("layout", r.key), func(ctx context.Context) ([]int64, error) { return r.Reader.Layout(ctx, query) })
}

func (r *crashReader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	return do(ctx, r.s.p, r.s.at("checksums", r.key), r.Reader.Checksums)
}

func (r *crashReader) Check(ctx context.Context) error {
	_, err := do(ctx, r.s.p, r.s.at("check", r.key), func(ctx context.Context) (int, error) { return 0, r.Reader.Check(ctx) })
	return err
}

// received reads a block that is a stream, before its call is made.
func received(b storage.Block) (storage.Block, error) {
	if b.Stream == nil {
		return b, nil
	}
	data := make([]byte, b.Size)
	_, err := io.ReadFull(b.Stream, data)
	return storage.Block{Data: data, MD5: b.MD5, SHA256: b.SHA256, Checksum: b.Checksum}, err
}

func (s *crashStore) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	b, err := received(b)
	if err != nil {
		return storage.Info{}, err
	}
	return do(ctx, s.p, s.at("put", key), func(ctx context.Context) (storage.Info, error) { return s.Store.Put(ctx, key, b, opts) })
}

func (s *crashStore) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs, err := do(ctx, s.p, s.at("delete", objects[0].Key), func(ctx context.Context) ([]error, error) {
		errs := s.Store.Delete(ctx, objects, opts)
		for _, o := range objects {
			s.p.changed(s.side, o.Key)
		}
		return errs, nil
	})
	if err != nil {
		return slices.Repeat([]error{err}, len(objects))
	}
	return errs
}

func (s *crashStore) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := do(ctx, s.p, s.at("create", key), func(ctx context.Context) (storage.Writer, error) { return s.Store.Create(ctx, key, opts) })
	if err != nil {
		if w != nil {
			lose(w)
		}
		return nil, err
	}
	return s.writer(w, key), nil
}

// lose ends a writer that the process did not get.
func lose(w any) {
	_ = unfinished(w).Leave(context.Background()) // the system closes its file
}

func unfinished(w any) storage.Unfinished {
	u, ok := w.(storage.Unfinished)
	if !ok {
		panic("a writer that cannot be left")
	}
	return u
}

func (s *crashStore) writer(w storage.Writer, key string) storage.Writer {
	made := &crashWriter{Unfinished: unfinished(w), ending: w, writer: w, s: s, key: key}
	if file, ok := w.(io.ReaderAt); ok {
		return &crashFile{made, file}
	}
	return made
}

func (s *crashStore) copier(w storage.CopyWriter, key string) storage.CopyWriter {
	return &crashWriter{Unfinished: unfinished(w), ending: w, copier: w, s: s, key: key}
}

// An ending ends what is written in parts.
type ending interface {
	Commit(ctx context.Context) (storage.Info, error)
	Abort(ctx context.Context) error
}

// A crashWriter is a Writer or a CopyWriter.
type crashWriter struct {
	storage.Unfinished

	ending ending
	writer storage.Writer     // nil if it is a CopyWriter
	copier storage.CopyWriter // nil if it is a Writer
	s      *crashStore
	key    string
}

// A crashFile is a crashWriter of a file.
type crashFile struct {
	*crashWriter
	io.ReaderAt
}

func (w *crashWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	b, err := received(b)
	if err != nil {
		return err
	}
	return w.part(ctx, "part", n, func(ctx context.Context) error {
		return w.writer.WritePart(ctx, n, off, b)
	})
}

func (w *crashWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	return w.part(ctx, "copy-part", n, func(ctx context.Context) error {
		return w.copier.CopyPart(ctx, n, off, size)
	})
}

func (w *crashWriter) part(ctx context.Context, op string, n int, write func(context.Context) error) error {
	c := w.s.at(op, w.key)
	c.n = n
	_, err := do(ctx, w.s.p, c, func(ctx context.Context) (int, error) { return 0, write(ctx) })
	return err
}

func (w *crashWriter) Commit(ctx context.Context) (storage.Info, error) {
	return do(ctx, w.s.p, w.s.at("commit", w.key), w.ending.Commit)
}

func (w *crashWriter) Abort(ctx context.Context) error {
	_, err := do(ctx, w.s.p, w.s.at("abort", w.key), func(ctx context.Context) (int, error) { return 0, w.ending.Abort(ctx) })
	if err != nil {
		_ = w.Leave(ctx) // the system closes its file
	}
	return err
}

func (s *crashStore) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	var held []storage.WrittenPart
	w, err := do(ctx, s.p, s.at("resume", key), func(ctx context.Context) (w storage.Writer, err error) {
		w, held, err = s.Resumer.Resume(ctx, key, token, opts)
		return w, err
	})
	if err != nil {
		if w != nil {
			lose(w)
		}
		return nil, nil, err
	}
	return s.writer(w, key), held, nil
}

func (s *crashStore) Discard(ctx context.Context, key, token string) error {
	_, err := do(ctx, s.p, s.at("discard", key), func(ctx context.Context) (int, error) { return 0, s.Resumer.Discard(ctx, key, token) })
	return err
}

func (s *crashStore) DiscardEmpty(ctx context.Context, key string, at time.Time) error {
	_, err := do(ctx, s.p, s.at("discard-empty", key), func(ctx context.Context) (int, error) { return 0, s.Resumer.DiscardEmpty(ctx, key, at) })
	return err
}

// A crashBucket is a bucket in memory.
type crashBucket struct {
	*crashStore

	mem   *mem.Store
	batch int // of a deletion
}

func (s *crashBucket) Caps() storage.Caps {
	caps := s.mem.Caps()
	caps.DeleteBatch = s.batch
	return caps
}

func (s *crashBucket) Location() storage.Location {
	return storage.Location{Server: "http://localhost", Container: s.side}
}

func (s *crashBucket) FullKey(key string) string { return key }

func (s *crashBucket) StatFull(ctx context.Context, full string) (storage.Object, error) {
	info, err := s.mem.Stat(ctx, full, storage.StatOptions{})
	return info.Object, err
}

func (s *crashBucket) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return do(ctx, s.p, s.at("tags", key), func(ctx context.Context) (map[string]string, error) { return s.mem.Tags(ctx, key, versionID) })
}

func (s *crashBucket) SetTags(ctx context.Context, key string, tags map[string]string) error {
	_, err := do(ctx, s.p, s.at("set-tags", key), func(ctx context.Context) (int, error) { return 0, s.mem.SetTags(ctx, key, tags) })
	return err
}

func (s *crashBucket) Copies(from storage.Store) bool { return s.mem.Copies(from) }

func (s *crashBucket) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	return do(ctx, s.p, s.at("copy", key), func(ctx context.Context) (storage.Info, error) { return s.mem.Copy(ctx, key, from, opts) })
}

func (s *crashBucket) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	w, err := do(ctx, s.p, s.at("create-copy", key), func(ctx context.Context) (storage.CopyWriter, error) {
		return s.mem.CreateCopy(ctx, key, from, opts)
	})
	if err != nil {
		if w != nil {
			lose(w)
		}
		return nil, err
	}
	return s.copier(w, key), nil
}

func (s *crashBucket) ResumeCopy(
	ctx context.Context, key, token string, from storage.CopySource, opts storage.WriteOptions,
) (storage.CopyWriter, []storage.WrittenPart, error) {
	var held []storage.WrittenPart
	w, err := do(ctx, s.p, s.at("resume", key), func(ctx context.Context) (w storage.CopyWriter, err error) {
		w, held, err = s.mem.ResumeCopy(ctx, key, token, from, opts)
		return w, err
	})
	if err != nil {
		return nil, nil, err
	}
	return s.copier(w, key), held, nil
}

// A crashDir is a directory.
type crashDir struct {
	*crashStore

	dir *dir.Store
}

func (s *crashDir) Keeps(from storage.Store) bool { return s.dir.Keeps(from) }

func (s *crashDir) Keep(ctx context.Context, key string, from storage.Store, fromKey string, opts storage.WriteOptions) (storage.Info, error) {
	return do(ctx, s.p, s.at("keep", key), func(ctx context.Context) (storage.Info, error) { return s.dir.Keep(ctx, key, from, fromKey, opts) })
}

func (s *crashDir) Append(ctx context.Context, key string, data []byte) error {
	_, err := do(ctx, s.p, s.at("append", key), func(ctx context.Context) (int, error) { return 0, s.dir.Append(ctx, key, data) })
	return err
}

func (s *crashDir) Prune(ctx context.Context, key string) error {
	_, err := do(ctx, s.p, s.at("prune", key), func(ctx context.Context) (int, error) { return 0, s.dir.Prune(ctx, key) })
	return err
}
