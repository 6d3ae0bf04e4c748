package page

import (
	"io"
	"strings"
)

// A Deletion is what an answer to DeleteObjects says of one key.
type Deletion struct {
	Key string
	// Refused: the object was not removed. Code and Message say why.
	Refused       bool
	Code, Message string
}

// Deletions reads an answer to DeleteObjects to its end, as Objects reads one to
// ListObjectsV2. The refused ones come last. An answer need not name any key, and the keys
// share memory, as those of a page do.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
func (p *Parser) Deletions(r io.Reader, sizeHint int64) ([]Deletion, error) {
	var all []Deletion
	err := p.use(r, sizeHint, func(b *builder) error {
		err := b.understand(&deletionsDocument)
		if err == nil {
			all = b.deletions()
		}
		return err
	})
	return all, err
}

var (
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeletedObject.html
	deletedElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "Key", field: deletionKey},
		{name: "VersionId", field: anyText},
		{name: "DeleteMarker", field: anyBool},
		{name: "DeleteMarkerVersionId", field: anyText},
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Error.html
	refusedElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "Key", field: deletionKey},
		{name: "VersionId", field: anyText},
		{name: "Code", field: deletionCode},
		{name: "Message", field: deletionMessage},
	}
	deletionsDocument = document{ //nolint:gochecknoglobals // a table, never written to
		roots: []string{"DeleteResult"},
		inner: []element{
			{name: "Deleted", field: deleted, inner: deletedElements},
			{name: "Error", field: refused, inner: refusedElements},
		},
	}
)

// A removal is a Deletion whose texts are those of a builder.
type removal struct {
	key, code, message span
	refused            bool
}

// set is builder.set for what stands in a removal.
func (d *removal) set(b *builder, f field, text []byte) {
	switch f {
	case deletionKey:
		d.key = b.keep(text)
	case deletionCode:
		d.code = b.keep(text)
	default:
		d.message = b.keep(text)
	}
}

// deletions is page for an answer to DeleteObjects.
func (b *builder) deletions() []Deletion {
	text := string(b.text)
	of := func(s span) string { return text[s.from:s.to] }
	all := make([]Deletion, 0, len(b.removals))
	for _, d := range b.removals {
		if !d.refused {
			all = append(all, Deletion{Key: of(d.key)})
		}
	}
	for _, d := range b.removals {
		if d.refused { // what it says may be kept for long
			all = append(all, Deletion{Key: of(d.key), Refused: true, Code: strings.Clone(of(d.code)), Message: strings.Clone(of(d.message))})
		}
	}
	return all
}
