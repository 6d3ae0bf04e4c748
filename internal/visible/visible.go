// Package visible shows text from outside, such as keys and messages of servers, so that
// it cannot control where it is shown.
package visible

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Draws reports whether a character does more than show itself: it controls the
// terminal, breaks the line, or changes the direction or the form of the text around
// it. Keys and messages of servers may hold any such character.
func Draws(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Append appends text without quotes. It escapes characters for which Draws is true, and
// bytes that are not text.
func Append(buf []byte, text string) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if Draws(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(text[:size])
			buf = append(buf, quoted[1:len(quoted)-1]...)
		} else {
			buf = append(buf, text[:size]...)
		}
		text = text[size:]
	}
	return buf
}

// Text returns what Append appends.
func Text(text string) string { return string(Append(nil, text)) }

// Line returns a text in one line: it is Text with "; " between the lines.
func Line(text string) string { return Text(strings.NewReplacer("\n", "; ", "\t", " ").Replace(text)) }
