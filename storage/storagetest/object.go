package storagetest

import (
	"context"
	"testing"

	"s3sync/storage"
)

// An Object is what a test writes into a store: data in parts of the given sizes, or
// whole if there are none, with a checksum or none.
type Object struct {
	Data      string
	Parts     []int
	Algorithm storage.ChecksumAlgorithm
	// FullObject: the checksum is that of all bytes. Otherwise it is a composite.
	FullObject bool
}

// In returns the object in parts of these sizes, which must add up to its size.
func (o Object) In(parts ...int) Object { o.Parts = parts; return o }

// With returns the object with a checksum.
func (o Object) With(algorithm storage.ChecksumAlgorithm, fullObject bool) Object {
	o.Algorithm, o.FullObject = algorithm, fullObject
	return o
}

// Write writes the object into a store.
func (o Object) Write(t *testing.T, s storage.Store, key string) {
	t.Helper()
	opts := storage.WriteOptions{Size: int64(len(o.Data)), Checksum: storage.Checksum{Algorithm: o.Algorithm, Type: storage.Composite}}
	if o.FullObject {
		opts.Checksum.Type = storage.FullObject
	}
	var err error
	if o.Parts == nil {
		_, err = s.Put(t.Context(), key, storage.Block{Data: []byte(o.Data)}, opts)
	} else {
		err = o.writeParts(t.Context(), s, key, opts)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (o Object) writeParts(ctx context.Context, s storage.Store, key string, opts storage.WriteOptions) error {
	w, err := s.Create(ctx, key, opts)
	if err != nil {
		return err
	}
	off := 0
	for i, n := range o.Parts {
		block := storage.Block{Data: []byte(o.Data[off : off+n])}
		if err := w.WritePart(ctx, i+1, int64(off), block); err != nil {
			return err
		}
		off += n
	}
	_, err = w.Commit(ctx)
	return err
}

// Text returns n bytes. Texts with different letters differ everywhere.
func Text(letter byte, n int) string {
	p := make([]byte, n)
	for i := range p {
		p[i] = letter ^ byte(i*i>>3)
	}
	return string(p)
}
