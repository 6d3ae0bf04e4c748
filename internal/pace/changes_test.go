package pace

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// at is a change after some seconds.
func at(after int, to func(*server)) change {
	return change{time.Duration(after) * time.Second, to}
}

// When the server or the way to it changes, the number follows. The test changes
// something after 20 s and undoes it after 40 s, and looks at the last seconds of each.
func TestChanges(t *testing.T) {
	for name, tt := range map[string]struct {
		load     load
		to, back func(*server)
		least    float64 // of the best fixed number under the change, after half of its time
		long     bool    // not in the short run
	}{
		"latency": {
			small, func(s *server) { s.Latency *= 5 }, func(s *server) { s.Latency /= 5 }, 0.9, false,
		},
		"ceiling halved": {
			small, func(s *server) { s.Rate /= 2 }, func(s *server) { s.Rate *= 2 }, 0.9, true,
		},
		"bandwidth": {
			large, func(s *server) { s.Bandwidth /= 4 }, func(s *server) { s.Bandwidth *= 4 }, 0.8, false,
		},
		"slow answers": {
			small, func(s *server) { s.Slow, s.SlowTime = 0.05, time.Second }, func(s *server) { s.Slow = 0 }, 0.75, false,
		},
		"connection": {
			small, func(s *server) { s.Connection /= 1000 }, func(s *server) { s.Connection *= 1000 }, 0.9, true,
		},
	} {
		if tt.long && testing.Short() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := office(20 * time.Millisecond)
				under := s
				tt.to(&under)
				tt.load.Duration = time.Minute
				tt.load.Changes = []change{at(20, tt.to), at(40, tt.back)}
				l := New(Options{Start: Seed(tt.load.Sizes[0], s.Latency), Max: 512})
				c := run(t, s, tt.load, ours(l))
				for _, phase := range []struct {
					from, to int
					best     float64
					least    float64
				}{
					{10, 20, best(s, tt.load, 512), 0.9},
					{30, 40, best(under, tt.load, 512), tt.least},
					{50, 60, best(s, tt.load, 512), 0.9},
				} {
					got := c.perSecond(time.Duration(phase.from)*time.Second, time.Duration(phase.to)*time.Second)
					if got < phase.least*phase.best {
						t.Errorf("from %d s to %d s: %.2f of the best fixed number; %v", phase.from, phase.to, got/phase.best, l)
					}
				}
			})
		})
	}
}

// A server that serves half as much for the same time in flight gets fewer in flight.
func TestSlowerServerGetsFewer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := small
		load.Duration = time.Minute
		load.Changes = []change{at(20, func(s *server) { s.Rate /= 8 })}
		l := New(Options{Start: 64, Max: 512})
		c := run(t, office(20*time.Millisecond), load, ours(l))
		before, after := most(c.inFlight, 15*time.Second, 20*time.Second), most(c.inFlight, 50*time.Second, time.Minute)
		if after > before/2 {
			t.Errorf("%d in flight before, %d after", before, after)
		}
	})
}

// While nothing is answered, the number shrinks. It is back soon after.
func TestUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := small
		load.Duration = time.Minute
		load.Changes = []change{at(20, func(s *server) { s.Down = true }), at(40, func(s *server) { s.Down = false })}
		l := New(Options{Start: 64, Max: 512})
		s := office(20 * time.Millisecond)
		c := run(t, s, load, ours(l))
		if got := most(c.inFlight, 35*time.Second, 40*time.Second); got > 8 {
			t.Errorf("%d in flight after 15 s without answers", got)
		}
		if got := c.perSecond(45*time.Second, time.Minute) / best(s, load, 512); got < 0.9 {
			t.Errorf("%.2f of the best fixed number after the outage; %v", got, l)
		}
	})
}

// A moment in which nothing ends, such as one of a busy machine, does not make the number
// that is tried just then look bad for long.
func TestOneStall(t *testing.T) {
	const stall = 300 * time.Millisecond
	for i := range 6 {
		after := time.Duration(i)*170*time.Millisecond + 100*time.Millisecond
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := server{Latency: 20 * time.Millisecond, Jitter: 0.3, Rate: 4000, Lanes: 2, Crowd: 256}
				l := New(Options{Max: 512})
				load := small
				load.Duration = after + stall + 8*time.Second
				load.Changes = []change{{after, func(s *server) { s.Until = time.Now().Add(stall) }}}
				c := run(t, s, load, ours(l))
				if got := c.perSecond(after+stall, load.Duration) / best(s, load, 512); got < 0.85 { // the next one above the best moves 0.88
					t.Errorf("%.2f of the best fixed number after it; %v", got, l)
				}
			})
		})
	}
}

// An outage that operations wait for with their permits ends with samples of minutes. They
// spoil the number for seconds at most, whenever they come.
func TestWaitsInAnOutage(t *testing.T) {
	const outage = 3 * time.Minute
	for i, latency := range []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond} {
		for j, after := range []time.Duration{50 * time.Millisecond, 400 * time.Millisecond, time.Second, 3 * time.Second, 6 * time.Second, 20 * time.Second} {
			if short(i, j) {
				continue
			}
			t.Run(fmt.Sprint(latency, ", after ", after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					load := small
					over := after + outage
					load.Duration = over + time.Minute
					load.Changes = []change{{after, func(s *server) { s.Until = time.Now().Add(outage) }}}
					l := New(Options{Start: Seed(load.Sizes[0], latency), Max: 512})
					s := office(latency)
					c := run(t, s, load, ours(l))
					best := best(s, load, 512)
					if got := c.perSecond(over+5*time.Second, over+15*time.Second) / best; got < 0.8 {
						t.Errorf("%.2f of the best fixed number soon after; %v", got, l)
					}
					if got := c.perSecond(over+15*time.Second, load.Duration) / best; got < 0.9 {
						t.Errorf("%.2f of the best fixed number later; %v", got, l)
					}
					// About as many as without an outage: those that suffice and what chance adds. Trials
					// of more do not count. Where all move the same, one run in some hundreds stays with
					// more, because fewer moved 2 % less by chance: but not two in a row.
					enough := max(8, s.Rate*latency.Seconds())
					later := func() float64 { return float64(middle(c.inFlight, over+30*time.Second, load.Duration)) }
					if later() > 3*enough {
						l = New(Options{Start: Seed(load.Sizes[0], latency), Max: 512})
						c = run(t, s, load, ours(l))
					}
					if got := later(); got > 3*enough {
						t.Errorf("%.0f in flight later, %.0f suffice; %v", got, enough, l)
					}
				})
			})
		}
	}
}

// A server that throttles no more is used again within half a minute.
func TestThrottlingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := small
		load.Duration = time.Minute
		load.Changes = []change{at(15, func(s *server) { s.SlowDown = 0 })}
		s := office(20 * time.Millisecond)
		s.SlowDown, s.Burst = 500, 50
		l := New(Options{Start: 64, Max: 512})
		c := run(t, s, load, ours(l))
		if got := c.perSecond(45*time.Second, time.Minute) / s.Rate; got < 0.9 {
			t.Errorf("%.2f of the best fixed number; %v", got, l)
		}
		if r := l.Report(); r.Rate != 0 {
			t.Errorf("still bounded: %v", r)
		}
	})
}

// Reads that hang hold permits for long, so more are given.
func TestHangingReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := office(20 * time.Millisecond)
		s.Slow, s.SlowTime = 0.01, 10*time.Second
		l := New(Options{Start: 64, Max: 512})
		load := small
		load.Duration = time.Minute
		c := run(t, s, load, ours(l))
		if got := c.perSecond(30*time.Second, time.Minute) / best(s, small, 512); got < 0.9 {
			t.Errorf("%.2f of the best fixed number; %v", got, l)
		}
	})
}

// Work that is bounded by something else than permits says nothing about them.
func TestFewClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		load := small
		load.Clients = 8
		l := New(Options{Start: 32, Max: 512})
		run(t, office(20*time.Millisecond), load, ours(l))
		if r := l.Report(); r.Limit != 32 || r.Why != "nobody waited for more" && r.Why != "too few operations to judge" {
			t.Error(r)
		}
	})
}
