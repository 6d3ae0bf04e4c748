package pace

import (
	"testing"
	"testing/synctest"
	"time"
)

// No knowledge, however bad, lasts: while somebody waits and more in flight move more, the
// limit reaches the most that is allowed, or what is too near to it to tell apart.
func TestNoStateIsFinal(t *testing.T) {
	const most = 24
	for good := 1; good <= most; good++ {
		for high := good; high <= most; high++ { // good stands for none
			for low := range good {
				for _, loses := range []bool{false, true} {
					s := search{least: 1, most: most, limit: good, good: good, low: low, loses: loses}
					if high > good {
						s.high = high
					}
					s.base = proportional(good)
					s.first = s.base
					before := s
					now := time.Hour
					for range 50 {
						now += probeLast
						s.judge(now, proportional(s.limit))
					}
					if enoughGain*float64(s.good) < most {
						t.Fatalf("good %d, high %d, low %d, loses %v: ends at %d", good, before.high, low, loses, s.good)
					}
				}
			}
		}
	}
}

// proportional is a sample of a server that moves the more the more are in flight.
func proportional(limit int) sample {
	s := sample{limit: limit, inFlight: float64(limit), working: float64(limit), waited: true}
	for range 100 {
		s.add(1024, 1, 0)
	}
	return s
}

// A limit that a single event has cut from 2 to 1 rises again.
func TestLimitOfOneRises(t *testing.T) {
	for name, tt := range map[string]struct {
		options Options
		kind    Kind
		events  int // that cut
	}{
		"throttled":  {Options{Max: 16, Start: 1, Ramp: true}, Throttled, 1},
		"unanswered": {Options{Max: 2, Start: 2}, Unanswered, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := New(tt.options)
				load := load{Sizes: []int64{0}, Clients: 16, Duration: time.Minute}
				// After one turn of the ramp, and before a measurement.
				load.Changes = []change{{60 * time.Millisecond, func(*server) {
					for range tt.events {
						l.Observe(time.Now(), Outcome{Kind: tt.kind})
					}
					if got := l.Report().Limit; got != 1 {
						t.Errorf("the limit is %d after the cut", got)
					}
				}}}
				c := run(t, server{Latency: 50 * time.Millisecond}, load, ours(l))
				if got := most(c.inFlight, 30*time.Second, load.Duration); got < 2 {
					t.Errorf("%d in flight later; %v", got, l)
				}
			})
		})
	}
}
