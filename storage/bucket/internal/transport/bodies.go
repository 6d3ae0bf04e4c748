package transport

import (
	"context"
	"errors"
	"io"
)

// limitedPiece is how much of a body is read at once under a Limiter, in bytes. It is
// small enough that the stream flows evenly.
const limitedPiece = 32 << 10

// A Limiter bounds a stream of bytes. WaitN returns when n more may pass.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// A sentBody is the body of a request. The transport writes what it has read to the
// network before it reads again. So the time between two reads is the time that the
// network takes, and that after the last one the time of the answer.
type sentBody struct {
	io.ReadCloser

	flight  *flight
	begins  func() // if set, is called before the first byte is sent
	left    int64  // bytes that are not read yet
	counted bool   // among the attempts that were sent completely
}

func (b *sentBody) Read(p []byte) (int, error) {
	f := b.flight
	f.rest(uploading)
	f.rest(answering)
	f.waits.Store(false)
	defer f.waits.Store(true)
	if !f.call.Again {
		f.client.move()
	}
	if b.begins != nil {
		b.begins()
		b.begins = nil
	}
	limiter := f.client.opts.Send
	if limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	n, err := b.ReadCloser.Read(p)
	if limiter != nil && n > 0 {
		if werr := limiter.WaitN(f, n); werr != nil {
			return 0, werr
		}
	}
	now := f.client.now()
	if b.left -= int64(n); b.left <= 0 {
		b.whole()
		f.watch(answering, now)
	}
	if err == nil {
		f.watch(uploading, now)
	}
	return n, err
}

// whole counts an attempt that was sent completely.
func (b *sentBody) whole() {
	if tries := b.flight.call.Attempts; tries != nil && !b.counted {
		b.counted = true
		tries.whole.Add(1)
	}
}

func (b *sentBody) Close() error {
	b.flight.leave(uploading)
	return b.ReadCloser.Close()
}

// A receivedBody is the body of an answer.
type receivedBody struct {
	io.ReadCloser

	flight  *flight
	bounded boundedBody // is the ReadCloser if the answer has a bound
}

func (b *receivedBody) Read(p []byte) (int, error) {
	f := b.flight
	limiter := f.client.opts.Receive
	if limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	f.watch(downloading, f.client.now())
	f.waits.Store(true)
	n, err := b.ReadCloser.Read(p)
	f.waits.Store(false)
	f.client.move()
	f.rest(downloading)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, OwnCause(f, err)
	}
	if limiter != nil && n > 0 {
		if werr := limiter.WaitN(f, n); werr != nil {
			return n, werr
		}
	}
	return n, err
}

func (b *receivedBody) Close() error {
	b.flight.leave(downloading)
	err := b.ReadCloser.Close()
	b.flight.end()
	return err
}
