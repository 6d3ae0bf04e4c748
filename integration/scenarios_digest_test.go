package integration_test

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
)

// Digests as the S3 documentation defines them, computed with only the standard library
// and not with the product's code:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html

// etagOf returns the ETag of an object in parts of a size, or of one written whole if
// the size is 0.
func etagOf(data []byte, part int) string {
	if part == 0 {
		return hex.EncodeToString(digestOf(md5.New(), data))
	}
	sum, n := composite(md5.New(), data, part)
	return fmt.Sprintf("%x-%d", sum, n)
}

// value computes an additional checksum, like etagOf.
func (s checksumKind) value(data []byte, part int) string {
	h := s.hash()
	if part == 0 || s.full {
		return base64.StdEncoding.EncodeToString(digestOf(h, data))
	}
	sum, n := composite(h, data, part)
	return fmt.Sprint(base64.StdEncoding.EncodeToString(sum), "-", n)
}

// nvme is the polynomial of CRC-64/NVME in the bit order of package crc64.
const nvme = 0x9a6c9329ac4bc9b5

func (s checksumKind) hash() hash.Hash {
	switch s.algorithm {
	case types.ChecksumAlgorithmCrc32:
		return crc32.NewIEEE()
	case types.ChecksumAlgorithmCrc32c:
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case types.ChecksumAlgorithmCrc64nvme:
		return crc64.New(crc64.MakeTable(nvme))
	case types.ChecksumAlgorithmSha1:
		return sha1.New()
	default:
		return sha256.New()
	}
}

func digestOf(h hash.Hash, data []byte) []byte {
	h.Reset()
	_, _ = h.Write(data) // never fails
	return h.Sum(nil)
}

// composite returns the digest of the digests of the parts.
func composite(h hash.Hash, data []byte, part int) (digest []byte, parts int) {
	var all []byte
	for piece := range slices.Chunk(data, part) {
		all = append(all, digestOf(h, piece)...)
		parts++
	}
	return digestOf(h, all), parts
}

// TestDigests compares the functions above with independently computed values.
func TestDigests(t *testing.T) {
	t.Parallel()
	const mib, part = s3sync.MiB, 8 * s3sync.MiB
	zeros := func(n int) []byte { return make([]byte, n*mib) }
	kind := checksumKinds()
	for want, got := range map[string]string{
		"da6a0d097e307ac52ed9b4ad551801fc":               etagOf(zeros(6), 0),
		"d126ef08817d0490e207e456cb0ae080-2":             etagOf(zeros(9), part),
		"ebe97f2a4738800fe71edbe389c000a6-2":             etagOf(zeros(12), part),
		"9be3303e9a8d67a0f1e609fb7a29030a-4":             etagOf(zeros(30), part),
		"9ed977000dc166f25a9b9ef26fb3c3fc-1":             etagOf(zeros(8), part),
		"zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ+34As/NMwc=-2": kind["SHA256"].value(zeros(9), part),
		"FG7hVvyFjayJ8sgiubA6vZYD+V5rT3kub2C2iDOIW+w=-4": kind["SHA256"].value(zeros(30), part),
		"YyFLrQ==":     kind["CRC32 of all"].value(zeros(9), part),
		"A0o2bA==-2":   kind["CRC32"].value(zeros(9), part),
		"ef6o8Q==-4":   kind["CRC32"].value(zeros(50), 17179870),
		"Gs/MBw==":     kind["CRC32C of all"].value(zeros(9), part),
		"AAAAAA==":     kind["CRC32C"].value(nil, 0),
		"1q6/IYHP8XY=": kind["CRC64NVME"].value(zeros(9), part),
		"ZfX5vT9m/o8=": kind["CRC64NVME"].value(zeros(50), part),
		"rosUhgp5mIg=": kind["CRC64NVME"].value([]byte("123456789"), 0),
		"y/U6HA==":     kind["CRC32"].value([]byte("12345"), 0),
		"WZRHGrsBESr8wYFZ9sx0tPURuZgG2lmzyvWpwXPKz8U=": kind["SHA256"].value([]byte("12345"), 0),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
