package parquet

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// maxPage bounds a page in memory. Writers make pages of about 1 MiB.
const maxPage = 128 << 20

// maxDictionary bounds the values of a dictionary, each of which takes some dozens of bytes.
// Writers end a dictionary at about 1 MiB.
const maxDictionary = 1 << 20

// Encodings of values.
const (
	encodingPlain           = 0
	encodingPlainDictionary = 2
	encodingRLE             = 3
	encodingRLEDictionary   = 8
)

// Kinds of pages.
const (
	pageData       = 0
	pageDictionary = 2
	pageDataV2     = 3
)

// A column reads the values of one column of a row group, page by page.
type column struct {
	leaf

	r     io.ReaderAt
	chunk chunk
	at    int64 // where the next page begins
	end   int64

	dictionary []Value

	// The current page.
	left    int64  // values that are not returned yet, with those that are null
	defined hybrid // 1 for a value that is there
	indexes *hybrid
	bits    *hybrid
	bit     int
	plain   []byte
}

func newColumn(r io.ReaderAt, l leaf, c chunk) (*column, error) {
	switch l.kind {
	case kindBoolean, kindInt32, kindInt64, kindByteArray:
	default:
		return nil, fmt.Errorf("%w: the column %q has type %d", ErrUnsupported, l.name, l.kind)
	}
	from := c.data
	if c.dictionary > 0 && c.dictionary < from {
		from = c.dictionary
	}
	if from < 0 || c.size < 0 {
		return nil, fmt.Errorf("%w: the place of column %q is not one", ErrDamaged, l.name)
	}
	return &column{leaf: l, r: r, chunk: c, at: from, end: from + c.size}, nil
}

// next returns the next value.
func (c *column) next() (Value, error) {
	for c.left == 0 {
		if err := c.readPage(); err != nil {
			return Value{}, err
		}
	}
	c.left--
	if c.optional {
		there, err := c.defined.next()
		if err != nil {
			return Value{}, err
		}
		if there == 0 {
			return Value{Null: true}, nil
		}
	}
	if c.indexes != nil {
		i, err := c.indexes.next()
		if err == nil && int(i) >= len(c.dictionary) {
			err = fmt.Errorf("%w: a value is not in the dictionary", ErrDamaged)
		}
		if err != nil {
			return Value{}, err
		}
		return c.dictionary[i], nil
	}
	if c.bits != nil {
		v, err := c.bits.next()
		return Value{Int: int64(v)}, err
	}
	return c.nextPlain()
}

var errShort = fmt.Errorf("%w: a page is too short", ErrDamaged)

// nextPlain returns the next value of a page in which values are one behind the other.
func (c *column) nextPlain() (Value, error) {
	v := Value{unit: c.unit}
	switch c.kind {
	case kindBoolean:
		if len(c.plain) == 0 {
			return v, errShort
		}
		v.Int = int64(c.plain[0] >> c.bit & 1)
		if c.bit++; c.bit == 8 {
			c.plain, c.bit = c.plain[1:], 0
		}
	case kindInt32:
		if len(c.plain) < 4 {
			return v, errShort
		}
		v.Int = int64(int32(binary.LittleEndian.Uint32(c.plain))) //nolint:gosec // it is a signed number
		c.plain = c.plain[4:]
	case kindInt64:
		if len(c.plain) < 8 {
			return v, errShort
		}
		v.Int = int64(binary.LittleEndian.Uint64(c.plain)) //nolint:gosec // it is a signed number
		c.plain = c.plain[8:]
	default:
		if len(c.plain) < 4 {
			return v, errShort
		}
		n := int64(binary.LittleEndian.Uint32(c.plain))
		c.plain = c.plain[4:]
		if n > int64(len(c.plain)) {
			return v, errShort
		}
		v.Text, c.plain = c.plain[:n:n], c.plain[n:]
	}
	return v, nil
}

// A header is that of a page.
type header struct {
	kind, uncompressed, compressed int64
	values, encoding               int64
	levels, repetitions            int64 // bytes of them, in pages of version 2
	whole                          bool  // in version 2: the values are not compressed
	size                           int64 // of the header itself
}

// maxHeader bounds the header of a page. Statistics hold values of the column.
const maxHeader = 1 << 20

// readHeader reads the header of the next page. How long it is, it does not say.
func (c *column) readHeader() (h header, err error) {
	for most := int64(512); ; most *= 8 {
		b := make([]byte, min(most, c.end-c.at))
		if n, err := c.r.ReadAt(b, c.at); n < len(b) {
			return h, errors.Join(errShort, err)
		}
		t := thrift{b: b}
		h = t.header()
		switch {
		case t.err == nil:
			h.size = int64(len(b) - len(t.b))
			return h, nil
		case most >= maxHeader || int64(len(b)) == c.end-c.at:
			return h, t.err
		}
	}
}

func (t *thrift) header() (h header) {
	numbers := func(of map[int16]*int64) {
		t.fields(func(id int16, typ byte) bool {
			if id == 7 && (typ == thriftTrue || typ == thriftFalse) {
				h.whole = typ == thriftFalse
				return true
			}
			to := of[id]
			if to == nil || typ != thriftI32 {
				return false
			}
			*to = t.int()
			return true
		})
	}
	t.fields(func(id int16, typ byte) bool {
		switch {
		case id == 1 && typ == thriftI32:
			h.kind = t.int()
		case id == 2 && typ == thriftI32:
			h.uncompressed = t.int()
		case id == 3 && typ == thriftI32:
			h.compressed = t.int()
		case (id == 5 || id == 7) && typ == thriftStruct:
			numbers(map[int16]*int64{1: &h.values, 2: &h.encoding})
		case id == 8 && typ == thriftStruct:
			numbers(map[int16]*int64{1: &h.values, 4: &h.encoding, 5: &h.levels, 6: &h.repetitions})
		default:
			return false
		}
		return true
	})
	return h
}

// readPage reads the next page.
func (c *column) readPage() error {
	if c.at >= c.end {
		return fmt.Errorf("%w: it has fewer values than rows", ErrDamaged)
	}
	h, err := c.readHeader()
	if err != nil {
		return err
	}
	c.at += h.size
	if h.compressed < 0 || h.uncompressed < 0 || h.compressed > c.end-c.at || h.values < 0 {
		return fmt.Errorf("%w: a page is longer than its column", ErrDamaged)
	}
	if h.compressed > maxPage || h.uncompressed > maxPage {
		return fmt.Errorf("%w: it has a page of %d bytes, and may have %d", ErrUnsupported, max(h.compressed, h.uncompressed), maxPage)
	}
	if h.kind != pageData && h.kind != pageDictionary && h.kind != pageDataV2 {
		c.at += h.compressed
		return nil
	}
	b := make([]byte, h.compressed)
	if n, err := c.r.ReadAt(b, c.at); n < len(b) {
		return errors.Join(errShort, err)
	}
	c.at += h.compressed
	switch h.kind {
	case pageDictionary:
		return c.setDictionary(h, b)
	case pageDataV2:
		return c.setPageV2(h, b)
	}
	return c.setPage(h, b)
}

func (c *column) setDictionary(h header, b []byte) error {
	b, err := decompress(c.chunk.codec, b, h.uncompressed)
	if err != nil {
		return err
	}
	switch {
	case h.encoding != encodingPlain && h.encoding != encodingPlainDictionary:
		return c.unsupported(h)
	case h.values > maxDictionary:
		return fmt.Errorf("%w: it has a dictionary of %d values, and may have %d", ErrUnsupported, h.values, maxDictionary)
	}
	c.plain, c.bit, c.dictionary = b, 0, nil
	for range h.values {
		v, err := c.nextPlain()
		if err != nil {
			return err
		}
		c.dictionary = append(c.dictionary, v)
	}
	return nil
}

// setPage makes a page of version 1 the current one. It begins with the levels, which
// have their length before them.
func (c *column) setPage(h header, b []byte) error {
	b, err := decompress(c.chunk.codec, b, h.uncompressed)
	if err != nil {
		return err
	}
	if c.optional {
		if len(b) < 4 {
			return errShort
		}
		n := int64(binary.LittleEndian.Uint32(b))
		if b = b[4:]; n > int64(len(b)) {
			return errShort
		}
		c.defined = hybrid{b: b[:n], width: 1}
		b = b[n:]
	}
	return c.setValues(h, b)
}

// setPageV2 makes a page of version 2 the current one, whose levels are not compressed.
func (c *column) setPageV2(h header, b []byte) error {
	if h.levels < 0 || h.repetitions < 0 || h.levels+h.repetitions > int64(len(b)) {
		return errShort
	}
	c.defined = hybrid{b: b[h.repetitions : h.repetitions+h.levels], width: 1}
	b = b[h.repetitions+h.levels:]
	if !h.whole {
		var err error
		if b, err = decompress(c.chunk.codec, b, h.uncompressed-h.levels-h.repetitions); err != nil {
			return err
		}
	}
	return c.setValues(h, b)
}

func (c *column) setValues(h header, b []byte) error {
	c.left, c.plain, c.bit, c.indexes, c.bits = h.values, nil, 0, nil, nil
	switch {
	case h.encoding == encodingPlain:
		c.plain = b
	case h.encoding == encodingPlainDictionary || h.encoding == encodingRLEDictionary:
		if len(b) == 0 { // all values are null
			c.indexes = &hybrid{}
			break
		}
		c.indexes = &hybrid{b: b[1:], width: int(b[0])}
	case h.encoding == encodingRLE && c.kind == kindBoolean:
		if len(b) < 4 {
			return errShort
		}
		c.bits = &hybrid{b: b[4:], width: 1} // behind its length
	default:
		return c.unsupported(h)
	}
	return nil
}

func (c *column) unsupported(h header) error {
	names := map[int64]string{
		4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 9: "BYTE_STREAM_SPLIT",
	}
	name := cmp.Or(names[h.encoding], fmt.Sprint("number ", h.encoding))
	return fmt.Errorf("%w: it has values in the encoding %s; PLAIN, PLAIN_DICTIONARY and RLE_DICTIONARY are supported, which S3 Inventory uses", ErrUnsupported, name)
}

// decompress returns the bytes of a page, of which there are size.
func decompress(codec int64, b []byte, size int64) (plain []byte, err error) {
	if size < 0 || size > maxPage {
		return nil, errShort
	}
	switch codec {
	case 0:
		plain = b
	case 1:
		var n int
		if n, err = snappy.DecodedLen(b); err == nil && int64(n) == size {
			plain, err = snappy.Decode(nil, b)
		}
	case 2:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			plain, err = io.ReadAll(io.LimitReader(z, size+1))
		}
	case 6:
		plain, err = unzstd(b)
	default:
		return nil, fmt.Errorf("%w: it is compressed by codec %d; snappy, gzip and zstd are supported", ErrUnsupported, codec)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: a page cannot be decompressed: %w", ErrDamaged, err)
	}
	if int64(len(plain)) != size {
		return nil, fmt.Errorf("%w: a page has another length than its header says", ErrDamaged)
	}
	return plain, nil
}

func unzstd(b []byte) ([]byte, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return z.DecodeAll(b, nil)
}
