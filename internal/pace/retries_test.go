package pace

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A retried operation holds its permit while it asks again and again, as those of a bucket
// do: the pauses in between are those of a Budget.
type retried struct {
	limiter  *Limiter
	budget   *Budget
	latency  time.Duration // of each request
	attempts int           // of each request, which is made in up to six rounds
	random   *rand.Rand    // of one goroutine at a time
}

func newRetried(l *Limiter, latency time.Duration) *retried {
	return &retried{
		limiter: l, budget: NewBudget(100*time.Millisecond, 20*time.Second), latency: latency, attempts: 10, random: rand.New(rand.NewPCG(1, 1)),
	}
}

// work is one operation. refuses tells of each of its requests how the server answers.
func (r *retried) work(p Permit, refuses func() (Outcome, bool)) {
	for round := range 6 {
		if round > 0 {
			time.Sleep(time.Second)
		}
		for attempt := 1; attempt <= r.attempts; attempt++ {
			began := time.Now()
			time.Sleep(r.latency)
			o, refused := refuses()
			if !refused {
				r.budget.Answered()
				p.Done(Outcome{})
				return
			}
			o.Again = attempt > 1
			r.limiter.Observe(began, o)
			time.Sleep(r.budget.Delay(attempt) + o.RetryAfter)
		}
	}
	p.Done(Outcome{Kind: Throttled})
}

// When a server that refused what it was asked is well again, work begins soon, also if
// each permit is for a thousand units.
func TestRefusalsEnd(t *testing.T) {
	for _, units := range []int{1, 1000} {
		for _, accepted := range []float64{0, 0.1, 0.5} {
			for _, bad := range []time.Duration{time.Second, 20 * time.Second, 5 * time.Minute} {
				t.Run(fmt.Sprintf("%d units, %.1f accepted for %v", units, accepted, bad), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := New(Options{Max: 16, Start: 1, Ramp: true})
						r := newRetried(l, 50*time.Millisecond)
						from := time.Now().Add(time.Second)
						until := from.Add(bad)
						var mu sync.Mutex
						refuses := func() (Outcome, bool) {
							mu.Lock()
							defer mu.Unlock()
							now := time.Now()
							return Outcome{Kind: Throttled}, now.After(from) && now.Before(until) && r.random.Float64() >= accepted
						}
						var operations sync.WaitGroup
						for time.Since(until) < 2*time.Minute {
							began := time.Now()
							p, err := l.Acquire(context.Background(), units)
							if err != nil {
								t.Fatal(err)
							}
							// The operations in flight pause for up to 40 s before they ask again.
							if waited := time.Since(later(began, until)); waited > 45*time.Second {
								t.Errorf("waited %v for a server that is well; %v", waited, l)
							}
							operations.Go(func() { r.work(p, refuses) })
						}
						operations.Wait()
						if r := l.Report(); r.Rate != 0 {
							t.Errorf("two minutes later: %v", r)
						}
					})
				})
			}
		}
	}
}

// A key that is always refused slows nobody but itself.
func TestRefusedKey(t *testing.T) {
	for _, retryAfter := range []time.Duration{0, time.Second, time.Minute} {
		for name, tt := range map[string]struct {
			options  Options
			latency  time.Duration
			n, which int           // of how many operations which one is refused
			more     time.Duration // that all may take besides a tenth
		}{
			// The search for the limit takes some seconds more or less.
			"small objects":   {Options{Max: 512}, 20 * time.Millisecond, 50_000, 1000, 10 * time.Second},
			"fewer in flight": {Options{Max: 32}, 20 * time.Millisecond, 20_000, 1000, 10 * time.Second},
			// The refused one holds one of four permits.
			"large objects": {Options{Min: 4, Max: 4}, 500 * time.Millisecond, 2000, 150, 80 * time.Second},
			// Where little was accepted yet, one refusal slows all down for a while.
			"one of the first": {Options{Max: 32}, 20 * time.Millisecond, 20_000, 10, 15*time.Second + retryAfter},
		} {
			t.Run(fmt.Sprint(name, ", ", retryAfter), func(t *testing.T) {
				// took is how long it takes until all but the refused one have begun.
				took := func(refused int) (d time.Duration) {
					synctest.Test(t, func(t *testing.T) {
						r := newRetried(New(tt.options), tt.latency)
						start := time.Now()
						var operations sync.WaitGroup
						for i := range tt.n {
							p, err := r.limiter.Acquire(t.Context(), 1)
							if err != nil {
								t.Fatal(err)
							}
							operations.Go(func() {
								r.work(p, func() (Outcome, bool) { return Outcome{Kind: Throttled, RetryAfter: retryAfter}, i == refused })
							})
						}
						d = time.Since(start)
						operations.Wait()
						t.Log(d, r.limiter)
					})
					return d
				}
				if without, with := took(-1), took(tt.which); with > without+without/10+tt.more {
					t.Errorf("takes %v, and %v without the refused one", with, without)
				}
			})
		}
	}
}

// The rate grows with time, whether or not operations began meanwhile.
func TestRateGrowsWithTime(t *testing.T) {
	rate := func(permits int) float64 {
		p := pacer{rate: 10, top: 100, cutAt: time.Hour, grown: time.Hour}
		for n := range permits {
			now := time.Hour + 20*time.Second*time.Duration(n+1)/time.Duration(permits)
			p.delayed = now // somebody waits all the time
			p.spend(now, 1)
		}
		return p.rate
	}
	if rare, often := rate(2), rate(2000); rare < 0.9*often || rare > 1.1*often {
		t.Errorf("%.1f/s after 2 operations, %.1f/s after 2,000", rare, often)
	}
}

// A server that refuses what is above a rate gets nearly that rate also from operations
// that ask again by themselves.
func TestSlowDownOfRetries(t *testing.T) {
	for _, burst := range []float64{5, 50} {
		synctest.Test(t, func(t *testing.T) {
			s := office(5 * time.Millisecond)
			s.SlowDown, s.Burst = 500, burst
			l := New(Options{Start: 16, Max: 512})
			c := run(t, s, small, retrying(l))
			if got := c.perSecond(10*time.Second, length()); got < 450 {
				t.Errorf("bursts of %.0f: %.0f/s; %v", burst, got, l)
			}
			if got := c.refusedShare(10*time.Second, length()); got > 0.01 {
				t.Errorf("bursts of %.0f: %.1f%% refused; %v", burst, 100*got, l)
			}
		})
	}
}

// retrying lets in what a Limiter lets in, and again what was refused, by whoever comes next.
func retrying(l *Limiter) entrance {
	type operation struct {
		permit   Permit
		attempts int
	}
	budget, refused := NewBudget(100*time.Millisecond, 20*time.Second), make(chan operation, 512)
	return func(ctx context.Context) (func(answer), error) {
		var o operation
		select {
		case o = <-refused:
		default:
			p, err := l.Acquire(ctx, 1)
			if err != nil {
				return nil, err
			}
			o.permit = p
		}
		o.attempts++
		began := time.Now()
		return func(a answer) {
			if a.kind == Throttled {
				l.Observe(began, Outcome{Kind: Throttled, Again: o.attempts > 1})
				time.Sleep(budget.Delay(o.attempts))
				refused <- o
				return
			}
			budget.Answered()
			o.permit.Done(Outcome{Bytes: a.bytes, FirstByte: a.firstByte})
		}, nil
	}
}
