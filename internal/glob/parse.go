package glob

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

var errNoUTF8 = errors.New("it is not valid UTF-8")

// A syntax is how much a pattern may hold.
type syntax struct {
	// braces: {a,b} means a or b. Otherwise braces are letters.
	braces bool
}

// translate checks a pattern and writes it for doublestar, which differs from git in
// details: a class never matches a slash, a/** does not match a, a ] that is the first of its class is a letter,
// there are classes such as [[:alpha:]], and several stars that are not a whole segment
// of a path are one star.
//
// The segments are the parts of the result between its slashes. Slashes in braces do not
// separate them.
func (s syntax) translate(text string) (result string, segments []string, err error) {
	if !utf8.ValidString(text) {
		return "", nil, errNoUTF8
	}
	t := translator{syntax: s, text: text}
	for t.at < len(text) && t.err == nil {
		t.next()
	}
	if t.err == nil && len(t.open) > 0 {
		t.fail(t.open[len(t.open)-1], "there is no } for this {")
	}
	result = t.out.String()
	from := 0
	for _, slash := range t.slashes {
		segments = append(segments, result[from:slash])
		from = slash + 1
	}
	segments = append(segments, result[from:])
	// What is below a directory is not the directory.
	if dir, ok := strings.CutSuffix(result, "/**"); ok {
		result = dir + "/**/*"
	}
	return result, segments, t.err
}

// A translator reads one pattern.
type translator struct {
	syntax

	text string
	at   int // the byte that is next
	out  strings.Builder
	open []int // where the open braces are
	// slashes are where the slashes between segments are in out.
	slashes []int
	err     error
}

func (t *translator) fail(at int, reason string) {
	if t.err == nil {
		t.err = fmt.Errorf("%s, at character %d", reason, 1+utf8.RuneCountInString(t.text[:at]))
	}
}

// next reads one element of the pattern.
func (t *translator) next() {
	switch c := t.text[t.at]; {
	case c == '*':
		t.stars()
	case c == '[':
		t.class()
	case c == '\\':
		t.escaped()
	case c == '{' && t.braces:
		t.open = append(t.open, t.at)
		t.copy()
	case c == '}' && len(t.open) > 0:
		t.open = t.open[:len(t.open)-1]
		t.copy()
	case c == '{' || c == '}':
		t.out.WriteByte('\\')
		t.copy()
	case c == '/' && len(t.open) == 0:
		t.slashes = append(t.slashes, t.out.Len())
		t.copy()
	default:
		t.copy()
	}
}

// escaped reads a letter behind a backslash.
func (t *translator) escaped() {
	_, n := utf8.DecodeRuneInString(t.text[t.at+1:])
	switch {
	case n == 0:
		t.fail(t.at, `there is nothing behind this \`)
	case t.text[t.at+1] == '/':
		t.at++
	default:
		t.out.WriteString(t.text[t.at : t.at+1+n])
		t.at += 1 + n
	}
}

func (t *translator) copy() {
	t.out.WriteByte(t.text[t.at])
	t.at++
}

// stars reads some stars. They cross slashes if they are a whole segment.
func (t *translator) stars() {
	from := t.at
	for t.at < len(t.text) && t.text[t.at] == '*' {
		t.at++
	}
	ends := func(at int) bool {
		return at < 0 || at >= len(t.text) || t.text[at] == '/' || len(t.open) > 0 && strings.IndexByte("{,}", t.text[at]) >= 0
	}
	if t.at-from > 1 && ends(from-1) && ends(t.at) {
		t.out.WriteByte('*')
	}
	t.out.WriteByte('*')
}

// A span is the characters from one to another.
type span struct{ from, to rune }

// class reads a class as git does.
func (t *translator) class() {
	from := t.at
	t.at++
	not := t.at < len(t.text) && (t.text[t.at] == '!' || t.text[t.at] == '^')
	if not {
		t.at++
	}
	var spans []span
	for first := true; t.err == nil; first = false {
		if t.at >= len(t.text) {
			t.fail(from, "there is no ] for this [")
			return
		}
		if t.text[t.at] == ']' && !first {
			t.at++
			break
		}
		spans = append(spans, t.member(from)...)
	}
	t.writeClass(not, spans)
}

// member reads what is between the brackets of a class up to the next member.
func (t *translator) member(class int) []span {
	if rest, ok := strings.CutPrefix(t.text[t.at:], "[:"); ok {
		if name, _, ok := strings.Cut(rest, "]"); ok && strings.HasSuffix(name, ":") {
			spans, known := named(strings.TrimSuffix(name, ":"))
			if !known {
				t.fail(t.at, "there is no such class of characters")
			}
			t.at += len("[:") + len(name) + len("]")
			return spans
		}
	}
	s := span{from: t.letter(class)}
	s.to = s.from
	if rest := t.text[min(t.at, len(t.text)):]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
		t.at++
		s.to = t.letter(class)
	}
	return []span{s}
}

// letter reads one character of a class.
func (t *translator) letter(class int) rune {
	if t.text[t.at] == '\\' {
		t.at++
	}
	r, n := utf8.DecodeRuneInString(t.text[t.at:])
	if n == 0 {
		t.fail(class, "there is no ] for this [")
	}
	t.at += n
	return r
}

// writeClass writes a class that does not match a slash. If nothing is left of it, it
// matches nothing.
func (t *translator) writeClass(not bool, spans []span) {
	var all strings.Builder
	write := func(s span) {
		if s.from <= s.to {
			all.WriteString(`\` + string(s.from))
		}
		if s.from < s.to {
			all.WriteString(`-\` + string(s.to))
		}
	}
	for _, s := range spans {
		if s.from <= '/' && '/' <= s.to && !not {
			write(span{s.from, '/' - 1})
			s.from = '/' + 1
		}
		write(s)
	}
	switch {
	case not:
		t.out.WriteString(`[^\/` + all.String() + "]")
	case all.Len() > 0:
		t.out.WriteString("[" + all.String() + "]")
	default:
		t.out.WriteString("[^\x00-\U0010FFFF]")
	}
}

// named returns the characters of a class that has a name. Such classes are ASCII.
func named(name string) (spans []span, known bool) {
	upper, lower, digit := span{'A', 'Z'}, span{'a', 'z'}, span{'0', '9'}
	punct := []span{{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}
	classes := map[string][]span{
		"alnum": {upper, lower, digit}, "alpha": {upper, lower}, "blank": {{' ', ' '}, {'\t', '\t'}},
		"cntrl": {{0, 0x1f}, {0x7f, 0x7f}}, "digit": {digit}, "graph": slices.Concat(punct, []span{upper, lower, digit}),
		"lower": {lower}, "print": {{' ', '~'}}, "punct": punct, "space": {{'\t', '\r'}, {' ', ' '}},
		"upper": {upper}, "xdigit": {digit, {'A', 'F'}, {'a', 'f'}},
	}
	spans, known = classes[name]
	return spans, known
}
