package checksum

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"
)

// An ETag computes the ETag of one object in one layout from bytes that arrive
// in any order. MD5 is sequential inside a part, so a write waits for the bytes
// before it in the same part; different parts are hashed at the same time. Its
// methods may be called concurrently.
type ETag struct{ lanes }

// NewETag returns an ETag without bytes.
func NewETag(layout Layout) *ETag {
	e := &ETag{}
	e.Begin(layout)
	return e
}

// Begin makes e, which nobody uses, an ETag without bytes. An ETag must not be copied.
func (e *ETag) Begin(layout Layout) {
	*e = ETag{}
	e.start(row(MD5), layout)
}

// SetPart sets the digest of the whole part i, counted from 0, in place of its bytes.
// It fails if the part already has other bytes or another digest.
func (e *ETag) SetPart(i int, sum [md5.Size]byte) error { return e.setPart(i, sum[:]) }

// PartSum returns the digest of part i, counted from 0, or false if bytes of it are
// missing.
func (e *ETag) PartSum(i int) (sum [md5.Size]byte, ok bool) {
	digest, ok := e.partSum(i)
	copy(sum[:], digest)
	return sum, ok
}

// Sum returns the ETag without quotes. It fails if bytes are missing.
func (e *ETag) Sum() (string, error) {
	var text [maxETag]byte
	sum, err := e.appendTo(text[:0])
	return string(sum), err
}

// Matches reports whether etag is the ETag, without quotes and with small letters. It
// fails if bytes are missing.
func (e *ETag) Matches(etag string) (bool, error) {
	var text [maxETag]byte
	sum, err := e.appendTo(text[:0])
	return err == nil && string(sum) == etag, err
}

// maxETag is the length of the longest ETag.
const maxETag = 2*md5.Size + len("-10000")

func (e *ETag) appendTo(text []byte) ([]byte, error) {
	digest, err := e.composite()
	if err != nil {
		return nil, err
	}
	text = hex.AppendEncode(text, digest)
	if e.layout.multipart {
		text = strconv.AppendInt(append(text, '-'), int64(e.layout.Len()), 10)
	}
	return text, nil
}
