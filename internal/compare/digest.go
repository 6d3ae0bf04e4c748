package compare

import (
	"context"
	"iter"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/storage"
)

// fileRead is how many bytes of a file are read at once.
const fileRead = 1 << 20

// A form is one way to digest the bytes of an object.
type form struct {
	algorithm checksum.Algorithm // empty for an ETag, which has no Type
	checksum.Form
}

// A digest computes a value from bytes.
type digest interface {
	WriteAt(ctx context.Context, p []byte, off int64) error
	Value() (string, error)
}

// begin returns a digest of that form without bytes.
func (f form) begin() (digest, error) {
	if f.algorithm == "" {
		return etag{checksum.NewETag(f.Layout)}, nil
	}
	return checksum.NewSum(f.algorithm, f.Layout, f.Type)
}

type etag struct{ *checksum.ETag }

func (e etag) Value() (string, error) { return e.Sum() }

// digestFile reads a file once and returns its digests, one for each form. There is at
// least one form, and all are of the same size. It returns nil if the file no longer
// has that size. opened describes the
// file as it was opened.
func digestFile(ctx context.Context, l *limits.Limits, s storage.Store, key string, forms []form) (values []string, opened storage.Object, err error) {
	r, err := s.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		return nil, opened, err
	}
	defer r.Close()
	opened = r.Info().Object
	if opened.Size != forms[0].Layout.Total() {
		return nil, opened, nil
	}
	digests := make([]digest, len(forms))
	for i, f := range forms {
		if digests[i], err = f.begin(); err != nil {
			return nil, opened, err
		}
	}
	// The parts of the first form are read at once, in pieces.
	values, err = digestReader(ctx, l, r, forms[0].Layout, fileRead, digests...)
	return values, opened, err
}

// digestReader reads a whole object into digests and returns their values. It reads
// several parts of the layout at once, in pieces of at most that many bytes. It fails
// if the object changed meanwhile.
func digestReader(ctx context.Context, l *limits.Limits, r storage.Reader, layout checksum.Layout, most int64, digests ...digest) ([]string, error) {
	if err := readParts(ctx, l, r, layout, most, digests); err != nil {
		return nil, err
	}
	if err := r.Check(ctx); err != nil {
		return nil, err
	}
	values := make([]string, len(digests))
	for i, d := range digests {
		var err error
		if values[i], err = d.Value(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func readParts(ctx context.Context, l *limits.Limits, r storage.Reader, layout checksum.Layout, most int64, digests []digest) error {
	piece := func(size int64) int64 { return min(size, most) }
	if size := layout.Total(); layout.Len() == 1 {
		buf, err := l.Buffer(ctx, piece(size))
		if err != nil {
			return err
		}
		defer buf.Release()
		return digestPart(ctx, r, limits.Part{End: size, Buffer: buf}, digests)
	}
	n := min(layout.Len(), l.ParallelParts())
	parts := func(ctx context.Context) iter.Seq2[limits.Part, error] {
		return l.Parts(ctx, layout, 0, layout.Len(), piece)
	}
	return parallel.ForEach(ctx, n, parts, func(ctx context.Context, p limits.Part) error {
		defer p.Release(limits.Work{}) // a file is no server
		return digestPart(ctx, r, p, digests)
	})
}

// digestPart reads a part in pieces of the size of its buffer.
func digestPart(ctx context.Context, r storage.Reader, p limits.Part, digests []digest) error {
	for off := p.Off; off < p.End; {
		b := p.Buffer.Bytes()
		b = b[:min(p.End-off, int64(len(b)))]
		if err := r.ReadAt(ctx, b, off); err != nil {
			return err
		}
		for _, d := range digests {
			if err := d.WriteAt(ctx, b, off); err != nil {
				return err
			}
		}
		off += int64(len(b))
	}
	return nil
}
