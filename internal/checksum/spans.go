package checksum

import (
	"cmp"
	"slices"
)

// spans is a set of integers as ascending ranges that neither overlap nor touch. There
// are few ranges if numbers are added nearly in order.
type spans []span

// A span is the range [from, to).
type span struct{ from, to int64 }

// add adds the numbers of a range to the set. It returns false, and changes nothing,
// if one of them is in the set already.
func (s *spans) add(from, to int64) bool {
	set := *s
	next, _ := slices.BinarySearchFunc(set, from, func(x span, from int64) int { return cmp.Compare(x.from, from) })
	if next > 0 && set[next-1].to > from || next < len(set) && set[next].from < to {
		return false
	}
	joinsBefore := next > 0 && set[next-1].to == from
	joinsAfter := next < len(set) && set[next].from == to
	switch {
	case joinsBefore && joinsAfter:
		set[next-1].to = set[next].to
		set = slices.Delete(set, next, next+1)
	case joinsBefore:
		set[next-1].to = to
	case joinsAfter:
		set[next].from = from
	default:
		set = slices.Insert(set, next, span{from, to})
	}
	*s = set
	return true
}
