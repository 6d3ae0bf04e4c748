package transfer

import (
	"context"
	"errors"
	"io"

	"s3sync/storage"
)

// A stream is a part that is too large for memory: it is read piece by piece while it
// is sent. So its digests are unknown when the sending begins, and the server cannot
// reject damaged bytes; the digests are compared with the response afterwards, as
// always. This happens only if the parts of the source are kept and are larger than the
// requested parts.
type stream struct {
	ctx context.Context //nolint:containedctx // of the one request that reads the stream
	o   *object

	piece   []byte // memory for one piece
	left    []byte // the unsent rest of piece
	at, end int64  // of the next piece, and of the part
	err     error
}

// Read implements io.Reader. After an error it always returns that error.
func (r *stream) Read(p []byte) (int, error) {
	if len(r.left) == 0 && r.err == nil {
		r.err = r.next()
	}
	if r.err != nil {
		return 0, r.err
	}
	n := copy(p, r.left)
	r.left = r.left[n:]
	return n, nil
}

// next reads and digests the next piece.
func (r *stream) next() error {
	if r.at == r.end {
		return io.EOF
	}
	p := r.piece[:min(int64(len(r.piece)), r.end-r.at)]
	if err := r.o.read(r.ctx, p, r.at); err != nil {
		return err
	}
	if err := r.o.verification.Feed(r.ctx, p, r.at); err != nil {
		return err
	}
	r.at += int64(len(p))
	r.left = p
	return nil
}

// stream sends the bytes from off to end through write, which reads a Block once.
func (o *object) stream(ctx context.Context, piece []byte, off, end int64, write func(storage.Block) error) error {
	r := &stream{ctx: ctx, o: o, piece: piece, at: off, end: end}
	err := write(storage.Block{Stream: r, Size: end - off})
	if r.err != nil && !errors.Is(r.err, io.EOF) {
		return r.err // not the failure of the request, which it caused
	}
	return err
}

// streamWhole moves an object in one piece that is too large for memory. A fault of the
// source is detected only when the target has the object.
func (o *object) streamWhole(ctx context.Context) (written storage.Info, err error) {
	t := o.t
	buf, err := t.limits.Buffer(ctx, t.opts.ChunkSize)
	if err != nil {
		return written, err
	}
	defer buf.Release()
	err = o.stream(ctx, buf.Bytes(), 0, o.info.Size, func(b storage.Block) (err error) {
		written, err = t.target.Store.Put(ctx, o.a.TargetKey, b, o.opts)
		return t.target.Wrap(err)
	})
	if err != nil {
		return written, err
	}
	storage.MeterOf(ctx).Set(t.passes * o.info.Size)
	o.wrote(0, o.info.Size)
	return written, o.verifySource(ctx)
}
