package transport

import (
	"context"
	"errors"
	"io"
	"sync"

	"s3sync/storage"
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
	// meter, if set, counts the bytes of an object, of which passed were sent so far.
	meter  *storage.Meter
	passed int64

	mu   sync.Mutex // held while the body is read
	over bool
}

// errOver: package http still sends a body although the answer came.
var errOver = errors.New("the request is over")

// end ends the reading. An answer may come before the body was sent to its end, and then
// package http goes on in another goroutine. But what the body is read from belongs to the
// caller again. What the server did not accept does not count.
func (b *sentBody) end(accepted bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	if !accepted {
		b.meter.Add(-b.passed)
		b.passed = 0
	}
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return 0, errOver
	}
	b.reads()
	if b.flight.client.opts.Send != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	n, err := b.ReadCloser.Read(p)
	if err := b.wait(n); err != nil {
		return 0, err
	}
	b.hasRead(n, err == nil)
	return n, err
}

// reads is called before a part of the body is read: the network has taken what was read
// before.
func (b *sentBody) reads() {
	f := b.flight
	f.rest(uploading)
	f.rest(answering)
	f.waits.Store(false)
	if !f.call.Again {
		f.client.move()
	}
	if b.begins != nil {
		b.begins()
		b.begins = nil
	}
}

// wait waits until n bytes may be sent.
func (b *sentBody) wait(n int) error {
	limiter := b.flight.client.opts.Send
	if limiter == nil || n <= 0 {
		return nil
	}
	return limiter.WaitN(b.flight, n)
}

// hasRead is called before the n bytes that were read are sent. more tells whether the
// body will be read again.
func (b *sentBody) hasRead(n int, more bool) {
	f, now := b.flight, b.flight.client.now()
	f.waits.Store(true)
	b.meter.Add(int64(n))
	b.passed += int64(n)
	if b.left -= int64(n); b.left <= 0 {
		b.whole()
		f.watch(answering, now)
	}
	if more {
		f.watch(uploading, now)
	}
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

// Outlive makes the body of an answer to GetObject last until it is closed, whatever becomes
// of the context of its request.
func Outlive(body io.ReadCloser) {
	if b, ok := body.(*receivedBody); ok {
		b.flight.outlive()
	}
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
