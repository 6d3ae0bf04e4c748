package pattern

import (
	"slices"
	"unicode"
)

// A span is the characters from lo to hi, both included.
type span struct{ lo, hi rune }

// A runeSet is a set of characters: spans in ascending order, with gaps between
// them. Its methods return new sets.
type runeSet []span

// newSet sorts spans into a set.
func newSet(spans ...span) runeSet {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo) - int(b.lo) })
	var s runeSet
	for _, x := range spans {
		if n := len(s); n > 0 && x.lo <= s[n-1].hi+1 {
			s[n-1].hi = max(s[n-1].hi, x.hi)
			continue
		}
		s = append(s, x)
	}
	return s
}

func single(r rune) runeSet { return runeSet{{r, r}} }

func allRunes() runeSet { return runeSet{{0, unicode.MaxRune}} }

func (s runeSet) contains(r rune) bool {
	_, found := slices.BinarySearchFunc(s, r, func(x span, r rune) int {
		switch {
		case x.hi < r:
			return -1
		case x.lo > r:
			return 1
		}
		return 0
	})
	return found
}

func (s runeSet) union(t runeSet) runeSet { return newSet(slices.Concat(s, t)...) }

func (s runeSet) negate() runeSet {
	var rest runeSet
	next := rune(0)
	for _, x := range s {
		if x.lo > next {
			rest = append(rest, span{next, x.lo - 1})
		}
		next = x.hi + 1
	}
	if next <= unicode.MaxRune {
		rest = append(rest, span{next, unicode.MaxRune})
	}
	return rest
}

func (s runeSet) intersect(t runeSet) runeSet { return s.negate().union(t.negate()).negate() }

func (s runeSet) without(t runeSet) runeSet { return s.intersect(t.negate()) }

// either returns the characters in exactly one of the two sets.
func (s runeSet) either(t runeSet) runeSet { return s.union(t).without(s.intersect(t)) }

// fold adds all characters that differ from one of s only by case (Unicode, simple case
// folding).
func (s runeSet) fold() runeSet {
	more := slices.Clone(s)
	for _, x := range s.changeable() {
		for r := x.lo; r <= x.hi; r++ {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				more = append(more, span{f, f})
			}
		}
	}
	return newSet(more...)
}

// changeable returns the characters of s that may have another case. Most sets are
// either small or consist mostly of characters without a case.
func (s runeSet) changeable() runeSet {
	n := 0
	for _, x := range s {
		n += int(x.hi-x.lo) + 1
	}
	if n <= 256 {
		return s
	}
	return s.intersect(cased())
}

// foldASCII is fold for ASCII letters only.
func (s runeSet) foldASCII() runeSet {
	more := slices.Clone(s)
	for r := 'a'; r <= 'z'; r++ {
		if upper := r - 'a' + 'A'; s.contains(r) || s.contains(upper) {
			more = append(more, span{r, r}, span{upper, upper})
		}
	}
	return newSet(more...)
}

// setOf returns the union of tables of package unicode.
func setOf(tables ...*unicode.RangeTable) runeSet {
	var spans []span
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			spans = append(spans, span{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			spans = append(spans, span{r, r})
		}
	}
	for _, t := range tables {
		for _, x := range t.R16 {
			add(rune(x.Lo), rune(x.Hi), rune(x.Stride))
		}
		for _, x := range t.R32 {
			add(rune(x.Lo), rune(x.Hi), rune(x.Stride)) //nolint:gosec // characters are below 1<<21
		}
	}
	return newSet(spans...)
}
