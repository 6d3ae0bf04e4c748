package flow

import (
	"math"
	"time"

	"s3sync/cluster/internal/job"
)

const (
	// maxShards bounds the history of a run, which has some events for each shard.
	maxShards = 64
	// maxRanges bounds what a verdict says of all ranges together: it has up to 1 KB for
	// each, and the engine takes 2 MB. From there on no range is split.
	maxRanges = 1500
	// Servers that throttle more than a part of the requests halve the window of a shard.
	// Each quiet minute widens it again. S3's limits are those of a prefix, and a shard has
	// neighbouring keys: so the others keep their windows.
	throttledAbove = 0.01
	quiet          = time.Minute
	growth         = 1.05
)

// inFlight returns how many leases limits allow at once. The share of each is at least one
// object a second, so that a small limit allows fewer of them.
func inFlight(limits job.Limits) int {
	n := max(limits.InFlight, 1)
	if limits.Requests > 0 {
		n = min(n, max(1, int(limits.Requests)))
	}
	return n
}

// share returns what one lease may use, so that all in flight together stay below limits.
func share(limits job.Limits) job.Limits {
	n := inFlight(limits)
	s := job.Limits{Requests: limits.Requests / float64(n), Bytes: limits.Bytes / int64(n), InFlight: 1}
	if limits.Bytes > 0 {
		s.Bytes = max(s.Bytes, 1) // 0 would be no limit
	}
	return s
}

// deal cuts pieces into at most n parts of neighbours, whose sizes differ by one at most.
func deal(pieces []piece, n int) (parts [][]piece) {
	n = max(1, min(n, len(pieces)))
	for i := range n {
		if part := pieces[i*len(pieces)/n : (i+1)*len(pieces)/n]; len(part) > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}

// allot divides slots among n shards. Some get none if there are fewer slots than shards.
func allot(slots, n int) []int {
	windows := make([]int, n)
	for i := range windows {
		windows[i] = slots / n
		if i < slots%n {
			windows[i]++
		}
	}
	return windows
}

// A throttle is how many leases of a shard may be in flight: Window, and only a part of it
// while servers throttle. A shard carries it on when it continues as new.
type throttle struct {
	Window int       `json:"window"`
	Part   float64   `json:"part"`
	Since  time.Time `json:"since"` // of the last change of Part
}

func newThrottle(window int) throttle { return throttle{Window: window, Part: 1} }

// slots returns how many leases may be in flight.
func (t *throttle) slots() int {
	return min(t.Window, max(1, int(float64(t.Window)*t.Part)))
}

// seen takes in which part of the requests of a lease was throttled. Leases that ran at the
// same time tell of the same minute, which halves once.
func (t *throttle) seen(part float64, now time.Time) {
	if part > throttledAbove && (t.Part == 1 || now.Sub(t.Since) >= quiet) {
		t.Part = max(t.Part/2, 1/float64(max(t.Window, 1)))
		t.Since = now
	}
}

// grow widens the window by the quiet minutes that passed.
func (t *throttle) grow(now time.Time) {
	if passed := now.Sub(t.Since).Truncate(quiet); t.Part < 1 && passed > 0 {
		t.Part = min(t.Part*math.Pow(growth, passed.Minutes()), 1)
		t.Since = t.Since.Add(passed)
	}
}

// next returns how long it takes until there is one more slot, or 0 if there are all.
func (t *throttle) next(now time.Time) time.Duration {
	if t.slots() >= t.Window {
		return 0
	}
	part := float64(t.slots()+1) / float64(t.Window)
	minutes := math.Ceil(math.Log(part/t.Part) / math.Log(growth))
	return max(t.Since.Add(time.Duration(minutes*float64(quiet))).Sub(now), time.Second)
}
