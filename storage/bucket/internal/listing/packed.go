package listing

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"time"

	"s3sync/storage"
)

// A packed page is a page that waits for the consumer. It needs about a quarter of the
// memory of its objects, and no pointers in it have to be followed by the garbage collector.
//
// A record is the flags, how many bytes the key has in common with the one before, the rest
// of the key, the ETag, the version ID if there is one, the size, and the time, in seconds
// after the one before and nanoseconds. The texts are behind their lengths. An ETag of S3
// is the bytes that its digits stand for, and the number of parts.
type packed struct {
	records []byte
	n       int // objects
	text    int // bytes of all texts
	// whole are the objects that records cannot hold.
	whole []storage.Object
}

// Flags of a record.
const (
	isLatest byte = 1 << iota
	isMarker
	isArchived
	isMaybeArchived
	hasDigest // the ETag is one of S3
	hasParts  // of an upload in parts
	hasVersion
	isWhole // the object is the next one of packed.whole
)

// digestSize is how many bytes the digits of an ETag stand for.
const digestSize = 16

// pack makes a packed page of objects. They are not needed any more.
func pack(objects []storage.Object) packed {
	p := packed{n: len(objects)}
	memory, ok := scratch.Get().(*[]byte)
	if !ok {
		memory = new([]byte)
	}
	defer scratch.Put(memory)
	b := (*memory)[:0]
	last, seconds := "", int64(0)
	for i := range objects {
		o := &objects[i]
		at := o.ModTime.Unix()
		if time.Unix(at, int64(o.ModTime.Nanosecond())).UTC() != o.ModTime {
			// It is another form of a time, or another zone.
			b = append(b, isWhole)
			p.whole = append(p.whole, clone(*o))
			continue
		}
		start := len(b)
		b = append(b, flagsOf(o))
		shared := common(last, o.Key)
		b = binary.AppendUvarint(b, uint64(shared)) //nolint:gosec // a length
		b = appendText(b, o.Key[shared:])
		b = appendETag(b, start, o.ETag)
		if o.VersionID != "" {
			b = appendText(b, o.VersionID)
		}
		b = binary.AppendVarint(b, o.Size)
		b = binary.AppendVarint(b, at-seconds)
		b = binary.AppendUvarint(b, uint64(o.ModTime.Nanosecond())) //nolint:gosec // below 1e9
		last, seconds = o.Key, at
		p.text += len(o.Key) + len(o.ETag) + len(o.VersionID)
	}
	p.records, *memory = bytes.Clone(b), b
	return p
}

// scratch holds memory in which pages are packed: *[]byte.
var scratch sync.Pool //nolint:gochecknoglobals // memory is no state

// clone makes an object that keeps nothing of its page in memory.
func clone(o storage.Object) storage.Object {
	o.Key, o.ETag, o.VersionID = strings.Clone(o.Key), strings.Clone(o.ETag), strings.Clone(o.VersionID)
	return o
}

func flagsOf(o *storage.Object) (flags byte) {
	for _, f := range [...]struct {
		is   bool
		flag byte
	}{{o.Latest, isLatest}, {o.DeleteMarker, isMarker}, {o.Archived, isArchived}, {o.MaybeArchived, isMaybeArchived}, {o.VersionID != "", hasVersion}} {
		if f.is {
			flags |= f.flag
		}
	}
	return flags
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// appendETag appends an ETag, and sets the flags of the record that begins at start.
func appendETag(b []byte, start int, etag string) []byte {
	if len(etag) < 2*digestSize {
		return appendText(b, etag)
	}
	from := len(b)
	for i := 0; i < 2*digestSize; i += 2 {
		high, low := lowHex[etag[i]], lowHex[etag[i+1]]
		if high|low > 0xF {
			return appendText(b[:from], etag)
		}
		b = append(b, high<<4|low)
	}
	rest := etag[2*digestSize:]
	if rest == "" {
		b[start] |= hasDigest
		return b
	}
	parts, err := strconv.ParseUint(rest[1:], 10, 32)
	if err != nil || rest[0] != '-' || rest[1] == '0' || rest[1] == '+' {
		return appendText(b[:from], etag)
	}
	b[start] |= hasDigest | hasParts
	return binary.AppendUvarint(b, parts)
}

// lowHex holds the values of the digits that ETags of S3 have. All others are above.
var lowHex = func() (values [256]byte) { //nolint:gochecknoglobals // a table, never written to
	for i := range values {
		values[i] = 0xFF
	}
	for i, digit := range "0123456789abcdef" {
		values[digit] = byte(i)
	}
	return values
}()

// size is its memory in bytes.
func (p *packed) size() int { return cap(p.records) + bytesOf(p.whole) }

// appendTo appends the objects to those of a slice. Their texts share memory.
func (p *packed) appendTo(objects []storage.Object) []storage.Object {
	r := reader{b: p.records}
	r.text.Grow(p.text)
	whole, seconds := p.whole, int64(0)
	key := ""
	for range p.n {
		flags := r.byte()
		if flags&isWhole != 0 {
			objects, whole = append(objects, whole[0]), whole[1:]
			continue
		}
		key = r.joined(key[:r.uvarint()])
		etag := r.etag(flags)
		version := ""
		if flags&hasVersion != 0 {
			version = r.joined("")
		}
		size := r.varint()
		seconds += r.varint()
		objects = append(objects, storage.Object{
			Key: key, Size: size, ModTime: time.Unix(seconds, int64(r.uvarint())).UTC(), //nolint:gosec // below 1e9
			ETag: etag, VersionID: version,
			Latest: flags&isLatest != 0, DeleteMarker: flags&isMarker != 0,
			Archived: flags&isArchived != 0, MaybeArchived: flags&isMaybeArchived != 0,
		})
	}
	return objects
}

// A reader reads records, and collects their texts. These never grow beyond the memory
// that they were given at the beginning, so a text stays where it was written.
type reader struct {
	b    []byte
	at   int
	text strings.Builder
}

func (r *reader) byte() byte {
	c := r.b[r.at]
	r.at++
	return c
}

func (r *reader) uvarint() uint64 {
	if c := r.b[r.at]; c < 0x80 {
		r.at++
		return uint64(c)
	}
	v, n := binary.Uvarint(r.b[r.at:])
	r.at += n
	return v
}

func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// next reads n bytes.
func (r *reader) next(n int) []byte {
	r.at += n
	return r.b[r.at-n : r.at]
}

// joined reads a text, which comes behind a beginning.
func (r *reader) joined(beginning string) string {
	from := r.text.Len()
	r.text.WriteString(beginning)
	r.text.Write(r.next(int(r.uvarint()))) //nolint:gosec // the length of a text
	return r.text.String()[from:]
}

func (r *reader) etag(flags byte) string {
	if flags&hasDigest == 0 {
		return r.joined("")
	}
	var digits [2*digestSize + len("-4294967295")]byte
	hex.Encode(digits[:], r.next(digestSize))
	etag := digits[:2*digestSize]
	if flags&hasParts != 0 {
		etag = strconv.AppendUint(append(etag, '-'), r.uvarint(), 10)
	}
	from := r.text.Len()
	r.text.Write(etag)
	return r.text.String()[from:]
}

// common returns how many bytes two texts have in common at their beginning.
func common(a, b string) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if diff := word(a[i:]) ^ word(b[i:]); diff != 0 {
			return i + bits.TrailingZeros64(diff)/8
		}
	}
	for ; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// word is the first eight bytes of a text, the first one in the lowest place.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
