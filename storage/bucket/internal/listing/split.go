package listing

import (
	"cmp"
	"slices"

	"s3sync/storage/bucket/internal/request"
)

// split cuts off the end of a segment, behind a fraction of what is left of it.
func (o *ordered) split(i int, fraction float64) *segment {
	s := o.segments[i]
	at := o.splitPoint(s, fraction)
	if at == "" {
		return nil
	}
	right := &segment{to: s.to, pager: o.begin(at, false), from: at, cursor: at}
	s.to = at
	s.splits++
	o.segments = slices.Insert(o.segments, i+1, right)
	return right
}

// density returns how many pages there are between two keys that are at a distance of 1.
func (o *ordered) density() float64 {
	base := o.keys.base()
	work, length := 0.0, 0.0
	for _, l := range o.listed {
		work += l.work
		length += o.keys.distance(l.from, l.to, base)
	}
	for _, s := range o.segments {
		if s.work > 0 {
			work += s.work
			length += o.keys.distance(s.from, s.cursor, base)
		}
	}
	return work / max(length, smallest)
}

// workLeft guesses how many pages a segment has left. That is what the density of all keys
// lets expect, if the segment was like that so far. A segment that took longer than
// expected is expected to go on as long again.
func (o *ordered) workLeft(s *segment, density float64) float64 {
	from, lately, end, base := o.local(s)
	left := o.keys.distance(s.cursor, end, base)
	if left <= 0 {
		return 0
	}
	expected := max(density*o.keys.distance(s.cursor, end, o.keys.base()), 1)
	listed := o.keys.distance(from, s.cursor, base)
	return (lately + prior) * left / (listed + prior*left/expected)
}

// local returns what was listed of a segment lately, where it ends, and where the first
// bytes are the same from the one to the other.
func (o *ordered) local(s *segment) (from string, lately float64, end string, base int) {
	base = o.keys.base()
	if end = cmp.Or(s.to, o.end); end != endOfAll {
		base = max(base, common(s.cursor, end))
	}
	from, lately = s.from, s.work
	if len(s.lately) > 0 {
		from, lately = s.lately[0].from, 0
		for _, l := range s.lately {
			lately += l.work
		}
	}
	if common(from, s.cursor) < base {
		from = s.cursor[:min(base, len(s.cursor))]
	}
	return from, lately, end, base
}

// splitPoint returns a key in a segment behind a fraction of what is left of it.
func (o *ordered) splitPoint(s *segment, fraction float64) string {
	_, _, end, base := o.local(s)
	at := o.keys.behind(s.cursor, fraction*o.keys.distance(s.cursor, end, base), base)
	if at <= s.cursor || end != endOfAll && at >= end || len(o.bucket.Prefix)+len(at) > request.MaxKey {
		return ""
	}
	return at
}
