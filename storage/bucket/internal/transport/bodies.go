package transport

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// A watchdog calls onStall if watch was not called again for some time. It needs no
// goroutine. Its methods may be called concurrently.
type watchdog struct {
	after   time.Duration // 0 is never
	onStall func()

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// watch starts or restarts the time.
func (w *watchdog) watch() {
	if w.after <= 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.after, w.onStall)
	default:
		w.timer.Reset(w.after)
	}
}

// rest stops watching until the next watch.
func (w *watchdog) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// end stops watching for good.
func (w *watchdog) end() {
	w.rest()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// A sentBody is the body of a request. The transport writes what it has read to the
// network before it reads again. So the time between two reads is the time that the
// network takes.
type sentBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of this request, like that of an http.Request
	limiter Limiter
	flights *flights
	flight  *flight
	dog     watchdog
	begins  func() // if set, is called before the first byte is sent
	left    int64  // bytes that are not read yet
	sent    func() // is called when there are none
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.dog.rest()
	b.flight.waits.Store(false)
	defer b.flight.waits.Store(true)
	if !b.flight.again {
		b.flights.move()
	}
	if b.begins != nil {
		b.begins()
		b.begins = nil
	}
	if b.limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	n, err := b.ReadCloser.Read(p)
	if b.limiter != nil && n > 0 {
		if werr := b.limiter.WaitN(b.ctx, n); werr != nil {
			return 0, werr
		}
	}
	if b.left -= int64(n); b.left <= 0 {
		b.sent()
	}
	if err == nil {
		b.dog.watch()
	}
	return n, err
}

func (b *sentBody) Close() error {
	b.dog.end()
	return b.ReadCloser.Close()
}

// A receivedBody is the body of an answer.
type receivedBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of this request, like that of an http.Request
	cancel  context.CancelCauseFunc
	limiter Limiter
	flights *flights
	flight  *flight
	dog     watchdog
}

func (b *receivedBody) Read(p []byte) (int, error) {
	if b.limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	b.dog.watch()
	b.flight.waits.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.flight.waits.Store(false)
	b.flights.move()
	b.dog.rest()
	if err != nil && !errors.Is(err, io.EOF) {
		return n, OwnCause(b.ctx, err)
	}
	if b.limiter != nil && n > 0 {
		if werr := b.limiter.WaitN(b.ctx, n); werr != nil {
			return n, werr
		}
	}
	return n, err
}

func (b *receivedBody) Close() error {
	b.dog.end()
	err := b.ReadCloser.Close()
	b.flights.end(b.flight)
	b.cancel(nil)
	return err
}
