package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"s3sync/internal/cli/options"
)

// An interruption is the cause of a context that a signal cancelled.
type interruption struct{ sig os.Signal }

func (e interruption) Error() string { return "stopped by signal: " + e.sig.String() }

// interruptible returns a context that the first signal cancels. The second signal
// ends the process. stop ends the watch and returns the first signal, if any.
func (c *command) interruptible(ctx context.Context) (_ context.Context, stop func() os.Signal) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	var first os.Signal
	var at time.Time // first came
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			select {
			case <-done:
				return
			case sig := <-c.p.Signals:
				if options.IsSameSignal(first, sig, time.Since(at)) {
					continue
				}
				if first != nil {
					atOnce(c.screen.Clear)
					c.p.Exit(options.ExitOfSignal(sig))
					return
				}
				first, at = sig, time.Now()
				cancel(interruption{sig})
				// A terminal or pipe that takes nothing must not hold up a further signal.
				watch.Go(func() { c.warn(sig.String() + ": stopping and cleaning up; once more leaves at once") })
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

// atOnce calls f, which may write to a terminal that takes nothing, and waits for it only
// a moment.
func atOnce(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	moment := time.NewTimer(100 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-done:
	case <-moment.C:
	}
}

// DumpOn prints the stacks of all goroutines when a signal comes, and exits with the
// code of a crash. It waits in the background as long as the process lives. So the
// user can find out where a program hangs.
func DumpOn(signals <-chan os.Signal, stderr io.Writer, exit func(code int)) {
	go func() {
		sig := <-signals
		// If the stacks cannot be printed, the exit code remains.
		_, _ = fmt.Fprintf(stderr, "s3sync: %v\n\n%s", sig, allStacks())
		exit(options.ExitBug)
	}()
}

// allStacks returns the stacks of all goroutines, or of the first ones if there are
// very many.
func allStacks() []byte {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) >= 64<<20 {
			return buf[:n]
		}
		buf = make([]byte, 2*len(buf))
	}
}
