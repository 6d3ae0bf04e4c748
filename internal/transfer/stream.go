package transfer

import (
	"context"
	"errors"
	"io"

	"s3sync/storage"
)

// A stream is a part of an object that is too large to be held in memory: it is
// read piece by piece as it is sent. So nothing is known of its digests when the
// sending begins, and the server cannot refuse damage; what it answers is
// compared afterwards, as ever. This happens only where the parts of the source
// are to be kept and are larger than the ones that were asked for.
type stream struct {
	ctx context.Context //nolint:containedctx // of the one request that reads the stream
	o   *object

	piece   []byte // memory for one piece
	left    []byte // what of it is not sent yet
	at, end int64  // of the next piece, of the part
	err     error
}

// Read implements io.Reader. The first error stays.
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
		return r.err // and not what became of the request for that reason
	}
	return err
}

// streamWhole moves an object in one piece that is too large for memory. What is
// wrong with the source shows only when the target has it.
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
	o.wrote(0, o.info.Size)
	return written, o.verifySource(ctx)
}
