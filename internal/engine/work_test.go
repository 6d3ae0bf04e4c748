package engine

import (
	"context"
	"errors"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/limits"
	"s3sync/storage"
)

// endless yields numbers, and counts those that were taken.
func endless(taken *int) func(context.Context) iter.Seq2[int, error] {
	return func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := 0; yield(i, nil); i++ {
				*taken = i + 1
			}
		}
	}
}

// A value is taken only when there is a permit for it, so that few are in hand when a unit
// is stopped.
func TestPermitBeforeWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits.New(limits.Options{Workers: 2})
		begin := func(ctx context.Context, _ int) (limits.Permit, error) { return l.StartObject(ctx, 1) }
		taken, working, done := 0, make(chan int, 10), make(chan struct{})
		failed := errors.New("failed")
		result := make(chan error, 1)
		go func() {
			result <- inParallel(t.Context(), 100, endless(&taken), begin, func(_ context.Context, i int) (limits.Work, error) {
				working <- i
				<-done
				return limits.Work{}, failed
			})
		}()
		synctest.Wait()
		if len(working) != 2 || taken > 2 {
			t.Errorf("%d are worked on, %d were taken", len(working), taken+1)
		}
		close(done)
		if err := <-result; !errors.Is(err, failed) {
			t.Errorf("got %v", err)
		}
		for range 2 { // all permits were given back
			if _, err := l.StartObject(t.Context(), 1); err != nil {
				t.Error(err)
			}
		}
	})
}

// What ends the run ends the wait for a permit, too.
func TestEndOfRunEndsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits.New(limits.Options{Workers: 8})
		begin := func(ctx context.Context, _ int) (limits.Permit, error) { return l.StartObject(ctx, 1) }
		taken, failed, began := 0, errors.New("failed"), time.Now()
		err := inParallel(t.Context(), 8, endless(&taken), begin, func(context.Context, int) (limits.Work, error) {
			l.Observe(storage.Request{Began: time.Now(), Throttled: true, RetryAfter: time.Minute})
			time.Sleep(time.Second)
			return limits.Work{}, failed
		})
		if waited := time.Since(began); !errors.Is(err, failed) || waited > 2*time.Second {
			t.Errorf("got %v after %v", err, waited)
		}
	})
}

// What ends the run ends the wait for the next value, too, such as that of a listing for a
// server that does not answer. The error is that of the worker, whatever the listing makes of
// its end.
func TestEndOfRunEndsListing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := limits.New(limits.Options{Workers: 8})
		begin := func(ctx context.Context, _ int) (limits.Permit, error) { return l.StartObject(ctx, 1) }
		failed, ended := errors.New("failed"), errors.New("the listing ended")
		waits := func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				if yield(1, nil) {
					<-ctx.Done()
					yield(0, ended)
				}
			}
		}
		err := inParallel(t.Context(), 8, waits, begin, func(context.Context, int) (limits.Work, error) {
			time.Sleep(time.Second)
			return limits.Work{}, failed
		})
		if !errors.Is(err, failed) || errors.Is(err, ended) {
			t.Errorf("got %v", err)
		}
	})
}

// A panic of a worker gives its permit back.
func TestPanicGivesPermitBack(t *testing.T) {
	l := limits.New(limits.Options{Workers: 1})
	begin := func(ctx context.Context, _ int) (limits.Permit, error) { return l.StartObject(ctx, 1) }
	taken := 0
	err := inParallel(t.Context(), 1, endless(&taken), begin, func(context.Context, int) (limits.Work, error) { panic("a fault") })
	if err == nil {
		t.Fatal("no error")
	}
	if _, err := l.StartObject(t.Context(), 1); err != nil {
		t.Error(err)
	}
}
