package pattern

import (
	"slices"
	"unicode/utf8"
)

// class parses a class in brackets: a union of characters, ranges and classes, or
// several unions with operators between them. Operators are applied from left to right.
func (p *parser) class() (runeSet, error) {
	start := p.at
	if p.depth++; p.depth > deepest {
		return nil, p.fail(start, "more than %d classes are nested", deepest)
	}
	defer func() { p.depth-- }()
	p.at++
	p.skip()
	negated := p.take("^")
	c := classReader{parser: p}
	p.skip()
	for p.take("-") { // a leading - has no other meaning
		c.add(single('-'))
		p.skip()
	}
	if len(c.union) == 0 && p.take("]") {
		c.add(single(']'))
	}
	for {
		p.skip()
		switch {
		case p.end():
			return nil, p.fail(start, "there is no ] for this [")
		case p.take("]"):
			all := p.folded(c.result())
			if negated && p.flags.ascii {
				return nil, p.fail(start, "a negated class could match a part of a character without the flag u")
			}
			if negated {
				all = all.negate()
			}
			return all, nil
		case p.take("&&"):
			c.operator(runeSet.intersect)
		case p.take("--"):
			c.operator(runeSet.without)
		case p.take("~~"):
			c.operator(runeSet.either)
		default:
			if err := c.item(); err != nil {
				return nil, err
			}
		}
	}
}

// A classReader collects the contents of the brackets of one class.
type classReader struct {
	*parser

	union []span  // since the last operator, in any order
	left  runeSet // left side of the operator
	apply func(left, right runeSet) runeSet
}

func (c *classReader) add(s runeSet) { c.union = append(c.union, s...) }

// operator starts the right side of an operator.
func (c *classReader) operator(apply func(left, right runeSet) runeSet) {
	c.left, c.union = c.result(), nil
	c.apply = apply
}

// result returns the class so far. With the case flag, case is ignored on both sides of
// an operator.
func (c *classReader) result() runeSet {
	union := newSet(slices.Clone(c.union)...)
	if c.apply == nil {
		return union
	}
	return c.apply(c.folded(c.left), c.folded(union))
}

// item parses a class, a range or a character.
func (c *classReader) item() error {
	if c.looking("[") {
		if posix, ok, err := c.posix(); ok || err != nil {
			c.add(posix)
			return err
		}
		inner, err := c.class()
		c.add(inner)
		return err
	}
	start := c.at
	low, first, err := c.member()
	if err != nil {
		return err
	}
	c.skip()
	if !c.rangeFollows() {
		c.add(low)
		return nil
	}
	c.at++
	c.skip()
	if c.end() {
		return nil // class reports the error
	}
	high, last, err := c.member()
	switch {
	case err != nil:
		return err
	case first < 0 || last < 0:
		return c.fail(start, "both ends of a range must be characters")
	case first > last:
		return c.fail(start, "the range ends before it begins")
	}
	c.add(low.union(high).union(runeSet{{first, last}}))
	return nil
}

// rangeFollows reports whether a - makes a range: it is neither the last character nor
// part of an operator.
func (c *classReader) rangeFollows() bool {
	if !c.looking("-") {
		return false
	}
	after := *c.parser
	after.at++
	after.skip()
	return !after.looking("]") && !after.looking("-")
}

// member parses a character, or an escape for a set. For a set the character is -1.
func (c *classReader) member() (runeSet, rune, error) {
	start := c.at
	if !c.looking(`\`) {
		r := c.text[c.at]
		c.at++
		return c.checked(start, r)
	}
	if s, ok, err := c.escapedSet(); ok || err != nil {
		return s, -1, err
	}
	if r, ok, err := c.escapedRune(); ok || err != nil {
		if err != nil {
			return nil, -1, err
		}
		return c.checked(start, r)
	}
	if c.looking(`\b`) { // as in other engines: no word boundary is a character
		c.at += 2
		return single('\b'), '\b', nil
	}
	return nil, -1, c.fail(start, `\%c has no meaning in a class`, c.text[c.at+1])
}

// checked returns a character of a class as a set.
func (c *classReader) checked(start int, r rune) (runeSet, rune, error) {
	if c.flags.ascii && r >= utf8.RuneSelf {
		return nil, -1, c.fail(start, "characters outside ASCII need the flag u in a class")
	}
	return single(r), r, nil
}

// posix parses [:name:] or [:^name:] inside a class.
func (c *classReader) posix() (runeSet, bool, error) {
	start := c.at
	if c.take("[:") {
		negated := c.take("^")
		name, _ := c.until(':')
		if s, ok := posixClass(name); ok && c.take("]") {
			if negated && c.flags.ascii {
				return nil, false, c.fail(start, "a negated class could match a part of a character without the flag u")
			}
			if negated {
				s = s.negate()
			}
			return s, true, nil
		}
	}
	c.at = start
	return nil, false, nil
}
