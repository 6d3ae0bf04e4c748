package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
)

// A builder collects what stands in an answer, and makes a page of it. How keys are
// encoded may stand behind them, so they are decoded at the end.
type builder struct {
	doc      []byte // the answer
	text     []byte // texts that were found, one behind the other
	out      []byte // texts of the page, likewise
	plain    []byte // of the scanner
	entries  []entry
	prefixes []span
	removals []removal

	versions               bool
	urlEncoded             bool
	hasTruncated, more     bool
	token                  span
	nextKey, nextVersionID span
}

// A span is a part of builder.text or builder.out.
type span struct{ from, to int }

func (s span) of(text []byte) []byte { return text[s.from:s.to] }

// An entry is an object, a version or a delete marker.
type entry struct {
	key, etag, versionID span
	size                 int64
	modTime              time.Time
	restore              Restore

	marker, archive                     bool
	hasSize, hasTime, hasLatest, latest bool
}

func (b *builder) size() int {
	const entrySize, spanSize, removalSize = int(unsafe.Sizeof(entry{})), int(unsafe.Sizeof(span{})), int(unsafe.Sizeof(removal{}))
	return cap(b.doc) + cap(b.text) + cap(b.out) + cap(b.plain) + cap(b.entries)*entrySize + cap(b.prefixes)*spanSize + cap(b.removals)*removalSize
}

// reset begins a page anew. It keeps the answer, and the memory.
func (b *builder) reset(of *document) {
	*b = builder{
		doc: b.doc, text: b.text[:0], out: b.out[:0], plain: b.plain, entries: b.entries[:0], prefixes: b.prefixes[:0],
		removals: b.removals[:0], versions: of.versions,
	}
}

// begin begins an element with elements in it.
func (b *builder) begin(f field) {
	switch f {
	case object, version, marker:
		b.entries = append(b.entries, entry{marker: f == marker})
	case commonPrefixes:
		b.prefixes = append(b.prefixes, span{})
	case deleted, refused:
		b.removals = append(b.removals, removal{refused: f == refused})
	case restoreStatus:
		b.entry().restore.Known = true
	default: // nothing of it is needed
	}
}

// entry returns the one that was begun last.
func (b *builder) entry() *entry { return &b.entries[len(b.entries)-1] }

// set takes the text of an element. The last one counts if there are several of a name.
func (b *builder) set(f field, text []byte) (err error) {
	switch f {
	case anyNumber:
		_, err = parseInt(text)
	case anyBool:
		_, err = strconv.ParseBool(string(text))
	case encoding:
		b.urlEncoded = string(text) == "url"
	case truncated:
		b.more, err = strconv.ParseBool(string(text))
		b.hasTruncated = true
	case token:
		b.token = b.keep(text)
	case nextKey:
		b.nextKey = b.keep(text)
	case nextVersionID:
		b.nextVersionID = b.keep(text)
	case prefix:
		b.prefixes[len(b.prefixes)-1] = b.keep(text)
	case deletionKey, deletionCode, deletionMessage:
		b.removals[len(b.removals)-1].set(b, f, text)
	case unknown, anyText:
	default:
		return b.entry().set(b, f, text)
	}
	return err
}

// set is builder.set for what stands in an entry.
func (e *entry) set(b *builder, f field, text []byte) (err error) {
	switch f {
	case key:
		e.key = b.keep(text)
	case etag:
		e.etag = b.keep(text)
	case versionID:
		e.versionID = b.keep(text)
	case size:
		e.size, err = parseInt(text)
		e.hasSize = true
	case modTime:
		e.modTime, err = parseTime(text)
		e.hasTime = true
	case latest:
		e.latest, err = strconv.ParseBool(string(text))
		e.hasLatest = true
	case class:
		e.archive = IsArchive(string(text))
	case restoring:
		e.restore.InProgress, err = strconv.ParseBool(string(text))
	case restoreExpiry:
		e.restore.Expiry, err = parseTime(text)
	default:
		err = fmt.Errorf("there is no field %d", f)
	}
	return err
}

func (b *builder) keep(text []byte) span {
	from := len(b.text)
	b.text = append(b.text, text...)
	return span{from, len(b.text)}
}

// page makes a page of what was found.
func (b *builder) page() (Page, error) {
	// A document without a listing in it must not pass for an empty listing.
	if !b.hasTruncated {
		return Page{}, failure.Garbled("it is no listing")
	}
	for i := range b.entries {
		if err := b.finish(&b.entries[i]); err != nil {
			return Page{}, err
		}
	}
	for i := range b.prefixes {
		if err := b.decodeKey(&b.prefixes[i]); err != nil {
			return Page{}, err
		}
	}
	if err := b.decodeKey(&b.nextKey); err != nil {
		return Page{}, err
	}
	b.move(&b.token, b.token.of(b.text))
	b.move(&b.nextVersionID, b.nextVersionID.of(b.text))

	text := string(b.out)
	of := func(s span) string { return text[s.from:s.to] }
	p := Page{Truncated: b.more, Token: of(b.token), NextKey: of(b.nextKey), NextVersionID: of(b.nextVersionID)}
	if len(b.prefixes) > 0 {
		p.Prefixes = make([]string, len(b.prefixes))
		for i, s := range b.prefixes {
			p.Prefixes[i] = of(s)
		}
	}
	p.Objects = make([]storage.Object, len(b.entries))
	now := time.Now()
	for i := range b.entries {
		e, o := &b.entries[i], &p.Objects[i]
		*o = storage.Object{
			Key: of(e.key), Size: e.size, ModTime: e.modTime, ETag: of(e.etag),
			VersionID: of(e.versionID), Latest: e.latest, DeleteMarker: e.marker,
		}
		if e.archive {
			o.Archived, o.MaybeArchived = e.restore.Archival(now)
		}
	}
	return p, nil
}

// finish checks an entry and moves its texts to those of the page.
func (b *builder) finish(e *entry) error {
	if err := b.decodeKey(&e.key); err != nil {
		return err
	}
	name, id, tag := e.key.of(b.out), e.versionID.of(b.text), e.etag.of(b.text)
	switch {
	case len(name) == 0 || !e.hasTime || !e.marker && (!e.hasSize || e.size < 0):
		return failure.Garbled("the entry of key %q is not complete", name)
	case b.versions && (len(id) == 0 || !e.hasLatest):
		return failure.Garbled("the entry of version %q of key %q is not complete", id, name)
	case len(tag) > answer.MaxETag:
		return failure.Garbled("the ETag of key %q has %d bytes", name, len(tag))
	}
	for len(tag) > 0 && tag[0] == '"' {
		tag = tag[1:]
	}
	for len(tag) > 0 && tag[len(tag)-1] == '"' {
		tag = tag[:len(tag)-1]
	}
	b.move(&e.etag, tag)
	b.move(&e.versionID, id)
	return nil
}

// move appends a text to those of the page.
func (b *builder) move(s *span, text []byte) {
	from := len(b.out)
	b.out = append(b.out, text...)
	*s = span{from, len(b.out)}
}

// decodeKey moves a key to the texts of the page. A blank is "+" in URL encoding, and "+"
// is %2B.
func (b *builder) decodeKey(s *span) error {
	encoded := s.of(b.text)
	if !b.urlEncoded {
		b.move(s, encoded)
		return nil
	}
	from, copied := len(b.out), 0
	for i := 0; i < len(encoded); i++ {
		c, next := encoded[i], i+1
		switch c {
		case '+':
			c = ' '
		case '%':
			next = i + 3
			if len(encoded) < next || hexDigits[encoded[i+1]] == 0 || hexDigits[encoded[i+2]] == 0 {
				return failure.Garbled("key %q is not URL-encoded", encoded)
			}
			c = (hexDigits[encoded[i+1]]-1)<<4 | (hexDigits[encoded[i+2]] - 1)
		default:
			continue
		}
		b.out = append(append(b.out, encoded[copied:i]...), c)
		i, copied = next-1, next
	}
	b.out = append(b.out, encoded[copied:]...)
	*s = span{from, len(b.out)}
	return nil
}

// hexDigits holds the values of hexadecimal digits, plus one.
var hexDigits = func() (values [256]byte) { //nolint:gochecknoglobals // a table, never written to
	for i, digit := range "0123456789abcdef" {
		values[digit] = byte(i) + 1
		values[strings.ToUpper(string(digit))[0]] = byte(i) + 1
	}
	return values
}()
