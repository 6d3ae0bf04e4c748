package pattern

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// A reader reads the characters of an expression.
type reader struct {
	text []rune
	at   int
}

func (*reader) fail(at int, format string, args ...any) error {
	return &Error{at, fmt.Sprintf(format, args...)}
}

func (r *reader) end() bool { return r.at >= len(r.text) }

// looking reports whether the rest of the text begins with what.
func (r *reader) looking(what string) bool {
	for i, want := range []rune(what) {
		if r.at+i >= len(r.text) || r.text[r.at+i] != want {
			return false
		}
	}
	return true
}

// take skips what if the rest of the text begins with it.
func (r *reader) take(what string) bool {
	if !r.looking(what) {
		return false
	}
	r.at += utf8.RuneCountInString(what)
	return true
}

// until returns the text before the next end, and skips both.
func (r *reader) until(end rune) (string, bool) {
	for i := r.at; i < len(r.text); i++ {
		if r.text[i] == end {
			text := string(r.text[r.at:i])
			r.at = i + 1
			return text, true
		}
	}
	return "", false
}

// digits reads digits at the current position.
func (r *reader) digits() (n int, ok bool) {
	start := r.at
	for !r.end() && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	n, err := strconv.Atoi(string(r.text[start:r.at]))
	return n, err == nil
}

// number reads digits with optional blanks around them, and reports whether there were
// any.
func (r *reader) number() (n int, ok bool) {
	blank := func() {
		for !r.end() && unicode.IsSpace(r.text[r.at]) {
			r.at++
		}
	}
	blank()
	start := r.at
	for !r.end() && r.text[r.at] >= '0' && r.text[r.at] <= '9' {
		r.at++
	}
	digits := string(r.text[start:r.at])
	blank()
	if digits == "" {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return mostRepeats + 1, true // too large for an int, and so for us
	}
	return n, true
}
