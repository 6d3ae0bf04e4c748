package checksum

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/cespare/xxhash/v2"
	"github.com/minio/crc64nvme"
	"github.com/zeebo/xxh3"

	"s3sync/storage"
)

// An Algorithm is a digest that S3 keeps with objects. The functions of this package
// return zero values for an unknown Algorithm.
type Algorithm = storage.ChecksumAlgorithm

// The algorithms of S3.
const (
	CRC32     = storage.CRC32
	CRC32C    = storage.CRC32C
	CRC64NVME = storage.CRC64NVME
	SHA1      = storage.SHA1
	SHA256    = storage.SHA256
	SHA512    = storage.SHA512
	MD5       = storage.MD5
	XXHASH64  = storage.XXHASH64
	XXHASH3   = storage.XXHASH3
	XXHASH128 = storage.XXHASH128
)

// A Type says how the checksum of an object follows from those of its parts.
type Type = storage.ChecksumType

// The types of S3.
const (
	Composite  = storage.Composite
	FullObject = storage.FullObject
)

// maxSize is the size of the longest digest in bytes.
const maxSize = sha512.Size

// An algorithm is a row of the table of algorithms.
type algorithm struct {
	name Algorithm
	size int // of a digest, in bytes
	new  func() hash.Hash
	crc  *crc // nil if the digest of an object does not follow from those of its parts

	composite bool // S3 has composite checksums of this algorithm
}

//nolint:gochecknoglobals // a table
var algorithms = [...]algorithm{
	{CRC32, crc32.Size, func() hash.Hash { return crc32.NewIEEE() }, newCRC(32, crc32.IEEE, crc32.ChecksumIEEE), true},
	{CRC32C, crc32.Size, func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }, newCRC(32, crc32.Castagnoli, castagnoli), true},
	{CRC64NVME, crc64nvme.Size, func() hash.Hash { return crc64nvme.New() }, newCRC(64, crc64nvme.NVME, crc64nvme.Checksum), false},
	{SHA1, sha1.Size, sha1.New, nil, true},
	{SHA256, sha256.Size, sha256.New, nil, true},
	{SHA512, sha512.Size, sha512.New, nil, true},
	{MD5, md5.Size, md5.New, nil, true},
	{XXHASH64, 8, func() hash.Hash { return xxhash.New() }, nil, true},
	{XXHASH3, 8, func() hash.Hash { return xxh3.New() }, nil, true},
	{XXHASH128, 16, func() hash.Hash { return xxh3.New128() }, nil, true},
}

func castagnoli(p []byte) uint32 { return crc32.Checksum(p, crc32.MakeTable(crc32.Castagnoli)) }

// row returns the row of a, or nil if there is none.
func row(a Algorithm) *algorithm {
	for i := range algorithms {
		if algorithms[i].name == a {
			return &algorithms[i]
		}
	}
	return nil
}

// Algorithms returns all algorithms.
func Algorithms() []Algorithm {
	all := make([]Algorithm, len(algorithms))
	for i, a := range algorithms {
		all[i] = a.name
	}
	return all
}

// ParseAlgorithm returns the algorithm of that name, in capital letters as S3
// writes it, or false if there is none.
func ParseAlgorithm(name string) (Algorithm, bool) {
	a := Algorithm(name)
	return a, row(a) != nil
}

// Header returns the name of the HTTP header with the checksum of an object or
// a part, in lower case.
func Header(a Algorithm) string { return "x-amz-checksum-" + strings.ToLower(string(a)) }

// Size returns the size of a digest in bytes.
func Size(a Algorithm) int {
	if r := row(a); r != nil {
		return r.size
	}
	return 0
}

// Allows reports whether S3 has checksums of that type for objects written in parts.
// If it has both types, Composite is the default of S3.
func Allows(a Algorithm, t Type) bool {
	r := row(a)
	if r == nil {
		return false
	}
	switch t {
	case Composite:
		return r.composite
	case FullObject:
		return r.crc != nil
	default:
		return false
	}
}

// Digest returns the digest of p: the checksum of a part or of an object written
// whole, before it is encoded as base64.
func Digest(a Algorithm, p []byte) []byte {
	if r := row(a); r != nil {
		return r.digest(make([]byte, 0, r.size), p)
	}
	return nil
}

// begin returns a part without bytes.
func (a *algorithm) begin() *running {
	if a.crc != nil {
		return &running{}
	}
	return &running{hash: a.new()}
}

// digest appends the digest of p to b.
func (a *algorithm) digest(b, p []byte) []byte {
	if a.crc != nil {
		return a.crc.appendTo(b, a.crc.of(p))
	}
	h := a.new()
	_, _ = h.Write(p) // never fails, see hash.Hash
	return h.Sum(b)
}
