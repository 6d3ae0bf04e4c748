package pattern

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A printer writes an expression in the syntax of one engine: RE2, or, if back is set,
// the syntax that regexp2 shares with RE2 and .NET. It spells out everything whose
// meaning differs between the engines, or from that of the expression.
type printer struct {
	out strings.Builder

	back bool
	// used are the groups with references; the other groups need not capture.
	used map[int]bool
}

// printed returns an expression in the syntax of one engine.
func printed(n node, back bool) string {
	p := &printer{back: back, used: map[int]bool{}}
	p.findUsed(n)
	p.print(n)
	return p.out.String()
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
			// The branches of a choice extend as far as possible.
			if _, isChoice := part.(choice); isChoice {
				p.enclosed("(?:", part)
			} else {
				p.print(part)
			}
		}
	case choice:
		for i, branch := range n.branches {
			if i > 0 {
				p.out.WriteByte('|')
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
		fmt.Fprintf(&p.out, format, n.number)
	case position:
		p.position(n)
	}
}

func (p *printer) enclosed(open string, n node) {
	p.out.WriteString(open)
	p.print(n)
	p.out.WriteByte(')')
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
		p.out.WriteByte('?')
	case n.min == 0 && n.max < 0:
		p.out.WriteByte('*')
	case n.min == 1 && n.max < 0:
		p.out.WriteByte('+')
	case n.max < 0:
		fmt.Fprintf(&p.out, "{%d,}", n.min)
	case n.min == n.max:
		fmt.Fprintf(&p.out, "{%d}", n.min)
	default:
		fmt.Fprintf(&p.out, "{%d,%d}", n.min, n.max)
	}
	if n.lazy {
		p.out.WriteByte('?')
	}
}

// wordClass is \w in the form that regexp2 parses fastest. Written as hundreds of
// ranges, it would take milliseconds.
const wordClass = `\p{L}\p{Nl}\p{M}\p{Nd}\p{Pc}\x{200c}-\x{200d}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189}`

// wordsIn reports whether s is \w or, negated, \W.
func wordsIn(s runeSet) (negated, ok bool) {
	if len(s) < 100 {
		return false, false // they have hundreds of spans
	}
	w := words(false)
	negated = s.contains('-')
	if negated {
		w = w.negate()
	}
	return negated, slices.Equal(s, w)
}

// set writes a literal or a class.
func (p *printer) set(s runeSet) {
	if p.back {
		if negated, ok := wordsIn(s); ok {
			p.out.WriteString(map[bool]string{false: "[", true: "[^"}[negated] + wordClass + "]")
			return
		}
	}
	switch {
	case len(s) == 0 && p.back:
		p.out.WriteString("(?!)")
	case len(s) == 0:
		fmt.Fprintf(&p.out, `[^\x{0}-\x{%x}]`, unicode.MaxRune)
	case len(s) == 1 && s[0].lo == s[0].hi:
		p.rune(s[0].lo)
	default:
		p.out.WriteByte('[')
		for _, x := range s {
			p.rune(x.lo)
			if x.hi > x.lo {
				p.out.WriteByte('-')
				p.rune(x.hi)
			}
		}
		p.out.WriteByte(']')
	}
}

func (p *printer) rune(r rune) {
	if isWord(r) || r == '/' {
		p.out.WriteRune(r)
		return
	}
	fmt.Fprintf(&p.out, `\x{%x}`, r)
}

// position writes an element that matches the empty text. regexp2 has its own
// definition of words, and without a switch its end of a line is our end of the text.
// So all of them are written as look-around for regexp2.
func (p *printer) position(n position) {
	if !p.back {
		p.out.WriteString(map[place]string{
			textStart: `\A`, textEnd: `\z`, lineStart: `(?m:^)`, lineEnd: `(?m:$)`, wordBoundary: `\b`, noWordBoundary: `\B`,
		}[n.kind])
		return
	}
	w := "[" + wordClass + "]"
	if n.ascii {
		w = printed(set{words(true)}, true)
	}
	p.out.WriteString(map[place]string{
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
