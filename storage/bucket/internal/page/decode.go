package page

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
)

// decode reads a document of any form. It accepts what the decoder of the AWS SDK for Go
// accepts: an element of text holds one piece of text and nothing else, and text between
// elements is ignored.
func (b *builder) decode(of *document) error {
	d := xml.NewDecoder(bytes.NewReader(b.doc))
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return errors.New("there is text before the document")
			}
		case xml.StartElement:
			if !slices.Contains(of.roots, t.Name.Local) {
				return fmt.Errorf("it holds <%.40s> instead of <%s>", t.Name.Local, of.roots[0])
			}
			return b.decodeElements(d, of.inner)
		}
	}
}

// decodeElements reads the elements in one, to its end tag.
func (b *builder) decodeElements(d *xml.Decoder, rows []element) error {
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := b.decodeElement(d, rows, t.Name.Local); err != nil {
				return err
			}
		}
	}
}

// decodeElement reads the element whose start tag was read.
func (b *builder) decodeElement(d *xml.Decoder, rows []element, name string) error {
	row, _ := find(rows, name)
	switch {
	case row == nil:
		return d.Skip()
	case row.inner != nil:
		b.begin(row.field)
		return b.decodeElements(d, row.inner)
	}
	text, err := decodeText(d)
	if err == nil {
		err = b.set(row.field, text)
	}
	if err != nil {
		return fmt.Errorf("<%s>: %w", row.name, err)
	}
	return nil
}

// decodeText reads one piece of text and the end tag behind it.
func decodeText(d *xml.Decoder) ([]byte, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	var text []byte
	if data, ok := t.(xml.CharData); ok {
		text = bytes.Clone(data)
		if t, err = d.Token(); err != nil {
			return nil, err
		}
	}
	if _, ok := t.(xml.EndElement); !ok {
		return nil, errors.New("there is something else than text in it")
	}
	return text, nil
}
