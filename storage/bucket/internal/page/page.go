// Package page parses the pages of listings: the documents that ListObjectsV2 and
// ListObjectVersions answer with.
package page

import (
	"errors"
	"io"
	"math/bits"
	"sync"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// A Page is one answer to a listing.
//
// The texts of a page share memory: one key that is kept keeps those of the whole page,
// about 100 bytes per entry. Strings that outlive the page by far should be cloned.
type Page struct {
	// Objects are the entries in the order of the answer, under their full keys. Each of
	// them is complete. Those of versions have VersionID and Latest; delete markers are
	// among them.
	Objects   []storage.Object
	Prefixes  []string // with a delimiter, those that stand for all keys below
	Truncated bool     // there are further pages
	// Token names the next page of ListObjectsV2.
	Token string
	// NextKey and NextVersionID name the next page of ListObjectVersions.
	NextKey, NextVersionID string
}

// A Parser reads pages. It keeps the memory that it needs besides the pages for the next
// ones. The zero value is ready for use. Its methods may be called concurrently.
type Parser struct {
	builders sync.Pool // of *builder
}

// Objects reads an answer to ListObjectsV2 to its end. sizeHint is its length in bytes,
// if that is known, else 0 or less. An answer that is no listing, or has an entry that is
// not complete, is a failure of package failure. Errors of r are returned as they are.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (p *Parser) Objects(r io.Reader, sizeHint int64) (Page, error) {
	return p.parse(r, sizeHint, &objectsDocument)
}

// Versions reads an answer to ListObjectVersions as Objects reads one to ListObjectsV2.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (p *Parser) Versions(r io.Reader, sizeHint int64) (Page, error) {
	return p.parse(r, sizeHint, &versionsDocument)
}

func (p *Parser) parse(r io.Reader, sizeHint int64, of *document) (Page, error) {
	b, ok := p.builders.Get().(*builder)
	if !ok {
		b = new(builder)
	}
	defer func() {
		if b.size() <= maxKept {
			p.builders.Put(b)
		}
	}()
	if err := b.read(r, sizeHint); err != nil {
		return Page{}, err
	}
	return b.parse(of)
}

const (
	// maxKept bounds the bytes of a builder that is kept for the next page. A page of
	// 1,000 entries needs about half of them.
	maxKept = 2 << 20
	// maxHint bounds the bytes that are allocated on the word of a server.
	maxHint = 1 << 20
	minRead = 32 << 10 // bytes
)

// read reads a whole answer into b.doc.
func (b *builder) read(r io.Reader, sizeHint int64) error {
	doc := b.doc[:0]
	// One more byte, so that the end is seen without growing.
	if want := int(min(max(sizeHint, 0), maxHint)) + 1; cap(doc) < want {
		doc = make([]byte, 0, max(want, minRead))
	}
	for {
		if len(doc) == cap(doc) {
			grown := make([]byte, len(doc), 1<<bits.Len(uint(cap(doc))))
			copy(grown, doc)
			doc = grown
		}
		n, err := r.Read(doc[len(doc):cap(doc)])
		doc = doc[:len(doc)+n]
		b.doc = doc
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// parse makes a page of the answer that was read. What the scanner does not understand
// with certainty is decoded by package encoding/xml.
func (b *builder) parse(of *document) (Page, error) {
	b.reset(of)
	if s := (scanner{b: b, doc: b.doc}); !s.document(of) {
		b.reset(of)
		if err := b.decode(of); err != nil {
			return Page{}, failure.Garbled("it cannot be understood: %s", failure.OneLine(err.Error()))
		}
	}
	return b.page()
}
