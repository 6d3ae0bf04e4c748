package pattern

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Prefix returns the longest known prefix of every text that the expression matches. It
// is empty if there is none, if case is ignored, or if only backtracking can match the
// expression.
func (r *Regexp) Prefix() string {
	switch {
	case r.any != nil:
		return prefixOfAny(r.any)
	case r.linear == nil:
		return ""
	}
	tree, err := syntax.Parse(r.linear.String(), syntax.Perl) // as regexp.Compile does
	if err != nil {
		return ""
	}
	start, ok := anchored(tree)
	if !ok {
		return ""
	}
	return start.text
}

// A lead is the known beginning of the text that an expression matches. It is whole if
// it is the complete match: then the lead of what follows can be appended.
type lead struct {
	text  string
	whole bool
}

// anchored returns the lead of re. ok is false unless re matches only at the start of a
// text.
func anchored(re *syntax.Regexp) (l lead, ok bool) {
	switch re.Op {
	case syntax.OpBeginText: // the start of the whole text; with (?m), ^ is another operator
		return lead{whole: true}, true
	case syntax.OpCapture, syntax.OpPlus, syntax.OpRepeat:
		if re.Op == syntax.OpRepeat && re.Min == 0 {
			return lead{}, false
		}
		l, ok = anchored(re.Sub[0])
		return lead{l.text, l.whole && re.Op == syntax.OpCapture}, ok
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			if l, ok = anchored(sub); ok {
				return l.followed(re.Sub[i+1:]), true
			}
			if sub.Op != syntax.OpEmptyMatch {
				break
			}
		}
	case syntax.OpAlternate:
		leads := make([]lead, len(re.Sub))
		for i, sub := range re.Sub {
			if leads[i], ok = anchored(sub); !ok {
				return lead{}, false
			}
		}
		return common(leads), true
	default:
	}
	return lead{}, false
}

// begins returns the lead of re, wherever in the text it matches.
func begins(re *syntax.Regexp) lead {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return lead{}
		}
		// U+FFFD also matches invalid UTF-8.
		if i := slices.Index(re.Rune, utf8.RuneError); i >= 0 {
			return lead{text: string(re.Rune[:i])}
		}
		return lead{string(re.Rune), true}
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return lead{whole: true} // nothing, or no match
	case syntax.OpCapture:
		return begins(re.Sub[0])
	case syntax.OpConcat:
		return lead{whole: true}.followed(re.Sub)
	case syntax.OpAlternate:
		leads := make([]lead, len(re.Sub))
		for i, sub := range re.Sub {
			leads[i] = begins(sub)
		}
		return common(leads)
	case syntax.OpPlus:
		return lead{text: begins(re.Sub[0]).text}
	case syntax.OpRepeat:
		if re.Min > 0 {
			return lead{text: begins(re.Sub[0]).text}
		}
	default:
	}
	return lead{}
}

// followed returns l, extended by the lead of next as far as it is certain.
func (l lead) followed(next []*syntax.Regexp) lead {
	for _, re := range next {
		if !l.whole {
			break
		}
		more := begins(re)
		l = lead{l.text + more.text, more.whole}
	}
	return l
}

// common returns the common prefix of all leads. It may end within a character.
func common(leads []lead) lead {
	l := leads[0]
	for _, other := range leads[1:] {
		n := 0
		for n < len(l.text) && strings.HasPrefix(other.text, l.text[:n+1]) {
			n++
		}
		l = lead{l.text[:n], l == other && l.whole}
	}
	return l
}
