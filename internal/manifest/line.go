package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
)

// checkSize is the number of hexadecimal digits of the check of a line.
const checkSize = 8

// The texts around the check and around the digest, which are the last fields.
const (
	beforeCheck  = `,"check":"`
	beforeDigest = `,"sha256":"`
	afterLast    = `"}`
)

// checkOf returns the check of a line: the first digits of the SHA-256 of all bytes of the
// line before its digits.
func checkOf(before []byte) string {
	sum := sha256.Sum256(before)
	return hex.EncodeToString(sum[:])[:checkSize]
}

// marshal returns the JSON of a value in one form: without escapes that JSON does not
// need, and without a newline.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// body returns the JSON of a Header or an Entry without its number and its check, which
// depend on the lines before it.
func body(v any) ([]byte, error) {
	text, err := marshal(v)
	if err != nil {
		return nil, err
	}
	text, ok := bytes.CutPrefix(text, []byte(`{"n":0`))
	text, ok2 := bytes.CutSuffix(text, []byte(beforeCheck+afterLast))
	if !ok || !ok2 {
		return nil, fmt.Errorf("manifest: a line of another form: %s", text)
	}
	return text, nil
}

// appendLine appends the line with a number and a body, without the newline.
func appendLine(buf []byte, n int64, body []byte) []byte {
	start := len(buf)
	buf = strconv.AppendInt(append(buf, `{"n":`...), n, 10)
	buf = append(buf, body...)
	buf = append(buf, beforeCheck...)
	check := checkOf(buf[start:])
	buf = append(buf, check...)
	return append(buf, afterLast...)
}

// parseLine reads a Header or an Entry. n is the number that the line must have.
func parseLine(line []byte, n int64, v any) error {
	before, ok := bytes.CutSuffix(line, []byte(afterLast))
	if !ok || len(before) < checkSize+len(beforeCheck) {
		return refused(n, "the line does not end in its check")
	}
	at := len(before) - checkSize
	if !bytes.HasSuffix(before[:at], []byte(beforeCheck)) {
		return refused(n, "the line does not end in its check")
	}
	if want := checkOf(before[:at]); string(before[at:]) != want {
		return refused(n, "the line was changed: its check is %q, and that of its bytes is %q", before[at:], want)
	}
	if err := strict(line, v); err != nil {
		return refused(n, "%w", err)
	}
	return nil
}

// strict reads JSON that must be exactly what marshal returns for its value. So two
// programs cannot read different things in it, such as the first and the last of two
// fields of one name.
func strict(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("it is not the JSON of such a line: %w", err)
	}
	again, err := marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, line) {
		return fmt.Errorf("it is not in the form of such a line, which would be %.200q", again)
	}
	return nil
}

// Pack returns an entry as text for Unpack.
func Pack(e *Entry) ([]byte, error) { return marshal(e) }

// Unpack returns an entry that was packed.
func Unpack(text []byte) (*Entry, error) {
	e := new(Entry)
	return e, strict(text, e)
}
