package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"s3sync/storage"
)

// A Reader decodes what a [Writer] wrote.
type Reader struct {
	r       io.Reader
	left    int64  // remaining records of the file
	records uint32 // remaining records of the block
	payload []byte // part of the block that is not decoded yet
	block   []byte // memory for payload
	key     []byte // of the last record
	text    []byte // memory for the strings of one record
	err     error
}

// NewReader returns a Reader of count objects. r must hold these and nothing else.
func NewReader(r io.Reader, count int64) *Reader { return &Reader{r: r, left: count} }

// Next returns the next object, with its time in UTC. After the last object, and only
// then, the error is io.EOF: a file that ends early is [ErrDamaged]. Every error is
// final.
func (r *Reader) Next() (storage.Object, error) {
	if r.err != nil {
		return storage.Object{}, r.err
	}
	o, err := r.next()
	if err != nil {
		r.err = err
		return storage.Object{}, err
	}
	return o, nil
}

func (r *Reader) next() (storage.Object, error) {
	if r.left <= 0 {
		return storage.Object{}, r.end()
	}
	if r.records == 0 {
		if err := r.readBlock(); err != nil {
			return storage.Object{}, err
		}
	}
	o, ok := r.decode()
	r.records--
	r.left--
	if !ok || r.records == 0 && len(r.payload) > 0 {
		return storage.Object{}, damaged("record cannot be decoded")
	}
	return o, nil
}

// end returns io.EOF if r is really at its end.
func (r *Reader) end() error {
	var b [1]byte
	_, err := io.ReadFull(r.r, b[:])
	if err == nil || r.records > 0 {
		return damaged("more records than were written")
	}
	return err
}

func (r *Reader) readBlock() error {
	var header [headerSize]byte
	if err := r.readFull(header[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header[0:])
	r.records = binary.BigEndian.Uint32(header[4:])
	if size > maxPayload || r.records == 0 {
		return damaged("bad block header")
	}
	if int(size) > cap(r.block) {
		r.block = make([]byte, max(int(size), blockSize+blockSize/8))
	}
	r.payload = r.block[:size]
	if err := r.readFull(r.payload); err != nil {
		return err
	}
	if crc32.Checksum(r.payload, crcTable) != binary.BigEndian.Uint32(header[8:]) {
		return damaged("bad block checksum")
	}
	r.key = r.key[:0]
	return nil
}

func (r *Reader) readFull(p []byte) error {
	_, err := io.ReadFull(r.r, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends too early")
	}
	return err
}

// decode decodes the first record of the payload. All strings of a record share one
// allocation.
func (r *Reader) decode() (o storage.Object, ok bool) {
	f := fields{b: r.payload, ok: true}
	shared := f.uvarint()
	suffix := f.bytes()
	size := f.varint()
	seconds := f.varint()
	nanos := f.uvarint()
	etag := f.bytes()
	version := f.bytes()
	flags := f.byte()
	if !f.ok || shared > uint64(len(r.key)) || nanos >= uint64(time.Second) {
		return o, false
	}
	r.payload = f.b
	r.key = append(r.key[:shared], suffix...)
	r.text = append(append(append(r.text[:0], r.key...), etag...), version...)
	text := string(r.text)
	k, e := len(r.key), len(r.key)+len(etag)
	return storage.Object{
		Key:       text[:k],
		Size:      size,
		ModTime:   time.Unix(seconds, int64(nanos)).UTC(),
		ETag:      text[k:e],
		VersionID: text[e:],

		Latest:        flags&latest != 0,
		DeleteMarker:  flags&deleteMarker != 0,
		Archived:      flags&archived != 0,
		MaybeArchived: flags&maybeArchived != 0,
	}, true
}

// fields decodes numbers and strings from b. After the first failure ok is false.
type fields struct {
	b  []byte
	ok bool
}

func (f *fields) uvarint() uint64 {
	v, n := binary.Uvarint(f.b)
	return advance(f, v, n)
}

func (f *fields) varint() int64 {
	v, n := binary.Varint(f.b)
	return advance(f, v, n)
}

func (f *fields) bytes() []byte {
	n := f.uvarint()
	if n > uint64(len(f.b)) {
		f.ok = false
		return nil
	}
	s := f.b[:n]
	f.b = f.b[n:]
	return s
}

func (f *fields) byte() byte {
	if len(f.b) == 0 {
		f.ok = false
		return 0
	}
	c := f.b[0]
	f.b = f.b[1:]
	return c
}

// advance skips the n bytes of a number. n <= 0 means that there was no number.
func advance[T int64 | uint64](f *fields, v T, n int) T {
	if n <= 0 {
		f.ok = false
		return 0
	}
	f.b = f.b[n:]
	return v
}

func damaged(how string) error { return fmt.Errorf("%w: %s", ErrDamaged, how) }
