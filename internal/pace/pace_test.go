package pace

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// take takes n permits that are free.
func take(t *testing.T, l *Limiter, n int) (permits []Permit) {
	t.Helper()
	for range n {
		p, err := l.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		permits = append(permits, p)
	}
	return permits
}

// Permits go to those who wait in the order of their calls, one for each that is free.
func TestFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Min: 2, Max: 2})
		held := take(t, l, 2)
		var mu sync.Mutex
		var order []int
		served := func() []int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(order)
		}
		for i := range 10 {
			go func() {
				p, err := l.Acquire(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				time.Sleep(time.Second)
				p.Done(Outcome{})
			}()
			synctest.Wait()
		}
		if got := served(); len(got) != 0 {
			t.Errorf("%v did not wait", got)
		}
		held[0].Done(Outcome{})
		if got := served(); len(got) != 1 {
			t.Errorf("%v go on with one permit", got)
		}
		time.Sleep(time.Minute)
		if got := served(); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
			t.Errorf("order %v", got)
		}
		held[1].Done(Outcome{})
	})
}

// Who gives up gets the cause of the context, and takes no permit along.
func TestAcquireCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Max: 1})
		held := take(t, l, 1)
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error, 1)
		go func() {
			_, err := l.Acquire(ctx, 1)
			result <- err
		}()
		synctest.Wait()
		cancel(errTest)
		if err := <-result; !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
		held[0].Done(Outcome{})
		if _, err := l.Acquire(ctx, 1); !errors.Is(err, errTest) {
			t.Errorf("with a permit free: got %v", err)
		}
		take(t, l, 1)[0].Done(Outcome{})
	})
}

// Whatever operations do: never are more let in than the limit, nobody waits while a
// permit is free, and no permit is lost.
func TestPermitsAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		least := rapid.IntRange(1, 4).Draw(rt, "least")
		l := New(Options{Min: least, Max: rapid.IntRange(least, 20).Draw(rt, "most"), Start: rapid.IntRange(0, 8).Draw(rt, "start")})
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"acquire", "acquire", "acquire", "ok", "ok", "throttled", "pause", "unanswered", "canceled", "cancel", "sleep", "seed"}), 1, 200).Draw(rt, "steps")
		pick := rapid.SliceOfN(rapid.IntRange(0, 1000), len(steps), len(steps)).Draw(rt, "picks")
		var problem string
		synctest.Test(t, func(t *testing.T) { problem = permitsAddUp(t.Context(), l, steps, pick) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

func permitsAddUp(ctx context.Context, l *Limiter, steps []string, pick []int) (problem string) {
	l.zero = time.Now() // in the time of the bubble
	var held []Permit
	var cancels []context.CancelFunc
	var mu sync.Mutex
	waiting := 0
	end := func(i int, o Outcome) {
		mu.Lock()
		defer mu.Unlock()
		if len(held) > 0 {
			i %= len(held)
			held[i].Done(o)
			held = slices.Delete(held, i, i+1)
		}
	}
	for i, step := range steps {
		mu.Lock()
		before := len(held)
		mu.Unlock()
		switch step {
		case "acquire":
			ctx, cancel := context.WithCancel(ctx)
			cancels = append(cancels, cancel)
			mu.Lock()
			waiting++
			mu.Unlock()
			go func() {
				p, err := l.Acquire(ctx, 1+pick[i]%3)
				mu.Lock()
				defer mu.Unlock()
				waiting--
				if err == nil {
					held = append(held, p)
				}
			}()
		case "ok":
			end(pick[i], Outcome{Bytes: int64(pick[i])})
		case "throttled":
			end(pick[i], Outcome{Kind: Throttled})
		case "pause":
			end(pick[i], Outcome{Kind: Throttled, RetryAfter: time.Duration(pick[i]) * time.Second})
		case "unanswered":
			end(pick[i], Outcome{Kind: Unanswered})
		case "canceled":
			end(pick[i], Outcome{Kind: Canceled})
		case "cancel":
			if len(cancels) > 0 {
				cancels[pick[i]%len(cancels)]()
			}
		case "sleep":
			time.Sleep(time.Duration(pick[i]) * time.Millisecond)
		case "seed":
			l.Seed(0, time.Duration(pick[i])*time.Millisecond)
		}
		synctest.Wait()
		r := l.Report()
		l.mu.Lock()
		delayed := l.pacer.delay(l.now()) > 0
		l.mu.Unlock()
		mu.Lock()
		switch {
		case r.InFlight != len(held):
			problem = fmt.Sprintf("step %d, %s: %d in flight, %d permits held", i, step, r.InFlight, len(held))
		case len(held) > max(before, r.Limit):
			problem = fmt.Sprintf("step %d, %s: %d in flight of %d", i, step, len(held), r.Limit)
		case waiting > 0 && len(held) < r.Limit && !delayed:
			problem = fmt.Sprintf("step %d, %s: %d wait, with %d in flight of %d", i, step, waiting, len(held), r.Limit)
		}
		mu.Unlock()
		if problem != "" {
			break
		}
	}
	for _, cancel := range cancels {
		cancel()
	}
	synctest.Wait() // now nobody acquires any more
	for len(held) > 0 {
		end(0, Outcome{})
	}
	if r := l.Report(); problem == "" && (r.InFlight != 0 || l.waiting.first != nil) {
		problem = fmt.Sprintf("at the end: %d in flight", r.InFlight)
	}
	return problem
}

// The same with real concurrency, for the race detector: clients give up at any time.
func TestPermitsUnderContention(t *testing.T) {
	l := New(Options{Min: 1, Max: 8})
	var inFlight, done atomic.Int32
	var clients sync.WaitGroup
	for id := range uint64(32) {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(id, 3))
			for range 300 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(200))*time.Microsecond)
				p, err := l.Acquire(ctx, 1)
				if err == nil {
					if n := inFlight.Add(1); n > 8 {
						t.Errorf("%d in flight", n)
					}
					if random.IntN(4) == 0 {
						time.Sleep(time.Duration(random.IntN(50)) * time.Microsecond)
					}
					inFlight.Add(-1)
					p.Done(Outcome{Kind: []Kind{OK, OK, OK, Unanswered, Canceled}[random.IntN(5)]})
					done.Add(1)
				}
				cancel()
			}
		})
	}
	clients.Wait()
	if r := l.Report(); r.InFlight != 0 || l.waiting.first != nil || done.Load() == 0 {
		t.Errorf("%d done, %v", done.Load(), r)
	}
}

// One event cuts once: what was in flight when it came does not cut again, however it is
// told. What begins later does.
func TestOneEventCutsOnce(t *testing.T) {
	for name, kind := range map[string]Kind{"throttled": Throttled, "unanswered": Unanswered} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(Options{Start: 64, Max: 512})
				began := time.Now()
				first, second := take(t, l, 32), take(t, l, 32)
				time.Sleep(50 * time.Millisecond)
				for _, p := range first {
					p.Done(Outcome{Kind: kind})
				}
				after := l.Report()
				if after.Limit >= 64 || after.Limit < 32 {
					t.Errorf("after the first event: %v", after)
				}
				for _, p := range second {
					l.Observe(began, Outcome{Kind: kind})
					p.Done(Outcome{Kind: kind})
				}
				if r := l.Report(); r.Limit != after.Limit || r.Rate != after.Rate {
					t.Errorf("the same event cut again: %v, then %v", after, r)
				}
				time.Sleep(time.Second)
				for range 2 {
					l.Observe(time.Now(), Outcome{Kind: kind})
				}
				if r := l.Report(); r.Limit >= after.Limit {
					t.Errorf("a later event did not cut: %v, then %v", after, r)
				}
			})
		})
	}
}

// One broken connection among many answers cuts nothing.
func TestOneBrokenConnection(t *testing.T) {
	l := New(Options{Start: 64, Max: 512})
	for range 1000 {
		take(t, l, 1)[0].Done(Outcome{})
	}
	for range 3 {
		take(t, l, 1)[0].Done(Outcome{Kind: Unanswered})
	}
	if r := l.Report(); r.Limit != 64 || r.Unanswered != 3 {
		t.Error(r)
	}
}

// Nothing begins before the time that the server asked for. That has a bound.
func TestRetryAfter(t *testing.T) {
	for asked, want := range map[time.Duration]time.Duration{
		3 * time.Second: 3 * time.Second, 1000 * time.Hour: MaxPause,
	} {
		synctest.Test(t, func(t *testing.T) {
			l := New(Options{Min: 4, Max: 4})
			held := take(t, l, 3)
			start := time.Now()
			waits := make(chan time.Duration, 1)
			l.Observe(time.Now(), Outcome{Kind: Throttled, RetryAfter: asked})
			go func() {
				p, err := l.Acquire(t.Context(), 1)
				if err != nil {
					t.Error(err)
				}
				waits <- time.Since(start)
				p.Done(Outcome{})
			}()
			if got := <-waits; got < want || got > want+time.Second {
				t.Errorf("waited %v, asked for %v", got, asked)
			}
			for _, p := range held {
				p.Done(Outcome{})
			}
		})
	}
}

// Operations whose time tells nothing are accepted all the same: a refusal among them
// delays nobody, and more refusals lower the rate to what was accepted.
func TestSharedOperations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Start: 16, Max: 512})
		for range 200 {
			for _, p := range take(t, l, 10) {
				p.Done(Outcome{Kind: Shared})
			}
			time.Sleep(10 * time.Millisecond)
		}
		l.Observe(time.Now(), Outcome{Kind: Throttled, RetryAfter: time.Minute})
		if r := l.Report(); r.Rate != 0 || r.Limit != 16 {
			t.Errorf("after one refusal: %v", r)
		}
		began := time.Now()
		time.Sleep(time.Millisecond)
		for range 20 {
			l.Observe(began, Outcome{Kind: Throttled})
		}
		if r := l.Report(); r.Rate < 800 || r.Rate > 1000 || r.Limit != 16 {
			t.Errorf("after 20 refusals, and 1,000/s accepted: %v", r)
		}
		if l.search.stage != settling || l.search.turned != 0 {
			t.Error("they count as samples")
		}
	})
}

// A number that a user gives as a ceiling is kept.
func TestCeiling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Max: 40})
		load := small
		load.Duration = 10 * time.Second
		c := run(t, office(100*time.Millisecond), load, ours(l))
		if got := most(c.inFlight, 0, load.Duration); got != 40 {
			t.Errorf("%d in flight", got)
		}
		if r := l.Report(); r.Why != "no more are allowed" {
			t.Error(r)
		}
	})
}

// A number is taken from a round trip as long as nothing was measured.
func TestSeedOfALimiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Name: "objects", Max: 200})
		l.Seed(0, 20*time.Millisecond)
		if r := l.Report(); r.Limit != 64 {
			t.Error(r)
		}
		l.Seed(0, time.Hour)
		if r := l.Report(); r.Limit != 200 {
			t.Error(r)
		}
		load := small
		load.Duration = 5 * time.Second
		run(t, office(0), load, ours(l))
		before := l.Report()
		l.Seed(0, time.Hour)
		if r := l.Report(); r.Limit != before.Limit {
			t.Errorf("%v, then %v", before, r)
		}
	})
}

func TestSeed(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	for _, tt := range []struct {
		size      int64
		roundTrip time.Duration
		want      int
	}{
		{0, 0, 16},
		{10 * kib, 0, 16},
		{10 * kib, 5 * time.Millisecond, 16},
		{10 * kib, 20 * time.Millisecond, 64},
		{10 * kib, 80 * time.Millisecond, 256},
		{10 * kib, time.Hour, 256},
		{64 * kib, 100 * time.Millisecond, 256},
		{544 * kib, 100 * time.Millisecond, 144},
		{mib, 0, 16},
		{mib, 20 * time.Millisecond, 32},
		{100 * mib, 100 * time.Millisecond, 32},
	} {
		if got := Seed(tt.size, tt.roundTrip); got != tt.want {
			t.Errorf("%d bytes, %v: %d, want %d", tt.size, tt.roundTrip, got, tt.want)
		}
	}
}
