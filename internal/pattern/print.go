package pattern

import (
	"fmt"
	"strings"
	"unicode"
)

// A printer writes an expression in the syntax of one of the engines: that of RE2,
// or, if back is set, what regexp2 understands of it and of .NET. What differs
// between the two, or from what the expression means, is spelled out.
type printer struct {
	strings.Builder

	back bool
	// used are the groups that are referred to; the others need not capture.
	used map[int]bool
}

// printed is an expression for one of the engines.
func printed(n node, back bool) string {
	p := &printer{back: back, used: map[int]bool{}}
	p.findUsed(n)
	p.print(n)
	return p.String()
}

func (p *printer) findUsed(n node) {
	switch n := n.(type) {
	case sequence:
		for _, part := range n.parts {
			p.findUsed(part)
		}
	case choice:
		for _, branch := range n.branches {
			p.findUsed(branch)
		}
	case group:
		p.findUsed(n.body)
	case repeat:
		p.findUsed(n.body)
	case atomic:
		p.findUsed(n.body)
	case look:
		p.findUsed(n.body)
	case reference:
		p.used[n.number] = true
	}
}

func (p *printer) print(n node) {
	switch n := n.(type) {
	case set:
		p.set(n.runes)
	case sequence:
		for _, part := range n.parts {
			// The branches of a choice reach as far as they can.
			if _, isChoice := part.(choice); isChoice {
				p.enclosed("(?:", part)
			} else {
				p.print(part)
			}
		}
	case choice:
		for i, branch := range n.branches {
			if i > 0 {
				p.WriteByte('|')
			}
			p.print(branch)
		}
	case group:
		if p.used[n.number] {
			p.enclosed(fmt.Sprintf("(?<g%d>", n.number), n.body)
		} else {
			p.enclosed("(?:", n.body)
		}
	case repeat:
		p.repeat(n)
	case atomic:
		p.enclosed("(?>", n.body)
	case look:
		p.enclosed(map[[2]bool]string{
			{false, false}: "(?=", {false, true}: "(?!", {true, false}: "(?<=", {true, true}: "(?<!",
		}[[2]bool{n.behind, n.negated}], n.body)
	case reference:
		format := `\k<g%d>`
		if n.fold {
			format = `(?i:\k<g%d>)`
		}
		fmt.Fprintf(p, format, n.number)
	case position:
		p.position(n)
	}
}

func (p *printer) enclosed(open string, n node) {
	p.WriteString(open)
	p.print(n)
	p.WriteByte(')')
}

func (p *printer) repeat(n repeat) {
	if n.possessive {
		n.possessive = false
		p.enclosed("(?>", n)
		return
	}
	if _, isSet := n.body.(set); isSet {
		p.print(n.body)
	} else {
		p.enclosed("(?:", n.body)
	}
	switch {
	case n.min == 0 && n.max == 1:
		p.WriteByte('?')
	case n.min == 0 && n.max < 0:
		p.WriteByte('*')
	case n.min == 1 && n.max < 0:
		p.WriteByte('+')
	case n.max < 0:
		fmt.Fprintf(p, "{%d,}", n.min)
	case n.min == n.max:
		fmt.Fprintf(p, "{%d}", n.min)
	default:
		fmt.Fprintf(p, "{%d,%d}", n.min, n.max)
	}
	if n.lazy {
		p.WriteByte('?')
	}
}

// set writes a literal or a class.
func (p *printer) set(s runeSet) {
	switch {
	case len(s) == 0 && p.back:
		p.WriteString("(?!)")
	case len(s) == 0:
		fmt.Fprintf(p, `[^\x{0}-\x{%x}]`, unicode.MaxRune)
	case len(s) == 1 && s[0].lo == s[0].hi:
		p.rune(s[0].lo)
	default:
		p.WriteByte('[')
		for _, x := range s {
			p.rune(x.lo)
			if x.hi > x.lo {
				p.WriteByte('-')
				p.rune(x.hi)
			}
		}
		p.WriteByte(']')
	}
}

func (p *printer) rune(r rune) {
	if isWord(r) || r == '/' {
		p.WriteRune(r)
		return
	}
	fmt.Fprintf(p, `\x{%x}`, r)
}

// position writes what matches the empty text. The other engine knows the words of
// its own definition and, without a switch, the end of a line where ours knows that
// of the text, so that all of it is written as look-around there.
func (p *printer) position(n position) {
	if !p.back {
		p.WriteString(map[place]string{
			textStart: `\A`, textEnd: `\z`, lineStart: `(?m:^)`, lineEnd: `(?m:$)`, wordBoundary: `\b`, noWordBoundary: `\B`,
		}[n.kind])
		return
	}
	w := printed(set{words(n.ascii)}, true)
	p.WriteString(map[place]string{
		textStart:      `\A`,
		textEnd:        `\z`,
		lineStart:      `(?<![^\n])`,
		lineEnd:        `(?![^\n])`,
		lineStartCR:    `(?:(?<![^\n])|(?<=\r)(?!\n))`,
		lineEndCR:      `(?:(?![^\r])|(?<!\r)(?=\n))`,
		wordBoundary:   "(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))",
		noWordBoundary: "(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))",
		wordStart:      "(?<!" + w + ")(?=" + w + ")",
		wordEnd:        "(?<=" + w + ")(?!" + w + ")",
		wordStartHalf:  "(?<!" + w + ")",
		wordEndHalf:    "(?!" + w + ")",
	}[n.kind])
}
