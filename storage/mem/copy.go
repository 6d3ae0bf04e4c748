package mem

import (
	"context"
	"errors"

	"s3sync/storage"
)

var _ storage.Copier = (*Store)(nil)

// Copies reports whether from is in memory, too.
func (s *Store) Copies(from storage.Store) bool {
	_, ok := storage.As[*Store](from)
	return ok
}

// Copy makes an object of another one.
func (s *Store) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	o, err := copied(ctx, from, opts)
	if err != nil {
		return storage.Info{}, fail("copy", key, err)
	}
	return s.Put(ctx, key, storage.Block{Data: o.data}, opts)
}

// CreateCopy starts to make an object in parts of another one.
func (s *Store) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	if _, err := copied(ctx, from, opts); err != nil {
		return nil, fail("copy", key, err)
	}
	created, err := s.Create(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	w, _ := created.(*writer)
	if opts.Size == 0 { // it has a part nevertheless
		if err := w.WritePart(ctx, 1, 0, storage.Block{}); err != nil {
			return nil, err
		}
	}
	return &copyWriter{writer: w, from: from, opts: opts}, nil
}

// copied returns the object that from names. It fails if another object has replaced it or
// if CopyIfMatch does not hold.
func copied(ctx context.Context, from storage.CopySource, opts storage.WriteOptions) (*object, error) {
	s, ok := storage.As[*Store](from.Store)
	if !ok {
		return nil, errors.New("the source is not in memory")
	}
	o, err := s.same(ctx, storage.Object{Key: from.Key, VersionID: from.VersionID, ETag: from.ETag})
	if opts.CopyIfMatch != "" && (errors.Is(err, storage.ErrChanged) || opts.CopyIfMatch != from.ETag) {
		return nil, storage.ErrPrecondition
	}
	return o, err
}

type copyWriter struct {
	*writer

	from storage.CopySource
	opts storage.WriteOptions
}

func (w *copyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	o, err := copied(ctx, w.from, w.opts)
	if err == nil && (off < 0 || size < 0 || size > o.info.Size-off) {
		err = errPastEnd
	}
	if err != nil {
		return fail("copy part", w.from.Key, err)
	}
	return w.WritePart(ctx, n, off, storage.Block{Data: o.data[off : off+size]})
}
