package logformat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"s3sync/internal/visible"
)

// AppendJSON appends a JSON string. It escapes characters for which visible.Draws is true.
// Text that is not UTF-8 loses the bytes that JSON cannot hold.
func AppendJSON(buf []byte, text string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		return append(buf, `""`...)
	}
	for _, r := range string(bytes.TrimRight(b.Bytes(), "\n")) {
		switch {
		case !visible.Draws(r):
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
