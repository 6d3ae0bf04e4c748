package cli

import (
	"context"
	"os"
	"sync"
)

// An interruption is the cause of a context that a signal cancelled.
type interruption struct{ sig os.Signal }

func (e interruption) Error() string { return "stopped by signal: " + e.sig.String() }

// interruptible returns a context that the first signal cancels; the second one
// ends the process. stop ends the watch and returns the first signal, if any.
func (c *command) interruptible(ctx context.Context) (_ context.Context, stop func() os.Signal) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var first os.Signal
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			case sig := <-c.p.Signals:
				if first != nil {
					c.p.Exit(signalCode(sig))
					return
				}
				first = sig
				c.warn(sig.String() + ": stopping and cleaning up; once more leaves at once")
				cancel(interruption{sig})
			}
		}
	})
	return ctx, func() os.Signal {
		close(done)
		watch.Wait()
		cancel(nil)
		return first
	}
}
