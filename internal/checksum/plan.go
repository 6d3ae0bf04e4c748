package checksum

import "slices"

// MaxParts is the largest number of parts of a multipart upload.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const MaxParts = 10_000

const mib = 1 << 20

// Plan returns the part size with which an object of size bytes fits into maxParts
// parts. It is chunk, or, if that gives too many parts, the smallest whole number of
// MiB that is large enough. A maxParts of 0 is no limit.
func Plan(size, chunk int64, maxParts int) int64 {
	chunk = max(chunk, 1)
	if maxParts <= 0 || ceilDiv(size, chunk) <= int64(maxParts) {
		return chunk
	}
	return roundUp(ceilDiv(size, int64(maxParts)), mib)
}

// commonParts are default part sizes of common tools, in MiB.
//
//nolint:gochecknoglobals // a table
var commonParts = [...]int64{8, 5, 16, 64, 10, 15, 50, 100, 32, 128, 25, 256, 512, 20, 24, 40, 48, 80, 96, 160, 192, 320, 640, 1024, 2048, 4096, 5120}

// consolePart is the part size, in bytes, of uploads with the web console of S3.
const consolePart = 17_179_870

// GuessLayouts returns part sizes that split an object of size bytes into exactly that
// number of parts in [Uniform]. The likelier ones come first: the configured size, the
// sizes that tools commonly use, and the sizes of tools that divide the object evenly.
// No size is repeated. There is none if no uniform layout has that number of parts.
func GuessLayouts(size int64, parts int, configured int64) []int64 {
	if parts < 1 || size < 0 || int64(parts) > max(size, 1) {
		return nil
	}
	if parts == 1 {
		return []int64{size}
	}
	var guesses []int64
	try := func(c int64) {
		if c > 0 && ceilDiv(size, c) == int64(parts) && !slices.Contains(guesses, c) {
			guesses = append(guesses, c)
		}
	}
	try(configured)
	for _, c := range commonParts {
		try(c * mib)
	}
	try(consolePart)
	even := ceilDiv(size, int64(parts))
	try(roundUp(even, mib))
	try(Plan(size, configured, MaxParts))
	try(even)
	return guesses
}

// ParseETag reports whether etag, without quotes, has the form of a digest: 32
// hexadecimal digits, and "-N" for an object written in N parts. parts is 0 if "-N" is
// missing. An ETag of any other form says nothing about the content.
func ParseETag(etag string) (parts int, ok bool) {
	const digits = 32
	if len(etag) < digits {
		return 0, false
	}
	for _, c := range []byte(etag[:digits]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return 0, false
		}
	}
	return parseParts(etag[digits:])
}

func ceilDiv(a, b int64) int64 {
	if a <= 0 {
		return 0
	}
	return (a-1)/b + 1
}

func roundUp(n, unit int64) int64 { return ceilDiv(n, unit) * unit }
