package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// draws reports whether a character does more than show itself: it controls the
// terminal, breaks the line, or changes the direction or the form of the text around
// it. Keys and messages of servers may hold any such character.
func draws(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// appendShown appends text without quotes. It escapes characters for which draws is
// true, and bytes that are not text.
func appendShown(buf []byte, text string) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if draws(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(text[:size])
			buf = append(buf, quoted[1:len(quoted)-1]...)
		} else {
			buf = append(buf, text[:size]...)
		}
		text = text[size:]
	}
	return buf
}

// appendJSONText appends a JSON string. It escapes characters for which draws is true.
// Text that is not UTF-8 loses the bytes that JSON cannot hold.
func appendJSONText(buf []byte, text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return append(buf, `""`...)
	}
	for _, r := range string(bytes.TrimRight(b.Bytes(), "\n")) {
		switch {
		case !draws(r):
			buf = utf8.AppendRune(buf, r)
		case r > 0xffff:
			r -= 0x10000
			buf = fmt.Appendf(buf, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			buf = fmt.Appendf(buf, `\u%04x`, r)
		}
	}
	return buf
}
