package parallel_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/parallel"
)

var errTest = errors.New("test failure")

// numbers yields 0 to n-1, then err if it is not nil.
func numbers(n int, err error) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
		if err != nil {
			yield(-1, err)
		}
	}
}

// fixed returns a sequence that never waits.
func fixed(seq iter.Seq2[int, error]) func(context.Context) iter.Seq2[int, error] {
	return func(context.Context) iter.Seq2[int, error] { return seq }
}

func TestForEachCallsAllOnce(t *testing.T) {
	for name, workers := range map[string]int{"none asked": 0, "one": 1, "several": 7, "more than values": 2000} {
		t.Run(name, func(t *testing.T) {
			var calls [1000]atomic.Int32
			err := parallel.ForEach(t.Context(), workers, fixed(numbers(len(calls), nil)), func(_ context.Context, i int) error {
				calls[i].Add(1)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			for i := range calls {
				if got := calls[i].Load(); got != 1 {
					t.Errorf("value %d: %d calls, want 1", i, got)
				}
			}
		})
	}
}

func TestForEachUsesNWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		start := time.Now()
		err := parallel.ForEach(t.Context(), 4, fixed(numbers(12, nil)), func(context.Context, int) error {
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			return nil
		})
		if err != nil || most.Load() != 4 || time.Since(start) != 3*time.Second {
			t.Errorf("got %v, %d at once, %v; want nil, 4, 3s", err, most.Load(), time.Since(start))
		}
	})
}

func TestForEachErrors(t *testing.T) {
	tests := map[string]struct {
		seq   iter.Seq2[int, error]
		do    func(context.Context, int) error
		calls int32
	}{
		"of do, workers idle": {
			seq: numbers(5, nil),
			do: func(_ context.Context, i int) error {
				if i == 4 {
					return errTest
				}
				return nil
			},
			calls: 5,
		},
		"of the sequence": {
			seq:   numbers(3, errTest),
			do:    func(context.Context, int) error { return nil },
			calls: 3,
		},
		"of the sequence at once": {
			seq: numbers(0, errTest),
			do:  func(context.Context, int) error { return nil },
		},
		"of do, others wait for the context": {
			seq: numbers(1000, nil),
			do: func(ctx context.Context, i int) error {
				if i == 2 {
					return errTest
				}
				<-ctx.Done()
				if !errors.Is(context.Cause(ctx), errTest) {
					t.Errorf("cause is %v, want the first error", context.Cause(ctx))
				}
				return ctx.Err()
			},
			calls: 3,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				err := parallel.ForEach(t.Context(), 3, fixed(tt.seq), func(ctx context.Context, i int) error {
					calls.Add(1)
					return tt.do(ctx, i)
				})
				if !errors.Is(err, errTest) || calls.Load() != tt.calls {
					t.Errorf("got %v after %d calls, want the test failure after %d", err, calls.Load(), tt.calls)
				}
			})
		})
	}
}

func TestForEachCancelled(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errTest)
		err := parallel.ForEach(ctx, 2, fixed(numbers(5, nil)), func(context.Context, int) error {
			t.Error("do was called")
			return nil
		})
		if !errors.Is(err, errTest) {
			t.Errorf("got %v, want the cause", err)
		}
	})
	t.Run("while all workers are busy", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			var calls atomic.Int32
			time.AfterFunc(time.Minute, func() { cancel(errTest) })
			err := parallel.ForEach(ctx, 2, fixed(numbers(5, nil)), func(ctx context.Context, _ int) error {
				calls.Add(1)
				<-ctx.Done()
				return nil
			})
			if !errors.Is(err, errTest) || calls.Load() != 2 {
				t.Errorf("got %v after %d calls, want the cause after 2", err, calls.Load())
			}
		})
	})
}

// Every value ends up in do, or is the one at which the sequence was stopped.
func TestForEachLosesNoValue(t *testing.T) {
	for range 200 {
		made, done, kept := 0, atomic.Int32{}, 0
		seq := func(yield func(int, error) bool) {
			for i := range 100 {
				made++
				if !yield(i, nil) {
					kept++
					return
				}
			}
		}
		err := parallel.ForEach(t.Context(), 3, fixed(seq), func(_ context.Context, i int) error {
			done.Add(1)
			if i == 20 {
				return errTest
			}
			return nil
		})
		if !errors.Is(err, errTest) || int(done.Load())+kept != made {
			t.Fatalf("got %v; %d made, %d done, %d kept", err, made, done.Load(), kept)
		}
	}
}

// The first error ends the wait of the sequence for its next value. The error that the
// sequence makes of that is not the first one.
func TestForEachEndsSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := func(ctx context.Context) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				if yield(0, nil) {
					<-ctx.Done()
					yield(-1, errors.New("the wait ended"))
				}
			}
		}
		err := parallel.ForEach(t.Context(), 3, waits, func(context.Context, int) error {
			time.Sleep(time.Second)
			return errTest
		})
		if !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
	})
}

func TestForEachWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finished := false
		err := parallel.ForEach(t.Context(), 2, fixed(numbers(2, nil)), func(_ context.Context, i int) error {
			if i == 0 {
				time.Sleep(time.Second)
				return errTest
			}
			time.Sleep(time.Hour) // deaf to its context
			finished = true
			return nil
		})
		if !errors.Is(err, errTest) || !finished {
			t.Errorf("got %v, finished %v; want the test failure after all have finished", err, finished)
		}
	})
}

func TestForEachPanics(t *testing.T) {
	inSeq := func(func(int, error) bool) { panicHere("deep inside") }
	inDo := func(context.Context, int) error { panicHere("deep inside"); return nil }
	tests := map[string]struct {
		seq iter.Seq2[int, error]
		do  func(context.Context, int) error
	}{
		"do":       {numbers(100, nil), inDo},
		"sequence": {inSeq, inDo},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := parallel.ForEach(t.Context(), 3, fixed(tt.seq), tt.do)
			p, ok := errors.AsType[*parallel.PanicError](err)
			if !ok {
				t.Fatalf("got %v, want a PanicError", err)
			}
			if p.Value != "deep inside" || err.Error() != "panic: deep inside" {
				t.Errorf("got value %v and text %q", p.Value, err)
			}
			if !strings.Contains(string(p.Stack()), "panicHere") {
				t.Errorf("stack does not show the panic:\n%s", p.Stack())
			}
		})
	}
	t.Run("with an error", func(t *testing.T) {
		err := parallel.ForEach(t.Context(), 3, fixed(numbers(1, nil)), func(context.Context, int) error { panic(errTest) })
		if errors.Is(err, errTest) {
			t.Errorf("%v passes for the error in it", err)
		}
	})
}

func panicHere(v any) { panic(v) }

// A do that ends its goroutine, as t.FailNow does, must not leave ForEach
// waiting for workers that are gone.
func TestForEachGoexit(t *testing.T) {
	err := parallel.ForEach(t.Context(), 2, fixed(numbers(100, nil)), func(context.Context, int) error {
		runtime.Goexit()
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "Goexit") {
		t.Errorf("got %v, want an error about Goexit", err)
	}
}

func BenchmarkForEach(b *testing.B) {
	nothing := func(context.Context, int) error { return nil }
	if err := parallel.ForEach(b.Context(), 16, fixed(numbers(b.N, nil)), nothing); err != nil {
		b.Fatal(err)
	}
}
