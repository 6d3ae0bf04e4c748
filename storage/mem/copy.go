package mem

import (
	"context"
	"errors"

	"s3sync/storage"
)

var _ storage.Copier = (*Store)(nil)

// Copies reports whether from is in memory, too.
func (s *Store) Copies(from storage.Store) bool {
	_, ok := from.(*Store)
	return ok
}

// Copy makes an object of the one that from reads.
func (s *Store) Copy(ctx context.Context, key string, from storage.Reader, opts storage.WriteOptions) (storage.Info, error) {
	r, err := copied(ctx, from, opts)
	if err != nil {
		return storage.Info{}, fail("copy", key, err)
	}
	return s.Put(ctx, key, storage.Block{Data: r.object.data}, opts)
}

// CreateCopy starts to make an object in parts of the one that from reads.
func (s *Store) CreateCopy(ctx context.Context, key string, from storage.Reader, opts storage.WriteOptions) (storage.CopyWriter, error) {
	r, err := copied(ctx, from, opts)
	if err != nil {
		return nil, fail("copy", key, err)
	}
	w, err := s.Create(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	if opts.Size == 0 { // it has a part nevertheless
		if err := w.WritePart(ctx, 1, 0, storage.Block{}); err != nil {
			return nil, err
		}
	}
	return &copyWriter{Writer: w, from: r, opts: opts}, nil
}

// copied is what from reads, if it still is what was opened and what the user
// wants.
func copied(ctx context.Context, from storage.Reader, opts storage.WriteOptions) (*reader, error) {
	r, ok := from.(*reader)
	if !ok {
		return nil, errors.New("the source is not in memory")
	}
	err := r.unchanged(ctx)
	if opts.CopyIfMatch != "" && (errors.Is(err, storage.ErrChanged) || opts.CopyIfMatch != r.object.info.ETag) {
		err = storage.ErrPrecondition
	}
	return r, err
}

type copyWriter struct {
	storage.Writer

	from *reader
	opts storage.WriteOptions
}

func (w *copyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	r, err := copied(ctx, w.from, w.opts)
	if err == nil && (off < 0 || size < 0 || size > r.object.info.Size-off) {
		err = errPastEnd
	}
	if err != nil {
		return fail("copy part", w.from.object.info.Key, err)
	}
	return w.WritePart(ctx, n, off, storage.Block{Data: r.object.data[off : off+size]})
}
