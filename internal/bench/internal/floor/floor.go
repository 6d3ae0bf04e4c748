// Package floor is what a sync costs at least with net/http: a client made by hand that
// does the same reading, digesting, signing, sending and writing, and decides nothing.
// It is a process of its own, like the tools that are compared with it.
package floor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
)

// Run is the command `bench floor`.
func Run(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("floor", flag.ExitOnError)
	endpoint := flags.String("endpoint", "", "URL of the server")
	workers := flags.Int("workers", 16, "requests at once")
	remove := flags.Bool("delete", false, "with compare: delete the objects that the source has not")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(flags.Output(), "bench floor [flags] up|down|compare SOURCE TARGET, each a directory or s3://BUCKET")
		flags.PrintDefaults()
	}
	_ = flags.Parse(args) // exits
	if flags.NArg() != 3 {
		flags.Usage()
		return flag.ErrHelp
	}
	what, source, target := flags.Arg(0), flags.Arg(1), flags.Arg(2)
	switch what {
	case "compare":
		return compareSides(*endpoint, source, target, *remove)
	case "up":
		return transfer(*endpoint, target, *workers, func(f *fleet) error { return f.up(source) })
	case "down":
		return transfer(*endpoint, source, *workers, func(f *fleet) error { return f.down(target) })
	}
	return fmt.Errorf("unknown work %q", what)
}

// A fleet is the workers of a transfer and what they share.
type fleet struct {
	*client
	jobs chan func(*worker) error
	once sync.Once
	stop chan struct{} // closed after the first error
	err  error
}

// transfer lets workers do the jobs that produce hands out.
func transfer(endpoint, bucket string, workers int, produce func(*fleet) error) error {
	c, err := newClient(endpoint, bucketIn(bucket), workers)
	if err != nil {
		return err
	}
	f := &fleet{client: c, jobs: make(chan func(*worker) error, workers), stop: make(chan struct{})}
	var wait sync.WaitGroup
	for range workers {
		wait.Go(func() {
			var w worker
			for job := range f.jobs {
				if err := job(&w); err != nil {
					f.fail(err)
					return
				}
			}
		})
	}
	err = produce(f)
	close(f.jobs)
	wait.Wait()
	select {
	case <-f.stop:
		return errors.Join(f.err, err)
	default:
		return err
	}
}

func (f *fleet) fail(err error) {
	f.once.Do(func() {
		f.err = err
		close(f.stop)
	})
}

var errStopped = errors.New("a worker stopped")

// A worker has a buffer, which grows as it is needed.
type worker struct{ buf []byte }

func (w *worker) buffer(size int64) []byte {
	if int64(len(w.buf)) < size {
		w.buf = make([]byte, size)
	}
	return w.buf[:size]
}

// add hands out a job.
func (f *fleet) add(job func(*worker) error) error {
	select {
	case f.jobs <- job:
		return nil
	case <-f.stop:
		return errStopped
	}
}
