package storage

import "slices"

// A ChecksumAlgorithm is a digest that S3 can keep with an object as an
// additional checksum, by the name that S3 gives it.
type ChecksumAlgorithm string

// The algorithms of S3. The digests of CRCs and xxHashes are in big-endian
// order, and xxHashes have the seed 0.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Checksum.html
const (
	CRC32     ChecksumAlgorithm = "CRC32"
	CRC32C    ChecksumAlgorithm = "CRC32C"
	CRC64NVME ChecksumAlgorithm = "CRC64NVME"
	SHA1      ChecksumAlgorithm = "SHA1"
	SHA256    ChecksumAlgorithm = "SHA256"
	SHA512    ChecksumAlgorithm = "SHA512"
	MD5       ChecksumAlgorithm = "MD5"
	XXHASH64  ChecksumAlgorithm = "XXHASH64"  // XXH64
	XXHASH3   ChecksumAlgorithm = "XXHASH3"   // XXH3 of 64 bits
	XXHASH128 ChecksumAlgorithm = "XXHASH128" // XXH3 of 128 bits
)

// A ChecksumType is how the checksum of an object in parts is computed. The checksum of an
// object that was written whole is the digest of its bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
type ChecksumType string

const (
	// Composite is the digest of the concatenated digests of the parts. It
	// depends on the sizes of the parts.
	Composite ChecksumType = "COMPOSITE"
	// FullObject is the digest of all bytes. S3 has it only for algorithms
	// that can compute it from the digests of the parts.
	FullObject ChecksumType = "FULL_OBJECT"
)

// A Checksum is an additional checksum that a store keeps with an object.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
type Checksum struct {
	Algorithm ChecksumAlgorithm
	// Value is base64 of the digest, followed by "-N" if it is the digest of
	// the digests of N parts.
	Value string
	// Type is empty if the store did not say.
	Type ChecksumType
}

// Checksum returns the additional checksum of an algorithm, or false if the store did not
// return one.
func (i *Info) Checksum(a ChecksumAlgorithm) (Checksum, bool) {
	n := slices.IndexFunc(i.Checksums, func(c Checksum) bool { return c.Algorithm == a })
	if n < 0 {
		return Checksum{}, false
	}
	return i.Checksums[n], true
}
