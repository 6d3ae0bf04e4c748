package parallel

import (
	"context"
	"iter"
	"sync"
)

// Ahead yields the values of the sequence that seq returns. A goroutine takes them from it,
// up to n before they are consumed. It ends before the iteration does. If the consumer
// breaks off, the values that it did not get are dropped, so they must own nothing. Errors
// and panics of seq end the sequence as in [ForEach], behind the values before them; a
// cancelled ctx may end it earlier. The iterator is single-use.
func Ahead[T any](ctx context.Context, n int, seq func(context.Context) iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		values := make(chan T, n)
		var err error
		var producer sync.WaitGroup
		defer producer.Wait()
		defer cancel(nil)
		producer.Go(func() {
			defer close(values)
			err = guard(func() error { return produce(ctx, values, seq(ctx)) }, func(e error) { err = e })
		})
		for v := range values {
			if !yield(v, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	}
}

// produce passes the values of seq on until it ends, fails, or ctx is cancelled.
func produce[T any](ctx context.Context, values chan<- T, seq iter.Seq2[T, error]) error {
	for v, err := range seq {
		if err != nil {
			return err
		}
		select {
		case values <- v:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}
