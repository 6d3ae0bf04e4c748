package pace

import (
	"math"
	"time"
)

// A pacer spreads operations over time after a server asked for fewer. A number in
// flight cannot do that alone: at a round trip of 1 ms already one in flight makes 1,000
// requests a second. The zero pacer delays nothing.
type pacer struct {
	rate    float64       // units/s; 0 is no bound
	top     float64       // the rate that was refused last
	next    time.Duration // when the next operation may begin
	resume  time.Duration // what the server asked to wait for
	paused  time.Duration // how long that was the last time
	cutAt   time.Duration // when rate was cut last
	grown   time.Duration // up to when rate has grown
	delayed time.Duration // when somebody had to wait for the rate last

	// What was asked for, and what the server accepted, in units, in the last slices of time.
	asked    [slots]float64
	accepted [slots]float64
	slice    int64         // the number of the newest slice since the beginning
	begun    time.Duration // when something was asked first, and first after a pause
	since    time.Duration // when something was accepted first, and first after a pause
}

const (
	slots       = 4
	sliceLength = 125 * time.Millisecond

	// Right below the rate that a server accepted, its own bucket of tokens can recover.
	belowAccepted = 0.95
	// The rate of a second cut within a second, when the measured rate is still old.
	again = 0.8
	// Growth after a cut, a second: a part of what is missing to the rate that was refused,
	// and a part of the rate. The latter doubles every three seconds after ten, so that a
	// server that has recovered is used again within half a minute.
	growthBack   = 0.125
	growth       = 0.005
	growthSteady = 10 * time.Second
	growthDouble = 3 * time.Second
	growthMost   = 1.0
	// So many operations a second may always begin, whatever their units: the next one after
	// seconds shows that a server has recovered.
	leastRate = 0.5
	// A rate that has delayed nobody for so long is no bound any more.
	forgotten = 5 * time.Second
	// Timers are late, on a busy machine by tens of milliseconds. What was missed may be
	// caught up.
	catchUp = 50 * time.Millisecond
)

// delay is how long the next operation must wait, if it is positive.
func (p *pacer) delay(now time.Duration) time.Duration {
	if p.rate == 0 {
		return p.resume - now
	}
	return max(p.resume, p.next) - now
}

// hold reports whether somebody who could begin otherwise must wait.
func (p *pacer) hold(now time.Duration) bool {
	if p.delay(now) <= 0 {
		return false
	}
	p.delayed = now
	return true
}

// spend counts an operation that begins.
func (p *pacer) spend(now time.Duration, units int) {
	p.turn(now)
	if p.begun == 0 || p.begun < p.resume {
		p.begun = now
	}
	p.asked[p.slice%slots] += float64(units)
	if p.rate == 0 {
		return
	}
	if now-p.delayed > forgotten {
		p.rate = 0
		return
	}
	p.grow(now)
	p.rate = max(p.rate, leastRate*float64(units))
	p.next = max(p.next, now-catchUp) + time.Duration(float64(units)/p.rate*float64(time.Second))
}

// grow raises the rate by what the time since the last cut permits, in steps of a second
// at most.
func (p *pacer) grow(now time.Duration) {
	for p.grown < now {
		step := min(time.Second, now-p.grown)
		p.grown += step
		p.rate += p.growth(p.grown) * step.Seconds()
	}
}

// growth is by how much the rate grows in a second.
func (p *pacer) growth(now time.Duration) float64 {
	calm := now - max(p.cutAt, p.resume)
	if calm < time.Second/2 {
		return 0
	}
	g := growth
	if calm > growthSteady {
		g = min(growthMost, growth*math.Exp2(float64(calm-growthSteady)/float64(growthDouble)))
	}
	// Where a refusal stops everything for a while, its price is higher.
	return (g*p.rate + growthBack*max(0, p.top-p.rate)) / (1 + p.paused.Seconds())
}

// accept counts units that the server accepted.
func (p *pacer) accept(now time.Duration, units int) {
	p.turn(now)
	if p.since == 0 || p.since < p.resume {
		p.since, p.accepted = now, [slots]float64{}
	}
	p.accepted[p.slice%slots] += float64(units)
}

// turn empties the slices that lie between the newest one and now.
func (p *pacer) turn(now time.Duration) {
	current := int64(now / sliceLength)
	for n := max(p.slice+1, current-slots+1); n <= current; n++ {
		p.asked[n%slots], p.accepted[n%slots] = 0, 0
	}
	p.slice = max(p.slice, current)
}

// rates are what was asked for and what the server accepted lately, in units/s. Accepted
// is 0 if too little is known.
func (p *pacer) rates(now time.Duration) (asked, accepted float64) {
	p.turn(now)
	for i := range slots {
		asked += p.asked[i]
		accepted += p.accepted[i]
	}
	window := time.Duration(p.slice-slots+1) * sliceLength
	asked /= max(now-max(p.begun, window), 10*time.Millisecond).Seconds()
	length := now - max(p.since, window)
	if p.since == 0 || p.since < p.resume || length < 100*time.Millisecond {
		return asked, 0
	}
	return asked, accepted / length.Seconds()
}

// cut lowers the rate after the server refused something. It reports whether it knew to
// what: at the very beginning it can only guess.
func (p *pacer) cut(now time.Duration) bool {
	asked, accepted := p.rates(now)
	soon := now-max(p.cutAt, p.resume) < time.Second
	switch {
	case p.rate == 0:
		p.top = asked
		p.rate = accepted * belowAccepted
		if accepted == 0 {
			p.rate = asked / 2
		}
	case soon:
		if p.paused > 0 { // each further refusal stops everything again
			p.top = p.rate
		}
		p.rate = min(p.rate, max(accepted, p.rate/2)) * again
	default:
		// After a pause the measured rate is low without a reason.
		p.top = p.rate
		p.rate = min(p.rate, max(accepted, p.rate/2)) * belowAccepted
	}
	p.rate, p.cutAt, p.grown, p.delayed = max(p.rate, leastRate), now, now, now
	p.next = max(p.next, now)
	return accepted > 0
}

// pause lets nothing begin for a while.
func (p *pacer) pause(now, length time.Duration) {
	p.resume, p.paused = max(p.resume, now+length), length
	p.delayed = max(p.delayed, p.resume)
}
