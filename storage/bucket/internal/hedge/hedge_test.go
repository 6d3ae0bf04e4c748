package hedge

import (
	"testing"
	"time"
)

// answered notes n answers.
func answered(p *Policy, k Kind, n int, waited time.Duration) {
	for range n {
		p.Answered(p.Begin(k), waited)
	}
}

// asks tells whether a read is late, and asks again if it is.
func asks(p *Policy, r Read, waited, now time.Duration) bool {
	if !p.Late(r, waited, now) {
		return false
	}
	p.Asked(now)
	return true
}

// late begins a read, lets others be answered, and tells whether it is late and asked again.
func late(p *Policy, k Kind, others int, waited, now time.Duration) bool {
	r := p.Begin(k)
	answered(p, k, others, time.Millisecond)
	return asks(p, r, waited, now)
}

// TestLate: a read is late after the time that nine of ten of its kind need, at least a second,
// if others were answered.
func TestLate(t *testing.T) {
	for name, tt := range map[string]struct {
		others int
		before []time.Duration // what 10 of 100 reads of the kind needed; the others needed nothing
		waited time.Duration
		want   bool
	}{
		"late":             {8, nil, time.Second, true},
		"not yet":          {8, nil, time.Second - 1, false},
		"too few others":   {7, nil, time.Hour, false},
		"one in ten slow":  {8, []time.Duration{10 * time.Second}, time.Second, true},
		"two in ten slow":  {8, []time.Duration{2900 * time.Millisecond, 2900 * time.Millisecond}, 3 * time.Second, false},
		"longer than them": {8, []time.Duration{2900 * time.Millisecond, 2900 * time.Millisecond}, 3*time.Second + 1, true},
		"very slow":        {8, []time.Duration{time.Hour, time.Hour}, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := new(Policy)
			answered(p, Whole, 100, time.Millisecond)
			answered(p, Head, 100, time.Hour) // which does not matter
			for _, wait := range tt.before {
				answered(p, Whole, 10, wait)
			}
			if got := late(p, Whole, tt.others, tt.waited, time.Hour); got != tt.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// TestBudget: further requests are at most one in twenty, also after a long calm, however much
// they help.
func TestBudget(t *testing.T) {
	p := new(Policy)
	asked := func(reads int) (n int) {
		for range reads {
			r := p.Begin(Whole)
			answered(p, Whole, minPeers, time.Millisecond)
			p.mu.Lock()
			p.credit -= minPeers // only the read itself shall count
			p.mu.Unlock()
			if asks(p, r, 2*time.Second, time.Hour) {
				n++
				p.Helped()
			}
			p.Answered(r, 2*time.Second)
			answered(p, Whole, 20, 0) // or all were slow
			p.mu.Lock()
			p.credit -= 20
			p.mu.Unlock()
		}
		return n
	}
	if n := asked(1000); n < 45 || n > 50 {
		t.Errorf("%d of 1000 were asked again", n)
	}
	answered(p, Whole, 1_000_000, time.Millisecond)
	const saved = maxCredit / cost
	if n := asked(4 * saved); n < saved || n > saved*6/5 {
		t.Errorf("%d of %d were asked again after a long calm", n, 4*saved)
	}
}

// TestEnd: at the end of a run, no reads are answered but those that were asked again. They
// do not wait for each other.
func TestEnd(t *testing.T) {
	p := new(Policy)
	var reads [150]Read // one in a hundred
	for i := range reads {
		reads[i] = p.Begin(Whole)
		answered(p, Whole, 99, time.Millisecond)
	}
	for i, r := range reads {
		if !asks(p, r, 2*time.Second, time.Hour) {
			t.Fatalf("%d of %d were asked again", i, len(reads))
		}
		p.Helped()
		p.Answered(r, time.Millisecond)
	}
}

// TestPause: further requests that do not help become few, until one helps.
func TestPause(t *testing.T) {
	p := new(Policy)
	answered(p, Whole, 1000, time.Millisecond)
	now := time.Hour
	asked := func(reads int) (n int) {
		for range reads {
			if late(p, Whole, 40, 2*time.Second, now) {
				n++
			}
		}
		return n
	}
	if n := asked(100); n != maxUnproven {
		t.Errorf("%d at first, want %d", n, maxUnproven)
	}
	for range 3 {
		now += pause - 1
		if n := asked(100); n != 0 {
			t.Errorf("%d in the pause", n)
		}
		now++
		if n := asked(100); n != 1 {
			t.Errorf("%d after the pause, want 1", n)
		}
	}
	p.Helped()
	if n := asked(100); n != maxUnproven {
		t.Errorf("%d after one helped, want %d", n, maxUnproven)
	}
}

// TestAnsweredJustNow: a read that was late but is answered before it is asked again costs nothing.
func TestAnsweredJustNow(t *testing.T) {
	p := new(Policy)
	r := p.Begin(Whole)
	answered(p, Whole, cost, time.Millisecond)
	for range 2 * maxUnproven {
		if !p.Late(r, time.Second, time.Hour) {
			t.Fatal("it is late no more")
		}
	}
	p.Asked(time.Hour)
	if p.Late(r, time.Second, time.Hour) {
		t.Error("it is late beyond the budget")
	}
}

// TestWaitsAreForgotten: how long reads took some time ago does not matter.
func TestWaitsAreForgotten(t *testing.T) {
	p := new(Policy)
	answered(p, Whole, 100_000, time.Millisecond)
	answered(p, Whole, memory, 4*time.Second)
	if late(p, Whole, minPeers, 4*time.Second, 0) {
		t.Error("reads are fast, which they were once")
	}
	answered(p, Whole, 4*memory, time.Millisecond)
	if !late(p, Whole, minPeers, time.Second, 0) {
		t.Error("reads are slow, which they were once")
	}
}

func TestRange(t *testing.T) {
	for n, want := range map[int64]Kind{
		-1: ranges, 0: ranges, 1: ranges, 64 << 10: ranges, 64<<10 + 1: ranges + 1, 1 << 20: ranges + 1, 8 << 20: ranges + 2,
		16 << 20: ranges + 2, 16<<20 + 1: ranges + 3, 1<<63 - 1: ranges + 3,
	} {
		if got := Range(n); got != want {
			t.Errorf("%d bytes: %d, want %d", n, got, want)
		}
	}
}

// TestNoMemory: what is done for every read allocates nothing.
func TestNoMemory(t *testing.T) {
	p := new(Policy)
	if n := testing.AllocsPerRun(1000, func() { p.Answered(p.Begin(Whole), time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRead(b *testing.B) {
	p := new(Policy)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p.Answered(p.Begin(Whole), time.Millisecond)
		}
	})
}
