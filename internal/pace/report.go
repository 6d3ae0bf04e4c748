package pace

import (
	"fmt"
	"math"
	"strings"
)

// A Report tells what a Limiter settled on, and why.
type Report struct {
	Name string
	// Limit is how many operations may be in flight, now. InFlight is how many are.
	Limit, InFlight int
	// Fixed: the number never changes.
	Fixed bool
	// PerSecond is about how many operations end in a second; 0 is unknown.
	PerSecond float64
	// Rate is how many units a second may begin after the server throttled; 0 is no bound.
	Rate float64
	// Ended are the operations so far whose outcome was OK, Throttled and Unanswered those
	// operations and requests of these kinds.
	Ended, Throttled, Unanswered int
	// Why is the reason for Limit in plain English.
	Why string
}

// Report returns what is so now.
func (l *Limiter) Report() Report {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Report{
		Name: l.name, Limit: l.search.limit, InFlight: l.inFlight, Fixed: l.search.fixed(), Rate: l.pacer.rate,
		Ended: l.allEnded, Throttled: l.allThrottled, Unanswered: l.allUnanswered, Why: l.search.why(),
	}
	if l.search.base.n > 0 {
		r.PerSecond = l.search.base.perSecond()
	}
	return r
}

// String is one line, such as "objects: 91 in flight, about 3000/s: 182 moved 1% more".
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d in flight", r.Name, r.Limit)
	if r.PerSecond > 0 {
		fmt.Fprintf(&b, ", about %s/s", rounded(r.PerSecond))
	}
	fmt.Fprintf(&b, ": %s", r.Why)
	if r.Rate > 0 {
		fmt.Fprintf(&b, "; at most %s/s begin, because the server asked for fewer", rounded(r.Rate))
	}
	if r.Throttled > 0 {
		fmt.Fprintf(&b, "; throttled %d times", r.Throttled)
	}
	if r.Unanswered > 0 {
		fmt.Fprintf(&b, "; %d unanswered", r.Unanswered)
	}
	return b.String()
}

// rounded is x with two significant digits.
func rounded(x float64) string {
	if x < 10 {
		return fmt.Sprintf("%.1f", x)
	}
	unit := math.Pow(10, math.Floor(math.Log10(x))-1)
	return fmt.Sprintf("%.0f", math.Round(x/unit)*unit)
}

// String is that of the Report.
func (l *Limiter) String() string { return l.Report().String() }

// why tells the reason for the limit.
func (s *search) why() string {
	switch {
	case s.least == s.most:
		return "the number is fixed"
	case s.idle:
		return "nobody waited for more"
	case s.good == s.most && s.limit < s.good:
		return fmt.Sprintf("fewer than %d are being tried", s.good)
	case s.good == s.most:
		return "no more are allowed"
	case s.good == 0 && s.reason == unjudged:
		return "too few operations to judge"
	}
	switch s.reason {
	case throttled:
		return fmt.Sprintf("the server throttled at %d", s.tried)
	case unanswered:
		return fmt.Sprintf("requests remained unanswered at %d", s.tried)
	case noGain:
		more := 100 * (s.gained - 1)
		if more < 0 {
			return fmt.Sprintf("%d moved %.0f%% less", s.tried, -more)
		}
		return fmt.Sprintf("%d moved %.0f%% more", s.tried, more)
	case unjudged:
	}
	return "more are being tried"
}
