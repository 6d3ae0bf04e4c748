package pattern

import (
	"strings"
	"unicode"
)

// group parses a text that begins with a parenthesis. It returns nil for flags and
// comments.
func (p *parser) group() (node, error) {
	start := p.at
	p.at++
	p.skip()
	if p.depth++; p.depth > deepest {
		return nil, p.fail(start, "more than %d groups are nested", deepest)
	}
	defer func() { p.depth-- }()
	switch {
	case p.looking("*"):
		return nil, p.fail(start, "verbs such as (*FAIL) are not supported")
	case !p.take("?"):
		return p.capture(start, "")
	case p.take("#"):
		if _, ok := p.until(')'); !ok {
			return nil, p.unclosed(start)
		}
		return nil, nil
	case p.take("="):
		return p.look(start, false, false)
	case p.take("!"):
		return p.look(start, false, true)
	case p.take("<="):
		return p.look(start, true, false)
	case p.take("<!"):
		return p.look(start, true, true)
	case p.take(">"):
		body, err := p.body(start)
		return atomic{body}, err
	case p.take("P="):
		return p.namedReference(start, ')')
	case p.take("P<"), p.take("<"):
		return p.named(start, '>')
	case p.take("'"):
		return p.named(start, '\'')
	case p.looking("("), p.looking("~"), p.looking("P>"):
		return nil, p.fail(start, "conditions, subroutines and absent repeaters are not supported")
	}
	return p.flagged(start)
}

func (p *parser) unclosed(start int) error { return p.fail(start, "there is no ) for this (") }

// body parses the rest of a group. Flags that are set in it end with it.
func (p *parser) body(start int) (node, error) {
	outer := p.flags
	n, err := p.choice()
	p.flags = outer
	if err != nil {
		return nil, err
	}
	if !p.take(")") {
		return nil, p.unclosed(start)
	}
	return n, nil
}

func (p *parser) look(start int, behind, negated bool) (node, error) {
	body, err := p.body(start)
	return look{behind, negated, body}, err
}

// capture parses the rest of a group that captures.
func (p *parser) capture(start int, name string) (node, error) {
	p.groups++
	number := p.groups
	if name != "" {
		if _, twice := p.names[name]; twice {
			return nil, p.fail(start, "there are two groups of the name %s", name)
		}
		p.names[name] = number
	}
	body, err := p.body(start)
	return group{number, body}, err
}

func (p *parser) named(start int, end rune) (node, error) {
	name, ok := p.until(end)
	if !ok || !isName(name) {
		return nil, p.fail(start, "the name of a group must be of letters, digits and _, and end in %c", end)
	}
	return p.capture(start, name)
}

// isName reports whether a text is a valid name of a group.
func isName(name string) bool {
	for i, r := range name {
		letter := r == '_' || unicode.IsLetter(r)
		if !letter && (i == 0 || !unicode.IsNumber(r) && !strings.ContainsRune(".[]", r)) {
			return false
		}
	}
	return name != ""
}

// flagged parses the flags at the start of a group.
func (p *parser) flagged(start int) (node, error) {
	next, on := p.flags, true
	seen, behind := "", false // behind: the last character was a -
	for ; !p.end() && p.text[p.at] != ')' && p.text[p.at] != ':'; p.at++ {
		r := p.text[p.at]
		if strings.ContainsRune(seen, r) {
			return nil, p.fail(p.at, "%q is given twice", r)
		}
		seen += string(r)
		if behind = r == '-'; behind {
			on = false
			continue
		}
		flag := map[rune]*bool{
			'i': &next.fold, 'm': &next.lines, 's': &next.dotAll, 'U': &next.swapLazy, 'u': &next.ascii, 'x': &next.blanks, 'R': &next.crlf,
		}[r]
		if flag == nil {
			return nil, p.fail(p.at, "%q is no flag (i, m, s, x, u, U, R), and nothing else that is supported begins so", r)
		}
		*flag = on != (r == 'u')
	}
	switch {
	case p.end():
		return nil, p.unclosed(start)
	case behind:
		return nil, p.fail(p.at, "no flag follows the -")
	case p.take(":"):
		outer := p.flags
		p.flags = next
		body, err := p.body(start)
		p.flags = outer
		return sequence{[]node{body}}, err
	case seen == "":
		return nil, p.fail(start, "there are no flags between (? and )")
	}
	p.at++
	p.flags = next
	return nil, nil
}
