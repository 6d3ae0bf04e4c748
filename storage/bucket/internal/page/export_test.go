package page

import "io"

// A Single is a Parser that keeps its memory for certain. A Parser may lose it, and under
// the race detector it does.
type Single struct{ builder builder }

func (s *Single) Objects(r io.Reader, sizeHint int64) (_ Page, err error) {
	if s.builder.doc, err = read(r, s.builder.doc[:0], sizeHint); err != nil {
		return Page{}, err
	}
	return s.builder.parse(&objectsDocument)
}

// Scanned parses a document by the scanner alone. ok reports whether it understood it.
func Scanned(doc []byte, versions bool) (p Page, ok bool, err error) {
	b, of := &builder{doc: doc}, documentOf(versions)
	b.reset(of)
	if s := (scanner{b: b, doc: doc}); !s.document(of) {
		return Page{}, false, nil
	}
	p, err = b.page()
	return p, true, err
}

// Decoded parses a document by encoding/xml alone.
func Decoded(doc []byte, versions bool) (Page, error) {
	b, of := &builder{doc: doc}, documentOf(versions)
	b.reset(of)
	if err := b.decode(of); err != nil {
		return Page{}, err
	}
	return b.page()
}

func documentOf(versions bool) *document {
	if versions {
		return &versionsDocument
	}
	return &objectsDocument
}

// ParseTime parses a time.
var ParseTime = parseTime

// ScannedDeletions parses an answer to DeleteObjects by the scanner alone. ok reports whether
// it understood it.
func ScannedDeletions(doc []byte) (ok bool) {
	b := &builder{doc: doc}
	b.reset(&deletionsDocument)
	s := scanner{b: b, doc: doc}
	return s.document(&deletionsDocument)
}

// DecodedDeletions parses an answer to DeleteObjects by encoding/xml alone.
func DecodedDeletions(doc []byte) ([]Deletion, error) {
	b := &builder{doc: doc}
	b.reset(&deletionsDocument)
	if err := b.decode(&deletionsDocument); err != nil {
		return nil, err
	}
	return b.deletions(), nil
}
