package pattern

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Prefix returns what every text begins with in which the expression is found. It
// is empty if the expression does not say, or only in a way that is not worth
// following: without regard to case, or by backtracking.
func (r *Regexp) Prefix() string {
	if r.linear == nil {
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

// A lead is how what an expression matches begins. It is whole if that is all of
// it, so that what follows the expression follows the lead.
type lead struct {
	text  string
	whole bool
}

// anchored returns how what re matches begins, if it matches only at the beginning
// of a text.
func anchored(re *syntax.Regexp) (l lead, ok bool) {
	switch re.Op {
	case syntax.OpBeginText: // of all text: with (?m) ^ is another one
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

// begins returns how what re matches begins, wherever that is.
func begins(re *syntax.Regexp) lead {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return lead{}
		}
		// U+FFFD also matches what is not text at all.
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

// followed is l with what comes next, as far as that is certain.
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

// common is what all leads begin with. It may end within a character.
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
