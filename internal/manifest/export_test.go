package manifest

import (
	"bytes"
	"fmt"
)

// Unnumbered returns the header as NewWriter takes it.
func (h Header) Unnumbered() Header {
	h.N, h.Check = 0, ""
	return h
}

// TamperedLine changes the second line of a manifest so that its check is right, and
// returns how it is read as a line.
func TamperedLine(data []byte, before, after string) error {
	line := bytes.Split(data, []byte("\n"))[1]
	changed := bytes.Replace(line, []byte(before), []byte(after), 1)
	if bytes.Equal(line, changed) {
		return fmt.Errorf("%s is not in %s", before, line)
	}
	body := bytes.TrimPrefix(changed[:bytes.LastIndex(changed, []byte(beforeCheck))], []byte(`{"n":2`))
	data = bytes.Replace(data, line, appendLine(nil, 2, body), 1)
	e := new(Entry)
	if err := parseEntry(bytes.Split(data, []byte("\n"))[1], 2, e); err != nil {
		return err
	}
	if err := new(Counts).add(e.Done); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return nil
}
