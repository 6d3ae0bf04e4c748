package pace

import "time"

// A sample sums up operations that ran under one limit: how many, how large, and how
// long they took. Two samples can be compared although their operations have other
// sizes: each is held against the time that its size is expected to take.
type sample struct {
	limit    int
	inFlight float64 // on average
	working  float64 // in flight without those that hang
	waited   bool    // whether anybody waited for a permit; of a bunch it is the first one only
	lasted   float64 // seconds in which its operations began

	n, size, hold      float64 // operations, their sizes, and their seconds
	sizeSize, sizeHold float64 // sums of products, for the line through them
	first, firsts      float64 // seconds to the first byte, and how many tell them
}

func (s *sample) add(size, hold, first float64) {
	s.n++
	s.size += size
	s.hold += hold
	s.sizeSize += size * size
	s.sizeHold += size * hold
	if first > 0 {
		s.first += first
		s.firsts++
	}
}

// merge adds a later sample under the same limit to the share that is kept of s.
func (s *sample) merge(later sample, keep float64) {
	s.n = keep*s.n + later.n
	s.size = keep*s.size + later.size
	s.hold = keep*s.hold + later.hold
	s.sizeSize = keep*s.sizeSize + later.sizeSize
	s.sizeHold = keep*s.sizeHold + later.sizeHold
	s.first = keep*s.first + later.first
	s.firsts = keep*s.firsts + later.firsts
	s.working = (keep*s.working + later.working) / (keep + 1)
	s.inFlight, s.waited, s.lasted = later.inFlight, later.waited, later.lasted
}

// line is the least squares line from sizes to seconds, with neither part negative.
func (s *sample) line() (each, perSize float64) {
	spread := s.n*s.sizeSize - s.size*s.size
	if spread <= 1e-6*s.size*s.size || s.n < 2 {
		return s.hold / s.n, 0
	}
	perSize = max(0, (s.n*s.sizeHold-s.size*s.hold)/spread)
	each = (s.hold - perSize*s.size) / s.n
	if each < 0 {
		return 0, s.hold / s.size
	}
	return each, perSize
}

// gain is the throughput of a later sample as a multiple of that of s. By Little's law
// throughput is the number in flight over the time of one. Unlike a count per second,
// that does not depend on where a window cuts operations that end in bunches. Operations
// that hang hold permits and move nothing, so they do not count as in flight.
func (s *sample) gain(later *sample) float64 {
	each, perSize := s.line()
	expected := each*later.n + perSize*later.size
	return later.working / s.working * expected / later.hold
}

// perSecond is how many operations end in a second.
func (s *sample) perSecond() float64 { return s.working * s.n / s.hold }

// firstByte is the mean time to the first byte in seconds; 0 is unknown.
func (s *sample) firstByte() float64 {
	if s.firsts == 0 {
		return 0
	}
	return s.first / s.firsts
}

// limited reports whether permits bounded the work: nearly all were in use.
func (s *sample) limited() bool { return s.inFlight >= 0.9*float64(s.limit) }

// A cohort is the operations that begin within some time under one limit, followed to
// their ends. Those that end first are the fastest, so a count of completions right
// after a change would flatter it.
type cohort struct {
	sample
	began, ended time.Duration // when operations of the cohort may begin
	started      int
	open         int     // operations that have not ended
	openSum      float64 // the sum of their beginnings in seconds
	area         float64 // the sum of seconds in flight between began and ended
	counted      time.Duration
	hanging      int // operations in flight at ended that do not belong to the cohort
}

// count keeps the time in flight up to now.
func (c *cohort) count(now time.Duration, inFlight int) {
	c.area += (now - c.counted).Seconds() * float64(inFlight)
	c.counted = now
}

func (c *cohort) start(now time.Duration, waited bool) {
	c.started++
	c.waited = waited || c.waited
	c.open++
	c.openSum += now.Seconds()
}

func (c *cohort) end(began time.Duration) {
	c.open--
	c.openSum -= began.Seconds()
}

// close ends the time in which operations of the cohort begin.
func (c *cohort) close(now time.Duration, inFlight int) {
	c.ended, c.hanging = now, inFlight-c.open
}

// enough reports whether the operations that have begun suffice for a judgement: at
// least as many as are in flight, in at least a quarter of a second. The more their
// sizes differ, the more are needed for an average.
func (c *cohort) enough(now time.Duration, limit int) bool {
	length := now - c.began
	switch {
	case c.started < limit:
		return false
	case c.started >= 64 && float64(c.started)*c.size*c.size >= 64*c.n*c.sizeSize:
		return length >= 250*time.Millisecond
	case c.started >= 4:
		return length >= time.Second
	}
	return length >= 4*time.Second
}

// complete reports whether nearly all have ended. A few that take very long are not
// waited for.
func (c *cohort) complete(now time.Duration) bool {
	if c.open*20 <= c.started {
		return true
	}
	return c.n > 0 && (now-c.ended).Seconds() > 0.25+4*c.hold/c.n
}

// result is the sample of a complete cohort. Operations that have not ended count with
// their age, but so that one of them cannot decide.
func (c *cohort) result(now time.Duration, limit int) sample {
	s := c.sample
	s.limit = limit
	length := max((c.ended - c.began).Seconds(), 1e-9)
	s.lasted, s.inFlight = length, c.area/length
	if c.open > 0 && c.n > 0 {
		age := now.Seconds()*float64(c.open) - c.openSum
		s.hold += min(age, 3*float64(c.open)*c.hold/c.n)
	}
	s.working = max(s.inFlight-float64(c.hanging), 0.01*s.inFlight)
	if mean := s.hold / max(s.n, 1); c.hanging*20 > limit && length >= 8*mean {
		// Many hang, so those that began recently will, too. In so long a time bunches do
		// not matter, and what began can be counted.
		s.working = float64(c.started) / length * mean
	}
	return s
}
