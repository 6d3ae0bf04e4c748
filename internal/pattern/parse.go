package pattern

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// An Error says why an expression is invalid, and where.
type Error struct {
	// At is the number of characters before the place.
	At     int
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("%s, at character %d", e.Reason, e.At+1) }

// deepest is the maximum depth of nested groups and classes.
const deepest = 200

// mostRepeats is the maximum count of a repetition.
const mostRepeats = 1 << 20

// flags are set by (?flags) for the rest of a group.
type flags struct {
	fold, lines, dotAll, swapLazy, ascii, blanks, crlf bool
}

// A parser parses an expression in the syntax of the Rust crate regex, with the
// additions of the crate fancy-regex.
type parser struct {
	reader

	flags flags
	depth int

	groups int            // number of opened groups
	names  map[string]int // of groups
	// references are checked when all groups are known.
	references []pending
}

// A pending reference may refer to a group that comes later.
type pending struct {
	at, number int
}

// parse reads an expression.
func parse(text string) (node, error) {
	if !utf8.ValidString(text) {
		return nil, &Error{len([]rune(text[:validPrefix(text)])), "the text is not UTF-8"}
	}
	p := &parser{reader: reader{text: []rune(text)}, names: map[string]int{}}
	n, err := p.choice()
	if err != nil {
		return nil, err
	}
	if !p.end() {
		return nil, p.fail(p.at, "there is no ( for this )")
	}
	for _, r := range p.references {
		if r.number < 1 || r.number > p.groups {
			return nil, p.fail(r.at, "there is no group %d", r.number)
		}
	}
	return n, nil
}

// validPrefix returns the number of leading bytes of text that are valid UTF-8.
func validPrefix(text string) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// skip skips blanks and comments where they have no meaning.
func (p *parser) skip() {
	for p.flags.blanks && !p.end() {
		switch r := p.text[p.at]; {
		case unicode.IsSpace(r):
			p.at++
		case r == '#':
			for !p.end() && p.text[p.at] != '\n' {
				p.at++
			}
		default:
			return
		}
	}
}

// choice parses branches up to the end of the group or the text. Flags that are set in
// one branch also apply to the next ones.
func (p *parser) choice() (node, error) {
	var branches []node
	for {
		n, err := p.sequence()
		if err != nil {
			return nil, err
		}
		branches = append(branches, n)
		if !p.take("|") {
			break
		}
	}
	if len(branches) == 1 {
		return branches[0], nil
	}
	return choice{branches}, nil
}

func (p *parser) sequence() (node, error) {
	var parts []node
	for {
		p.skip()
		if p.end() || p.text[p.at] == '|' || p.text[p.at] == ')' {
			return sequence{parts}, nil
		}
		start := p.at
		n, err := p.atom()
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue // flags or a comment
		}
		n, err = p.repeats(n, start)
		if err != nil {
			return nil, err
		}
		parts = append(parts, n)
	}
}

// atom parses what a repetition may follow. It returns nil for an element that matches
// nothing and must not be repeated.
func (p *parser) atom() (node, error) {
	start := p.at
	r := p.text[p.at]
	switch r {
	case '(':
		return p.group()
	case '[':
		runes, err := p.class()
		return set{runes}, err
	case '\\':
		return p.escape()
	case '*', '+', '?', '{':
		return nil, p.fail(start, `there is nothing to repeat; a %c itself is \%c`, r, r)
	}
	p.at++
	switch r {
	case '.':
		if p.flags.ascii {
			return nil, p.fail(start, "a dot could match a part of a character without the flag u")
		}
		return set{p.dot()}, nil
	case '^':
		return p.line(textStart, lineStart, lineStartCR), nil
	case '$':
		return p.line(textEnd, lineEnd, lineEndCR), nil
	}
	return p.literal(r), nil
}

// dot returns the set that a dot matches.
func (p *parser) dot() runeSet {
	switch {
	case p.flags.dotAll:
		return allRunes()
	case p.flags.crlf:
		return newSet(span{'\n', '\n'}, span{'\r', '\r'}).negate()
	}
	return single('\n').negate()
}

// line returns the start or the end of the text or of a line, depending on the flags.
func (p *parser) line(text, line, crlf place) node {
	switch {
	case !p.flags.lines:
		return position{kind: text}
	case p.flags.crlf:
		return position{kind: crlf}
	}
	return position{kind: line}
}

func (p *parser) literal(r rune) node { return set{p.folded(single(r))} }

// folded returns the set without regard to case if the flag is set.
func (p *parser) folded(s runeSet) runeSet {
	switch {
	case !p.flags.fold:
		return s
	case p.flags.ascii:
		return s.foldASCII()
	}
	return s.fold()
}

// repeats parses the repetitions after an atom. A + after a repetition is not another
// repetition: it makes the first one possessive, as in fancy-regex.
func (p *parser) repeats(n node, start int) (node, error) {
	for nested := 1; ; nested++ {
		p.skip()
		at := p.at
		least, most, ok, err := p.counts()
		if err != nil || !ok {
			return n, err
		}
		if _, isLook := n.(look); isLook {
			return nil, p.fail(at, "a look-around cannot be repeated")
		}
		if p.depth+nested > deepest {
			return nil, p.fail(start, "more than %d groups are nested", deepest)
		}
		rep := repeat{body: n, min: least, max: most, lazy: p.flags.swapLazy}
		switch {
		case p.take("?"):
			rep.lazy = !rep.lazy
		case p.take("+"):
			rep.possessive, rep.lazy = true, false
		}
		n = rep
	}
}

// counts parses one of ?, *, + and {…}.
func (p *parser) counts() (least, most int, ok bool, err error) {
	switch {
	case p.take("?"):
		return 0, 1, true, nil
	case p.take("*"):
		return 0, -1, true, nil
	case p.take("+"):
		return 1, -1, true, nil
	case !p.looking("{"):
		return 0, 0, false, nil
	}
	start := p.at
	p.at++
	wrong := func() (int, int, bool, error) {
		return 0, 0, false, p.fail(start, `this is no count such as {2}, {2,} or {2,3}; a { itself is \{`)
	}
	least, given := p.number()
	most = least
	if p.take(",") {
		var bounded bool
		if most, bounded = p.number(); !bounded {
			most = -1
		}
	} else if !given {
		return wrong()
	}
	switch {
	case !p.take("}"):
		return wrong()
	case max(least, most) > mostRepeats:
		return 0, 0, false, p.fail(start, "at most %d repetitions are possible", mostRepeats)
	case most >= 0 && most < least:
		return 0, 0, false, p.fail(start, "the second count is less than the first")
	}
	return least, most, true, nil
}
