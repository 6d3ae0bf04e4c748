// Package parallel runs one function over a sequence in several goroutines. It starts
// the workers of the pipeline and waits for them, so none of them outlives the call
// that started it.
package parallel

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"sync"
)

// errGoexit is the result of a do that ended its goroutine.
var errGoexit = errors.New("worker ended by runtime.Goexit")

// A PanicError is a panic that was recovered in the sequence or in a worker. It
// is a bug of this program, never the fault of an object: it ends the run.
type PanicError struct {
	Value any // what was passed to panic
	stack []byte
}

// Stack returns the stack of the goroutine that panicked, as debug.Stack prints it.
func (e *PanicError) Stack() []byte { return e.stack }

// Error does not include the stack. PanicError has no Unwrap method on purpose: a panic
// whose value is an error must not match that kind of error.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// ForEach calls do for every value of the sequence that seq returns, in up to n goroutines
// (at least one) at once. The caller's goroutine takes values from the sequence, one at a
// time. If the yield function returns true, do receives the value, even if its ctx is
// cancelled by then. If yield returns false, do does not receive it. So the owner of what
// a value holds is always known.
//
// ForEach returns the first error of seq or do. That error cancels the context that seq
// and do received, with itself as the cause, and nothing more is taken from seq. If ctx is
// cancelled, the same happens with [context.Cause] of ctx. A panic in seq or do becomes
// a [*PanicError].
//
// A value may own something: do is called exactly once for each value, even if the
// context has just ended, except for the value that seq has in hand when ForEach stops
// it. seq sees this as a consumer that broke off at that value.
//
// ForEach returns only after every call of do has returned. A nil result means that seq
// ended without an error, that do returned nil for all of it, and that ctx was not
// cancelled. A seq that waits must end its wait with the context that it received.
func ForEach[T any](ctx context.Context, n int, seq func(context.Context) iter.Seq2[T, error], do func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	w := workers[T]{most: max(n, 1), work: make(chan T), do: func(v T) {
		if err := guard(func() error { return do(ctx, v) }, cancel); err != nil {
			cancel(err)
		}
	}}
	err := guard(func() error { return w.feed(ctx, seq(ctx)) }, cancel)
	if err != nil {
		cancel(err)
	}
	close(w.work)
	w.running.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// workers are the goroutines of one ForEach. Each is started when there is work for it
// first, so a bound that is never reached costs nothing.
type workers[T any] struct {
	do      func(T)
	work    chan T
	most    int
	started int
	running sync.WaitGroup
}

// feed passes the values of seq on until it ends, fails, or ctx is cancelled.
func (w *workers[T]) feed(ctx context.Context, seq iter.Seq2[T, error]) error {
	for v, err := range seq {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if w.handOver(v) {
			continue
		}
		select {
		case w.work <- v:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// handOver gives a value to a worker that waits, or to a new one. It returns false if
// all of them work.
func (w *workers[T]) handOver(v T) bool {
	select {
	case w.work <- v:
		return true
	default:
	}
	if w.started == w.most {
		return false
	}
	w.started++
	w.running.Go(func() {
		w.do(v)
		for v := range w.work {
			w.do(v)
		}
	})
	return true
}

// guard calls f and turns a panic into an error. A Goexit cannot be stopped, so guard
// calls exit, and nobody waits for the lost goroutine.
func guard(f func() error, exit func(error)) (err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			err = &PanicError{Value: v, stack: debug.Stack()}
			return
		}
		exit(errGoexit)
	}()
	err = f()
	returned = true
	return err
}
