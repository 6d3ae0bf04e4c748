package directoryserver

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// nvme is the polynomial of CRC64NVME with its bits reversed.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
const nvme = 0x9a6c9329ac4bc9b5

// defaultAlgorithm is the algorithm for objects without a checksum.
const defaultAlgorithm = "CRC64NVME"

const (
	fullObject = "FULL_OBJECT"
	composite  = "COMPOSITE"
)

// newHash returns the hash of an algorithm, or nil. It does not use the package with
// which s3sync computes checksums.
func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "CRC32":
		return crc32.NewIEEE()
	case "CRC32C":
		return crc32.New(crc32.MakeTable(crc32.Castagnoli))
	case "CRC64NVME":
		return crc64.New(crc64.MakeTable(nvme))
	case "SHA1":
		return sha1.New()
	case "SHA256":
		return sha256.New()
	}
	return nil
}

func algorithms() []string { return []string{"CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} }

func digest(algorithm string, data []byte) []byte {
	h := newHash(algorithm)
	_, _ = h.Write(data) // a hash does not fail
	return h.Sum(nil)
}

func encode(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// checksums are the checksums of an object or a part.
type checksums struct {
	values map[string]string // by algorithm
	typ    string
}

func headerOf(algorithm string) string { return "X-Amz-Checksum-" + strings.ToLower(algorithm) }

// checksumsOf compares the checksums in the headers of a request with its body. If
// there are none and orDefault is set, it computes the default one.
func checksumsOf(h http.Header, data []byte, orDefault bool) (checksums, error) {
	c := checksums{values: map[string]string{}, typ: fullObject}
	for _, algorithm := range algorithms() {
		value := h.Get(headerOf(algorithm))
		if value == "" {
			continue
		}
		if want := encode(digest(algorithm, data)); value != want {
			return c, refuse(http.StatusBadRequest, "BadDigest", "The %s is %s and not %s.", algorithm, want, value)
		}
		c.values[algorithm] = value
	}
	if len(c.values) == 0 && orDefault {
		c.values[defaultAlgorithm] = encode(digest(defaultAlgorithm, data))
	}
	return c, nil
}

func (c checksums) answer(h http.Header) {
	for algorithm, value := range c.values {
		h.Set(headerOf(algorithm), value)
		h.Set("X-Amz-Checksum-Type", c.typ)
	}
}

// xml returns the checksums as elements.
func (c checksums) xml() string {
	var b strings.Builder
	for algorithm, value := range c.values {
		fmt.Fprintf(&b, "<Checksum%s>%s</Checksum%s><ChecksumType>%s</ChecksumType>", algorithm, value, algorithm, c.typ)
	}
	return b.String()
}

// compose returns the checksum of an object in parts.
func compose(algorithm, typ string, parts [][]byte) checksums {
	c := checksums{values: map[string]string{}, typ: typ}
	if typ == fullObject {
		c.values[algorithm] = encode(digest(algorithm, bytes.Join(parts, nil)))
		return c
	}
	var sums []byte
	for _, p := range parts {
		sums = append(sums, digest(algorithm, p)...)
	}
	c.values[algorithm] = fmt.Sprintf("%s-%d", encode(digest(algorithm, sums)), len(parts))
	return c
}
