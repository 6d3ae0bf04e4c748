package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/ratelimit"
)

var errTest = errors.New("test failure")

// A traffic is what passed, and when.
type traffic struct {
	mu     sync.Mutex
	passes []pass
}

type pass struct {
	at time.Time
	n  int
}

func (tr *traffic) add(n int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.passes = append(tr.passes, pass{time.Now(), n})
}

// check looks at every second that begins with a pass, both ends included, and
// at the average if callers were never idle.
func (tr *traffic) check(t *testing.T, limit int64, average bool) {
	t.Helper()
	slices.SortStableFunc(tr.passes, func(a, b pass) int { return a.at.Compare(b.at) })
	total, window, first := int64(0), int64(0), 0
	for _, p := range tr.passes {
		total += int64(p.n)
		window += int64(p.n)
		for p.at.Sub(tr.passes[first].at) > time.Second {
			window -= int64(tr.passes[first].n)
			first++
		}
		if window > limit {
			t.Fatalf("%d units passed within the second before %v, limit %d", window, p.at, limit)
		}
	}
	seconds := tr.passes[len(tr.passes)-1].at.Sub(tr.passes[0].at).Seconds()
	if got := float64(total) / seconds; average && got < 0.95*float64(limit) {
		t.Errorf("%.1f units a second on average, limit %d", got, limit)
	}
}

func TestLimits(t *testing.T) {
	limiters := map[string]struct {
		make  func() *ratelimit.Limiter
		limit int64
	}{
		"1 object":     {func() *ratelimit.Limiter { return ratelimit.Objects(1) }, 1},
		"10 objects":   {func() *ratelimit.Limiter { return ratelimit.Objects(10) }, 10},
		"19 objects":   {func() *ratelimit.Limiter { return ratelimit.Objects(19) }, 19},
		"100 objects":  {func() *ratelimit.Limiter { return ratelimit.Objects(100) }, 100},
		"1234 objects": {func() *ratelimit.Limiter { return ratelimit.Objects(1234) }, 1234},
		"10 bytes":     {func() *ratelimit.Limiter { return ratelimit.Bytes(10) }, 10},
		"1 MiB":        {func() *ratelimit.Limiter { return ratelimit.Bytes(1 << 20) }, 1 << 20},
		"100 GiB":      {func() *ratelimit.Limiter { return ratelimit.Bytes(100 << 30) }, 100 << 30},
	}
	for name, tt := range limiters {
		limit := tt.make()
		one := func(*rand.Rand) int { return 1 }
		any := func(r *rand.Rand) int { return 1 + r.IntN(limit.Burst()) }
		most := func(*rand.Rand) int { return limit.Burst() }
		if tt.limit > 2000 {
			one = most // too many steps
		}
		for how, size := range map[string]func(*rand.Rand) int{"by one": one, "by any": any, "by the burst": most} {
			t.Run(name+" "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var tr traffic
					flow(t, tt.make(), &tr, size, false)
					tr.check(t, tt.limit, true)
				})
			})
			t.Run(name+" "+how+", with pauses and cancellations", func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var tr traffic
					flow(t, tt.make(), &tr, size, true)
					tr.check(t, tt.limit, false)
				})
			})
		}
	}
}

// flow lets several callers pass what they can in 12 seconds.
func flow(t *testing.T, l *ratelimit.Limiter, tr *traffic, size func(*rand.Rand) int, uneasy bool) {
	t.Helper()
	end, cancel := context.WithTimeout(t.Context(), 12*time.Second)
	defer cancel()
	var callers sync.WaitGroup
	for id := range uint64(4) {
		callers.Go(func() {
			random := rand.New(rand.NewPCG(id, 7))
			for end.Err() == nil {
				ctx, cancel := end, func() {}
				if uneasy && random.IntN(4) == 0 {
					ctx, cancel = context.WithTimeout(end, time.Duration(random.Int64N(int64(time.Second))))
				}
				n := size(random)
				if l.WaitN(ctx, n) == nil {
					tr.add(n)
				}
				cancel()
				if uneasy && random.IntN(50) == 0 {
					time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
				}
			}
		})
	}
	callers.Wait()
}

// A wait for more than passes in a second takes its time, no less.
func TestWaitLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := ratelimit.Bytes(1<<20).WaitN(t.Context(), 100<<20); err != nil {
			t.Fatal(err)
		}
		if got := time.Since(start).Seconds(); got < 99 || got > 100/0.95 {
			t.Errorf("100 MiB took %.2f s at 1 MiB a second", got)
		}
	})
}

func TestUnlimited(t *testing.T) {
	for name, l := range map[string]*ratelimit.Limiter{
		"nil": nil, "objects": ratelimit.Objects(0), "bytes": ratelimit.Bytes(0), "negative": ratelimit.Bytes(-1),
	} {
		t.Run(name, func(t *testing.T) {
			if l != nil || l.Burst() != math.MaxInt {
				t.Fatalf("got a limiter %v with burst %d", l, l.Burst())
			}
			if err := l.WaitN(t.Context(), math.MaxInt); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errTest)
			if err := l.WaitN(ctx, 1); !errors.Is(err, errTest) {
				t.Errorf("got %v, want the cause", err)
			}
		})
	}
}

func TestWaitCancelled(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(errTest)
			if err := ratelimit.Objects(10).WaitN(ctx, n); !errors.Is(err, errTest) {
				t.Errorf("got %v, want the cause", err)
			}
		})
	}
	t.Run("while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			start := time.Now()
			time.AfterFunc(time.Second, func() { cancel(errTest) })
			err := ratelimit.Objects(10).WaitN(ctx, 1000)
			if !errors.Is(err, errTest) || time.Since(start) != time.Second {
				t.Errorf("got %v after %v, want the cause after 1s", err, time.Since(start))
			}
		})
	})
	// What a caller gave up is there for the next one.
	t.Run("gives back", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := ratelimit.Objects(1)
			if err := l.WaitN(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			start := time.Now()
			if err := l.WaitN(ctx, 1); err == nil {
				t.Fatal("did not wait")
			}
			if err := l.WaitN(t.Context(), 1); err != nil || time.Since(start) > 1100*time.Millisecond {
				t.Errorf("got %v after %v, want about 1s", err, time.Since(start))
			}
		})
	})
	t.Run("deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := ratelimit.Objects(10).WaitN(ctx, 1000); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the error of the context", err)
			}
		})
	})
}

func BenchmarkWaitN(b *testing.B) {
	b.Run("unlimited", func(b *testing.B) {
		for b.Loop() {
			if err := ratelimit.Bytes(0).WaitN(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("no need to wait", func(b *testing.B) {
		l := ratelimit.Bytes(1 << 50)
		for b.Loop() {
			if err := l.WaitN(b.Context(), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
