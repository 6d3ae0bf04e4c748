package pace

import (
	"math"
	"time"
)

// A stage is what happens with operations that begin now.
type stage uint8

const (
	settling  stage = iota // the limit is new, and its effect is not yet there
	measuring              // they belong to the cohort
	finishing              // the cohort ends; they do not belong to it
)

// A reason is why more in flight are not tried.
type reason uint8

const (
	unjudged reason = iota
	noGain
	throttled
	unanswered
)

const (
	// More in flight must move so much more, fewer so much at least.
	enoughGain = 1.05
	noLoss     = 0.98
	// Between this loss and this gain one cohort is not clear: a second one is added.
	clearLoss = 0.9
	clearGain = 1.25
	// If twice as many in flight move more than three times as much, the server did nothing
	// for a while when the fewer were measured, such as in an outage. They may suffice.
	implausible = 1.5
	// A change of throughput by more than this, of latency by more than the factor, twice
	// in a row, begins a search anew.
	changed = 0.25
	slower  = 2

	// When the search has ended, a higher number is tried now and then: a server that
	// could serve more does not show that by itself.
	probeFirst = 4 * time.Second
	probeLast  = 8 * time.Second

	settleLeast = 100 * time.Millisecond
	// More operations than that, and than are in flight, tell whether the limit goes on
	// rising at the beginning. Also if they come in bunches, they take the time of one.
	risingLeast = 16
	// What slows a shorter cohort may be over soon: a collection of garbage, a lost packet.
	badMoment = 1 // second
)

// A search finds how many operations in flight pay. It begins by doubling the limit every
// few round trips, as long as that moves much more. From then on it tries a limit for a
// cohort of operations, compares it with the best one known, and goes on from the better
// of both: up by doubling, then between what pays and what does not, then down.
type search struct {
	least, most int
	limit       int  // in force: good, or one that is tried
	ramps       bool // the limit doubles, and nothing is judged yet
	judges      bool // the beginning is over; before, base is of half the limit, if it is known

	stage  stage
	serial uint32        // of the stage; operations that begin in it carry it
	since  time.Duration // when the stage began
	turned int           // operations that began and ended in a settling stage
	cohort cohort

	good  int    // the best limit known; 0 if none was measured
	base  sample // measured at good, or above it if good moves as much
	first sample // what base was when nothing was merged with it: slow changes add up
	trial sample // of the limit in force, if it was not clear
	high  int    // the least limit above good known not to pay; 0 is none
	loses bool   // high moves less than good, or was refused
	low   int    // the greatest limit below good known to move less; 0 is none
	odd   int    // cohorts in a row that tell of a change
	idle  bool   // something else bounds the work

	probeAt, probeWait time.Duration

	reason reason
	tried  int     // the limit that reason is about
	gained float64 // what it moved, as a multiple
}

func (s *search) fixed() bool { return s.least == s.most }

// start is told of each operation that begins, with the number in flight before it. It
// returns the mark that the operation carries.
func (s *search) start(now time.Duration, inFlight int, waited bool) uint32 {
	if s.fixed() {
		return 0
	}
	if s.serial == 0 {
		s.enter(settling, now)
	}
	mark := s.serial
	if s.stage == measuring {
		s.cohort.count(now, inFlight)
		s.cohort.start(now, waited)
		if s.cohort.enough(now, s.limit) || !s.judges && s.cohort.started > max(s.limit, risingLeast) {
			s.cohort.close(now, inFlight+1)
			s.enter(finishing, now)
		}
	}
	return mark
}

// end is told of each operation that ends, with the number in flight before that. A call
// of measure or drop follows.
func (s *search) end(now time.Duration, inFlight int) {
	if s.stage == measuring {
		s.cohort.count(now, inFlight)
	}
}

// drop is told of an operation whose end says nothing about the limit.
func (s *search) drop(now time.Duration, p Permit) {
	if s.inCohort(p) {
		s.cohort.end(p.began)
		s.advance(now)
	}
}

// measure is told of an operation that the server answered.
func (s *search) measure(now time.Duration, p Permit, o Outcome) {
	switch {
	case s.inCohort(p):
		s.cohort.end(p.began)
		size := float64(o.Bytes) + 1024*float64(p.units)
		s.cohort.add(size, (now - p.began).Seconds(), o.FirstByte.Seconds())
	case s.stage == settling && p.mark == s.serial:
		s.turned++
	}
	s.advance(now)
}

func (s *search) inCohort(p Permit) bool {
	return s.stage == measuring && p.mark == s.serial || s.stage == finishing && p.mark == s.serial-1
}

// advance ends a stage that has seen enough.
func (s *search) advance(now time.Duration) {
	switch {
	case s.fixed():
	case s.ramps && s.stage == settling && s.turned >= s.limit:
		s.ramps = 2*s.limit < s.most
		s.set(now, 2*s.limit)
	case s.ramps:
	case s.stage == settling && s.turned >= s.limit && (!s.judges || now-s.since >= settleLeast):
		s.enter(measuring, now)
	case s.stage == finishing && s.cohort.complete(now):
		got := s.cohort.result(now, s.limit)
		s.enter(measuring, now)
		switch {
		case got.n == 0:
		case s.judges:
			s.judge(now, got)
		default:
			s.rise(now, got)
		}
	}
}

func (s *search) enter(next stage, now time.Duration) {
	s.stage, s.since, s.turned = next, now, 0
	s.serial = max(s.serial+1, 1)
	if next == measuring {
		s.cohort = cohort{began: now, counted: now}
	}
}

// set puts a limit in force.
func (s *search) set(now time.Duration, limit int) {
	limit = min(max(limit, s.least), s.most)
	if limit != s.limit {
		s.limit, s.trial = limit, sample{}
		s.enter(settling, now)
	}
}

// seed replaces the first limit, if nothing is known yet.
func (s *search) seed(now time.Duration, limit int) {
	if s.good == 0 && s.reason == unjudged && s.base.n == 0 {
		s.set(now, limit)
	}
}

// rise doubles the limit while that moves much more than half of it. Few operations tell
// that, so this only finds where to begin to judge.
func (s *search) rise(now time.Duration, got sample) {
	s.idle = !got.limited() || !got.waited && s.limit < s.most
	if !got.limited() {
		return
	}
	if half := &s.base; half.n > 0 && half.limit < s.limit {
		switch gain := half.gain(&got); {
		case gain > clearGain:
			s.low = s.outdone(gain, half.limit)
		case s.trial.n == 0 && got.lasted < badMoment:
			s.trial = got // a second cohort tells whether that was a bad moment
			return
		default:
			s.risen(now, half.limit, gain)
			return
		}
	}
	s.base = got
	switch {
	case s.idle:
	case s.limit == s.most:
		s.stopRising()
	default:
		s.set(now, 2*s.limit)
	}
}

// risen ends the beginning with what the limit in force moves, as a multiple of half of it.
func (s *search) risen(now time.Duration, half int, gain float64) {
	s.stopRising()
	if gain < clearLoss { // so half of it may be too many, too
		s.overshot(now, gain)
		s.loses = false
	}
	if gain < enoughGain {
		s.set(now, half)
	}
}

// stopRising ends the beginning.
func (s *search) stopRising() {
	s.ramps = false
	if !s.judges {
		s.judges, s.base, s.trial = true, sample{}, sample{}
	}
}

// cut lowers the limit at once, and forgets what was known to pay.
func (s *search) cut(now time.Duration, limit int, why reason) {
	s.stopRising()
	if s.fixed() {
		return
	}
	if s.good != 0 || s.high == 0 {
		s.high = s.limit // else nothing was measured since the last cut
	}
	s.loses, s.low, s.good, s.odd, s.idle = true, 0, 0, 0, false
	s.reason, s.tried = why, s.high
	s.probeWait, s.probeAt = probeFirst, now+probeFirst
	s.set(now, limit)
}

// judge compares what the limit in force moved with what is known, and puts the next
// one in force.
func (s *search) judge(now time.Duration, got sample) {
	s.idle = !got.limited() || !got.waited && s.limit < s.most
	switch {
	case s.good != 0 && s.limit != s.good:
		if !s.compare(now, got) {
			return
		}
	case !got.limited():
		s.odd = 0
		return
	case s.good == 0:
		s.good, s.base, s.first = s.limit, got, got
	default:
		s.rest(now, got)
	}
	s.set(now, s.next(now, got.waited))
}

// rest looks for changes while nothing is tried.
func (s *search) rest(now time.Duration, got sample) {
	gain := s.first.gain(&got)
	moved := math.Abs(gain-1) > changed
	if !moved && got.firstByte() <= slower*s.first.firstByte() {
		s.odd = 0
		if s.base.limit == got.limit {
			s.base.merge(got, 0.5)
			if s.low != 0 && s.first.gain(&s.base)*enoughGain < 1 && s.base.working > 0.9*s.base.inFlight {
				s.low, s.first = 0, s.base // it was a good moment that fewer were compared with
			}
		} else {
			s.base, s.first = got, got
		}
		return
	}
	if s.odd++; s.odd < 2 {
		return
	}
	s.odd, s.low, s.base, s.first = 0, 0, got, got // fewer are tried anew
	if moved {
		s.high, s.loses = 0, false // and so are more
		s.probeWait, s.probeAt = probeFirst, now+probeFirst
	}
}

// compare judges a trial. It reports whether something follows.
func (s *search) compare(now time.Duration, got sample) bool {
	second := s.trial.n > 0
	if second {
		s.trial.merge(got, 1)
		got = s.trial
	}
	gain := s.base.gain(&got)
	switch {
	case !second && gain > clearLoss && gain < clearGain:
		s.trial = got
		return false
	case gain < enoughGain && !got.limited():
		s.set(now, s.good) // something else bounds the work
		return false
	case s.limit > s.good && gain >= enoughGain:
		s.low = s.outdone(gain, s.good)
		s.good, s.base, s.first = s.limit, got, got
		if s.high <= s.good {
			s.high = 0
		}
	case s.limit > s.good:
		s.overshot(now, gain)
	case gain >= noLoss:
		// The base stays, so that small losses of several steps do not add up.
		s.high, s.loses, s.good = s.good, false, s.limit
		s.probeWait, s.probeAt = 0, now // when no fewer do: the base may have been a bad moment
	default:
		s.low = s.limit
	}
	return true
}

// overshot notes that the limit in force moves no more than fewer.
func (s *search) overshot(now time.Duration, gain float64) {
	s.high, s.loses = s.limit, gain < 2-enoughGain
	s.reason, s.tried, s.gained = noGain, s.limit, gain
	s.probeWait = min(max(2*s.probeWait, probeFirst), probeLast)
	s.probeAt = now + s.probeWait
}

// outdone is fewer, which the limit in force outdoes by gain, or 0 if they were measured in
// a moment when the server did nothing.
func (s *search) outdone(gain float64, fewer int) int {
	if gain > implausible*float64(s.limit)/float64(fewer) {
		return 0
	}
	return fewer
}

// next is the limit to try, or good. Higher ones make sense only if somebody waits.
func (s *search) next(now time.Duration, waited bool) int {
	between := func(a, b int) int { return int(math.Round(math.Sqrt(float64(a) * float64(b)))) }
	down := s.good / 2
	if s.low != 0 {
		down = between(s.low, s.good)
	}
	up := waited && s.good < s.most
	middle := between(s.good, s.high)
	switch {
	case up && s.high == 0:
		return min(2*s.good, s.most)
	case up && s.loses && 2*s.high > 3*s.good && middle > s.good: // between 1 and 2 is nothing
		return middle
	case down >= s.least && down > s.low && 5*down <= 4*s.good:
		return down
	case up && now >= s.probeAt:
		s.high = 0
		return min(s.good+max(1, s.good/2), s.most)
	}
	return s.good
}
