package page

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// A scanner reads the documents of listings as servers write them: elements without
// attributes, and text in UTF-8. Its methods return false for whatever else an XML document
// may have, and for what is none. The caller decodes the document anew then.
type scanner struct {
	b   *builder
	doc []byte
	at  int
}

// declarations are those that servers write. encoding/xml ignores them.
var declarations = []string{ //nolint:gochecknoglobals // a table, never written to
	`<?xml version="1.0" encoding="UTF-8"?>`, `<?xml version="1.0" encoding="utf-8"?>`, `<?xml version="1.0"?>`,
	`<?xml version='1.0' encoding='UTF-8'?>`, `<?xml version='1.0' encoding='utf-8'?>`, `<?xml version='1.0'?>`,
}

// document reads a document. What is behind its end is ignored.
func (s *scanner) document(of *document) bool {
	s.blanks()
	_ = slices.ContainsFunc(declarations, s.skip) // at most one of them
	s.blanks()
	if !s.skip("<") {
		return false
	}
	root := s.name()
	if !slices.Contains(of.roots, root) || s.skip(` xmlns="`) && !s.namespace() || !s.skip(">") {
		return false
	}
	return s.elements(of.inner, root)
}

// blanks skips the white space before a document.
func (s *scanner) blanks() {
	for s.at < len(s.doc) && strings.IndexByte(" \t\r\n", s.doc[s.at]) >= 0 {
		s.at++
	}
}

// skip skips a text if it comes next.
func (s *scanner) skip(text string) bool {
	if len(s.doc)-s.at < len(text) || string(s.doc[s.at:s.at+len(text)]) != text {
		return false
	}
	s.at += len(text)
	return true
}

// namespace skips the rest of an attribute that names a namespace.
func (s *scanner) namespace() bool {
	for s.at < len(s.doc) {
		c := s.doc[s.at]
		s.at++
		switch {
		case c == '"':
			return true
		case c <= ' ' || c >= utf8.RuneSelf || c == '<' || c == '&':
			return false
		}
	}
	return false
}

// startTag reads the rest of a start tag. row is nil for an element that is not known.
// empty: the element has nothing in it. The caller gets no names that only differ in case
// from known ones.
func (s *scanner) startTag(rows []element) (row *element, name string, empty, ok bool) {
	rest := s.doc[s.at:]
	for i := range rows { // mostly found here
		row := &rows[i]
		if n := len(row.name); n < len(rest) && rest[0] == row.name[0] && rest[n] == '>' && string(rest[:n]) == row.name {
			s.at += n + 1
			return row, row.name, false, true
		}
	}
	name = s.name()
	row, exact := find(rows, name)
	empty = s.skip("/")
	return row, name, empty, exact && name != "" && s.skip(">")
}

// name reads the name of an element. It is empty if there is none.
func (s *scanner) name() string {
	from := s.at
	for s.at < len(s.doc) && isLetter(s.doc[s.at]) {
		s.at++
	}
	return string(s.doc[from:s.at])
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// endTag skips an end tag whose < was read.
func (s *scanner) endTag(name string) bool {
	rest, n := s.doc[s.at:], len(name)
	if n+1 >= len(rest) || rest[0] != '/' || rest[n+1] != '>' || string(rest[1:n+1]) != name {
		return false
	}
	s.at += n + 2
	return true
}

// tag skips the text before the next tag, and its <.
func (s *scanner) tag() bool {
	if s.at < len(s.doc) && s.doc[s.at] == '<' {
		s.at++
		return true
	}
	_, ok := s.text()
	return ok
}

// inEndTag reports whether the tag whose < was read is an end tag.
func (s *scanner) inEndTag() bool { return s.at < len(s.doc) && s.doc[s.at] == '/' }

// elements reads the elements in one, to its end tag.
func (s *scanner) elements(rows []element, in string) bool {
	for {
		if !s.tag() {
			return false
		}
		if s.inEndTag() {
			return s.endTag(in)
		}
		row, name, empty, ok := s.startTag(rows)
		switch {
		case !ok:
		case row == nil:
			ok = empty || s.ignore(name, 1)
		case row.inner != nil:
			s.b.begin(row.field)
			ok = empty || s.elements(row.inner, name)
		default:
			var text []byte
			if !empty {
				text, ok = s.text()
				ok = ok && s.endTag(name)
			}
			ok = ok && s.b.set(row.field, text) == nil
		}
		if !ok {
			return false
		}
	}
}

// maxDepth bounds the elements in one another that are ignored.
const maxDepth = 8

// ignore skips an element that is not known, to its end tag.
func (s *scanner) ignore(in string, depth int) bool {
	for depth <= maxDepth {
		if !s.tag() {
			return false
		}
		if s.inEndTag() {
			return s.endTag(in)
		}
		_, name, empty, ok := s.startTag(nil)
		if !ok || !empty && !s.ignore(name, depth+1) {
			return false
		}
	}
	return false
}

// Kinds of bytes in text.
const (
	special = iota // not understood, but for & and <
	plain
	wide // of a character that is not ASCII
)

var kinds = func() (kinds [256]byte) { //nolint:gochecknoglobals // a table, never written to
	for c := range kinds {
		switch {
		case c >= utf8.RuneSelf:
			kinds[c] = wide
		case c == '\t' || c == '\n' || c >= ' ':
			kinds[c] = plain
		}
	}
	// A \r may become \n, and ]]> must not stand in text.
	kinds['&'], kinds['<'], kinds['>'] = special, special, special
	return kinds
}()

// text reads text and the < behind it. The text is valid until the next call.
func (s *scanner) text() (text []byte, ok bool) {
	doc, from, at := s.doc, s.at, s.at
	ascii := true
	decoded := s.b.plain[:0]
	for {
		for _, c := range doc[at:] {
			if kinds[c] != plain {
				break
			}
			at++
		}
		if at == len(doc) {
			return nil, false
		}
		switch c := doc[at]; {
		case c == '<':
			s.at = at + 1
			text = doc[from:at]
			if len(decoded) > 0 {
				text = append(decoded, text...)
				s.b.plain = text
			}
			return text, ascii || isText(text)
		case c == '&':
			char, size := reference(doc[at:])
			if size == 0 {
				return nil, false
			}
			decoded = append(append(decoded, doc[from:at]...), char)
			at += size
			from = at
		case kinds[c] == wide:
			ascii = false
			at++
		default:
			return nil, false
		}
	}
}

// isText reports whether a text without control characters is valid in XML.
// https://www.w3.org/TR/xml/#charsets
func isText(text []byte) bool {
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\uFFFE")) && !bytes.Contains(text, []byte("\uFFFF"))
}

// references are those that servers write. S3 writes quotes by name; encoding/xml writes
// them, and control characters, by number.
var references = []struct { //nolint:gochecknoglobals // a table, never written to
	text string
	char byte
}{
	{"&quot;", '"'},
	{"&#34;", '"'},
	{"&amp;", '&'},
	{"&lt;", '<'},
	{"&gt;", '>'},
	{"&#39;", '\''},
	{"&apos;", '\''},
	{"&#x9;", '\t'},
	{"&#xA;", '\n'},
	{"&#xD;", '\r'},
}

// reference reads the reference at the beginning of a text. It returns its size in
// bytes, or 0.
func reference(text []byte) (char byte, size int) {
	for _, r := range references {
		if len(text) >= len(r.text) && string(text[:len(r.text)]) == r.text {
			return r.char, len(r.text)
		}
	}
	return 0, 0
}
