package pattern

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// escape parses an escape outside of classes.
func (p *parser) escape() (node, error) {
	start := p.at
	if runes, ok, err := p.escapedSet(); ok || err != nil {
		return set{runes}, err
	}
	if r, ok, err := p.escapedRune(); ok || err != nil {
		return p.literal(r), err
	}
	letter := p.text[p.at+1]
	p.at += 2
	switch letter {
	case 'A', 'G': // a search begins where the text does
		return position{kind: textStart}, nil
	case 'z':
		return position{kind: textEnd}, nil
	case 'Z':
		return beforeLastBreaks(), nil
	case '<':
		return p.word(wordStart), nil
	case '>':
		return p.word(wordEnd), nil
	case 'B':
		return p.word(noWordBoundary), nil
	case 'b':
		return p.boundary(start)
	case 'K': // changes the text that is found, but not whether it is found
		return sequence{}, nil
	case 'R':
		crlf := sequence{[]node{set{single('\r')}, set{single('\n')}}}
		return atomic{choice{[]node{crlf, set{lineBreaks()}}}}, nil
	case 'O':
		return set{allRunes()}, nil
	case 'N':
		return set{single('\n').negate()}, nil
	case 'k':
		switch {
		case p.take("<"):
			return p.namedReference(start, '>')
		case p.take("'"):
			return p.namedReference(start, '\'')
		}
	case 'Q', 'E':
		return nil, p.fail(start, `\Q…\E is not supported; a backslash goes before each character that has a meaning`)
	}
	if letter >= '0' && letter <= '9' {
		p.at--
		n, _ := p.digits()
		return p.reference(start, n)
	}
	return nil, p.fail(start, `\%c has no meaning`, letter)
}

// beforeLastBreaks matches at the end of the text, ignoring final line feeds.
func beforeLastBreaks() node {
	end := sequence{[]node{repeat{body: set{single('\n')}, max: -1}, position{kind: textEnd}}}
	return sequence{[]node{look{body: end}}}
}

func (p *parser) word(kind place) node { return position{kind, p.flags.ascii} }

// boundary parses the text after \b.
func (p *parser) boundary(start int) (node, error) {
	after := p.at
	if !p.take("{") || !p.end() && (unicode.IsDigit(p.text[p.at]) || p.text[p.at] == ',') {
		p.at = after
		return p.word(wordBoundary), nil
	}
	name, _ := p.until('}')
	kind, ok := map[string]place{
		"start": wordStart, "end": wordEnd, "start-half": wordStartHalf, "end-half": wordEndHalf,
	}[name]
	if !ok {
		return nil, p.fail(start, `\b{ is followed by one of start}, end}, start-half} and end-half}`)
	}
	return p.word(kind), nil
}

func (p *parser) reference(start, number int) (node, error) {
	p.references = append(p.references, pending{start, number})
	return reference{number, p.flags.fold}, nil
}

// namedReference parses a name or a number. A negative number counts backwards.
func (p *parser) namedReference(start int, end rune) (node, error) {
	name, _ := p.until(end)
	if n, err := strconv.Atoi(name); err == nil {
		if n < 0 {
			n += p.groups + 1
		}
		return p.reference(start, n)
	}
	number, ok := p.names[name]
	if !ok {
		return nil, p.fail(start, "there is no group %q before this", name)
	}
	return p.reference(start, number)
}

// escapedSet parses an escape for a set, inside and outside of classes.
func (p *parser) escapedSet() (s runeSet, ok bool, err error) {
	start := p.at
	if p.at+1 >= len(p.text) {
		return nil, false, p.fail(start, "nothing follows the backslash")
	}
	letter := p.text[p.at+1]
	negated := unicode.IsUpper(letter)
	switch unicode.ToLower(letter) {
	case 'd':
		s = digits(p.flags.ascii)
	case 's':
		s = blanks(p.flags.ascii)
	case 'w':
		s = words(p.flags.ascii)
	case 'h':
		s = hexDigits()
	case 'p':
		p.at += 2
		s, err = p.property(start)
		if err != nil {
			return nil, false, err
		}
		s = p.folded(s)
		p.at -= 2
	default:
		return nil, false, nil
	}
	p.at += 2
	if negated && p.flags.ascii {
		return nil, false, p.fail(start, `\%c could match a part of a character without the flag u`, letter)
	}
	if negated {
		s = s.negate()
	}
	return s, true, nil
}

// property parses the text after \p.
func (p *parser) property(start int) (runeSet, error) {
	if p.flags.ascii {
		return nil, p.fail(start, "properties of Unicode need the flag u")
	}
	name := ""
	switch {
	case p.take("{"):
		text, ok := p.until('}')
		if !ok {
			return nil, p.fail(start, "there is no } for this {")
		}
		name = text
	case !p.end():
		name = string(p.text[p.at])
		p.at++
	}
	rest, negated := strings.CutPrefix(name, "^")
	s, ok := property(rest)
	if !ok {
		return nil, p.fail(start, "the property of Unicode %q is not known", name)
	}
	if negated {
		s = s.negate()
	}
	return s, nil
}

// escapedRune parses an escape for a character, inside and outside of classes.
func (p *parser) escapedRune() (r rune, ok bool, err error) {
	start, letter := p.at, p.text[p.at+1]
	if r, ok := map[rune]rune{'a': '\a', 'f': '\f', 't': '\t', 'n': '\n', 'r': '\r', 'v': '\v', 'e': '\x1b'}[letter]; ok {
		p.at += 2
		return r, true, nil
	}
	if digits, ok := map[rune]int{'x': 2, 'u': 4, 'U': 8}[letter]; ok {
		p.at += 2
		r, err := p.hex(start, digits)
		if err == nil && p.flags.ascii && letter == 'x' && r > 0x7f {
			err = p.fail(start, "this could match a part of a character without the flag u")
		}
		return r, err == nil, err
	}
	// Unknown escapes may get a meaning later, except those of characters that are
	// neither letters nor digits.
	if letter < utf8.RuneSelf && !isWord(letter) && letter != '<' && letter != '>' || letter == '_' {
		p.at += 2
		return letter, true, nil
	}
	return 0, false, nil
}

func isWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '_'
}

// hex parses the number of a character: exactly n digits, or any number of digits in
// braces.
func (p *parser) hex(start, n int) (rune, error) {
	var text string
	if p.take("{") {
		text, _ = p.until('}')
		if p.flags.blanks {
			text = strings.Join(strings.Fields(text), "")
		}
	} else if p.at+n <= len(p.text) {
		text = string(p.text[p.at : p.at+n])
		p.at += n
	}
	code, err := strconv.ParseUint(text, 16, 32)
	switch {
	case err != nil || strings.ContainsAny(text, "+-_"):
		return 0, p.fail(start, "a hexadecimal number of %d digits, or one in braces, must follow", n)
	case code > unicode.MaxRune || code >= 0xd800 && code < 0xe000:
		return 0, p.fail(start, "there is no character %X", code)
	}
	return rune(code), nil
}
