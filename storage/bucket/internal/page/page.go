// Package page parses documents that name many objects: the pages of listings, which
// ListObjectsV2 and ListObjectVersions answer with, and the answers to DeleteObjects.
package page

import (
	"errors"
	"io"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"

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
// ones: that of answers, which may take long to come, apart from what is needed only while
// one is parsed. The zero value is ready for use. Its methods may be called concurrently.
type Parser struct {
	builders sync.Pool    // of *builder, without answers
	answers  sync.Pool    // of *[]byte
	longest  atomic.Int64 // answer so far, in bytes, as far as it is worth remembering
	once     sync.Once
	parsing  chan struct{} // see turns
}

// turns is a channel with room for as many pages as are parsed at once.
func (p *Parser) turns() chan struct{} {
	p.once.Do(func() { p.parsing = make(chan struct{}, runtime.GOMAXPROCS(0)) })
	return p.parsing
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

func (p *Parser) parse(r io.Reader, sizeHint int64, of *document) (page Page, err error) {
	err = p.use(r, sizeHint, func(b *builder) (err error) {
		page, err = b.parse(of)
		return err
	})
	return page, err
}

// use reads an answer to its end, and calls parse with a builder that has it.
func (p *Parser) use(r io.Reader, sizeHint int64, parse func(*builder) error) error {
	memory, ok := p.answers.Get().(*[]byte)
	if !ok {
		memory = new([]byte)
	}
	if sizeHint <= 0 {
		sizeHint = p.longest.Load()
	}
	doc, err := read(r, (*memory)[:0], sizeHint)
	*memory = doc
	defer func() {
		if cap(doc) <= maxKept {
			p.answers.Put(memory)
		}
	}()
	if err != nil {
		return err
	}
	if n := min(int64(len(doc)), maxHint); n > p.longest.Load() {
		p.longest.Store(n)
	}
	// More at once would not be faster.
	turn := p.turns()
	turn <- struct{}{}
	defer func() { <-turn }()
	b, ok := p.builders.Get().(*builder)
	if !ok {
		b = new(builder)
	}
	b.doc = doc
	defer func() {
		b.doc = nil
		if b.size() <= maxKept {
			p.builders.Put(b)
		}
	}()
	return parse(b)
}

const (
	// maxKept bounds the bytes of a builder, and of an answer, that are kept for the next
	// page. A page of 1,000 entries needs about a quarter of them.
	maxKept = 2 << 20
	// maxHint bounds the bytes that are allocated on the word of a server.
	maxHint = 1 << 20
	minRead = 32 << 10 // bytes
)

// read reads a whole answer behind doc, which is empty, and returns it.
func read(r io.Reader, doc []byte, sizeHint int64) ([]byte, error) {
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
		switch {
		case errors.Is(err, io.EOF):
			return doc, nil
		case err != nil:
			return doc, err
		}
	}
}

// parse makes a page of the answer that was read.
func (b *builder) parse(of *document) (Page, error) {
	if err := b.understand(of); err != nil {
		return Page{}, err
	}
	return b.page()
}

// understand collects what stands in the answer that was read. What the scanner does not
// understand with certainty is decoded by package encoding/xml.
func (b *builder) understand(of *document) error {
	b.reset(of)
	if s := (scanner{b: b, doc: b.doc}); s.document(of) {
		return nil
	}
	b.reset(of)
	if err := b.decode(of); err != nil {
		return failure.Garbled("it cannot be understood: %s", failure.OneLine(err.Error()))
	}
	return nil
}
