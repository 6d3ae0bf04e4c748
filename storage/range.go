package storage

// A Range is the part of the key space [From, To): keys k with From <= k < To
// as bytes. An empty To is no upper bound; the zero Range is everything.
type Range struct {
	From, To string
}

// Contains reports whether key lies in the range.
func (r Range) Contains(key string) bool {
	return key >= r.From && (r.To == "" || key < r.To)
}

// Empty reports whether no key lies in the range.
func (r Range) Empty() bool { return r.To != "" && r.To <= r.From }

// Intersect returns the part of the key space that is in both ranges. It may be
// empty.
func (r Range) Intersect(other Range) Range {
	r.From = max(r.From, other.From)
	if r.To == "" || other.To != "" && other.To < r.To {
		r.To = other.To
	}
	return r
}

// Reaches reports whether keys that begin with prefix can lie in the range.
func (r Range) Reaches(prefix string) bool { return !r.Intersect(Prefixed(prefix)).Empty() }

// Prefixed returns the range of the keys that begin with prefix.
func Prefixed(prefix string) Range {
	r := Range{From: prefix}
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			r.To = prefix[:i] + string([]byte{prefix[i] + 1})
			break
		}
	}
	return r
}
