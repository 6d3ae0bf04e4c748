package pace

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// The number that is found serves as much as the best fixed one, and does so soon.
func TestThroughput(t *testing.T) {
	for i, latency := range append(latencies, 250*time.Millisecond) {
		for j, l := range []load{small, large, mixed} {
			if short(i, j) {
				continue
			}
			t.Run(fmt.Sprint([]string{"small", "large", "mixed"}[j], " ", latency), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := office(latency)
					limiter := New(Options{Start: Seed(l.Sizes[0], latency), Max: 512})
					c := run(t, s, l, ours(limiter))
					// Of mixed sizes only the bytes tell something, as their average is random.
					most := best(s, l, 512) * l.meanSize()
					if got := c.bytesPerSecond(0, length()) / most; got < 0.9 {
						t.Errorf("%.2f of the best fixed number; %v", got, limiter)
					}
					if got := c.bytesPerSecond(0, 5*time.Second) / most; got < 0.5 {
						t.Errorf("%.2f of the best fixed number in the first 5 s", got)
					}
				})
			})
		}
	}
}

// Without any knowledge it takes longer, but not much.
func TestThroughputWithoutSeed(t *testing.T) {
	for i, latency := range latencies {
		if short(i, 0) {
			continue // the smallest and the largest remain
		}
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := office(latency)
				limiter := New(Options{Start: 2, Max: 512})
				load := small
				load.Duration = time.Minute
				c := run(t, s, load, ours(limiter))
				if got := c.perSecond(0, load.Duration) / best(s, small, 512); got < 0.9 {
					t.Errorf("%.2f of the best fixed number; %v", got, limiter)
				}
			})
		})
	}
}

// A fast client does not need seconds to find a good number: a run of a thousand objects is
// over by then.
func TestBeginning(t *testing.T) {
	for latency, want := range map[time.Duration]struct {
		thousand time.Duration // until 1,024 objects are moved
		second   float64       // of the best fixed number in the first second
	}{
		5 * time.Millisecond:   {100 * time.Millisecond, 0.9},
		20 * time.Millisecond:  {200 * time.Millisecond, 0.75},
		100 * time.Millisecond: {500 * time.Millisecond, 0.7},
	} {
		t.Run(latency.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := server{Latency: latency, Jitter: 0.3, Rate: 20_000, Lanes: 2}
				l := New(Options{Start: Seed(small.Sizes[0], latency), Max: 512})
				load := small
				load.Duration = 4 * time.Second
				c := run(t, s, load, ours(l))
				if got := between(c.served, 0, want.thousand); got < 1024 {
					t.Errorf("%d objects in %v; %v", got, want.thousand, l)
				}
				if got := c.perSecond(0, time.Second) / best(s, load, 512); got < want.second {
					t.Errorf("%.2f of the best fixed number in the first second; %v", got, l)
				}
				if got := c.perSecond(time.Second, load.Duration) / best(s, load, 512); got < 0.9 {
					t.Errorf("%.2f of the best fixed number later; %v", got, l)
				}
			})
		})
	}
}

// Where two cores are what bounds the work, more in flight do not pay, and no more than
// a few are let in.
func TestCPUBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Max: 512})
		c := run(t, office(0), small, ours(l))
		if got := most(c.inFlight, 10*time.Second, length()); got > 16 {
			t.Errorf("%d in flight", got)
		}
		if got := most(c.inFlight, 0, length()); got > 32 {
			t.Errorf("%d in flight at first", got)
		}
	})
}

// A server that gets slower the more are in flight is not crowded for long.
func TestCrowdedServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := office(5 * time.Millisecond)
		s.Crowd = 32
		l := New(Options{Start: 256, Max: 512})
		c := run(t, s, small, ours(l))
		if got := c.perSecond(10*time.Second, length()) / s.Rate; got < 0.9 {
			t.Errorf("%.2f of the best fixed number; %v", got, l)
		}
	})
}

// A server that refuses more than 500 requests/s gets nearly so many, and few more.
func TestSlowDown(t *testing.T) {
	for i, latency := range append(latencies, time.Millisecond) {
		for j, burst := range []float64{10, 50, 500} {
			if short(i, j) {
				continue
			}
			t.Run(fmt.Sprint(latency, ", bursts of ", burst), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := office(latency)
					s.SlowDown, s.Burst = 500, burst
					l := New(Options{Start: Seed(small.Sizes[0], latency), Max: 512})
					c := run(t, s, small, ours(l))
					if got := c.perSecond(10*time.Second, length()) / 500; got < 0.9 {
						t.Errorf("%.2f of what the server accepts; %v", got, l)
					}
					if got := c.refusedShare(10*time.Second, length()); got > 0.05 {
						t.Errorf("%.1f%% refused; %v", 100*got, l)
					}
				})
			})
		}
	}
}

// The rate also holds where a number in flight is fixed, and where the server tells how
// long to wait.
func TestSlowDownOfAFixedNumber(t *testing.T) {
	for name, tt := range map[string]struct {
		retryAfter time.Duration
		least      float64
	}{
		"without Retry-After": {0, 450},
		"with Retry-After":    {2 * time.Second, 350},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := office(5 * time.Millisecond)
				s.SlowDown, s.Burst, s.RetryAfter = 500, 50, tt.retryAfter
				l := New(Options{Min: 64, Max: 64})
				c := run(t, s, small, ours(l))
				if got := c.perSecond(10*time.Second, length()); got < tt.least {
					t.Errorf("%.0f/s; %v", got, l)
				}
				if got := c.refusedShare(10*time.Second, length()); got > 0.05 {
					t.Errorf("%.1f%% refused; %v", 100*got, l)
				}
				if got := l.Report().Limit; got != 64 {
					t.Errorf("the limit is %d", got)
				}
			})
		})
	}
}

// A ramp doubles the number with each turn, and a refusal ends it.
func TestRamp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(Options{Max: 16, Start: 1, Ramp: true})
		// turn lets as many operations as are permitted begin, and end with kind.
		turn := func(kind Kind) (n int) {
			n = l.Report().Limit
			permits := make([]Permit, n)
			for i := range permits {
				var err error
				if permits[i], err = l.Acquire(t.Context(), 1000); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(50 * time.Millisecond)
			for _, p := range permits {
				p.Done(Outcome{Kind: kind})
			}
			return n
		}
		for _, want := range []int{1, 2, 4, 8, 16, 16} {
			if got := turn(OK); got != want {
				t.Errorf("%d in flight, want %d", got, want)
			}
		}
		l = New(Options{Max: 16, Start: 1, Ramp: true})
		turn(OK)
		turn(OK)
		turn(Throttled)
		if after := l.Report().Limit; after > 4 {
			t.Errorf("%d in flight after a refusal of 4", after)
		}
		for range 3 {
			turn(OK)
		}
		if got := l.Report().Limit; got > 4 {
			t.Errorf("%d in flight right after the refusal", got)
		}
	})
}

// A server that refuses what is above a number in flight is used without many refusals.
func TestServerThatCountsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := office(20 * time.Millisecond)
		s.Most = 40
		l := New(Options{Start: 64, Max: 512})
		c := run(t, s, small, ours(l))
		if got, want := c.perSecond(10*time.Second, length()), 40/s.Latency.Seconds(); got < 0.6*want {
			t.Errorf("%.0f/s of %.0f/s; %v", got, want, l)
		}
		if got := c.refusedShare(10*time.Second, length()); got > 0.01 {
			t.Errorf("%.1f%% refused; %v", 100*got, l)
		}
	})
}

// Requests that delete many keys are counted by their keys: S3 accepts 3,500 a second. That
// is so few requests that the share of those refused in one run tells little.
func TestDeletions(t *testing.T) {
	const runs = 4
	refused := 0.0
	for range runs {
		synctest.Test(t, func(t *testing.T) {
			s := server{Latency: 100 * time.Millisecond, Jitter: 0.3, SlowDown: 3500, Burst: 3500}
			load := load{Sizes: []int64{0}, Clients: 16, Units: 1000}
			l := New(Options{Start: 1, Max: 16})
			in := func(ctx context.Context) (func(answer), error) {
				p, err := l.Acquire(ctx, load.Units)
				return func(a answer) { p.Done(Outcome{Kind: a.kind}) }, err
			}
			c := run(t, s, load, in)
			if got := c.perSecond(10*time.Second, length()); got < 0.9*3.5 {
				t.Errorf("%.2f requests/s; %v", got, l)
			}
			refused += c.refusedShare(10*time.Second, length())
		})
	}
	if got := refused / runs; got > 0.05 {
		t.Errorf("%.1f%% refused", 100*got)
	}
}
