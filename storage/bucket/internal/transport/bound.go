package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"s3sync/storage/bucket/internal/failure"
)

// Bounds of the answers of a server. A page of S3 has at most the requested number of
// entries, and at most 1,000. Other servers may return ten times as many. A key has 1,024
// bytes, three times as many in URL encoding. An entry has about 16 XML tags, and twice
// as many with all optional attributes.
const (
	maxEntries   = 10_000
	maxEntry     = 4 << 10 // bytes
	maxTags      = 16 * maxEntries
	maxEntryTags = 32
	maxAnswer    = 8 << 20 // bytes of what is neither a page nor an object
	maxComplain  = 1 << 20 // bytes of what a server says of a failure
)

// A bound is how large an answer may be. The zero value is no bound. The number of XML
// tags bounds the memory of the decoded answer.
type bound struct {
	bytes, tags int
	// cut ends a larger answer at the bound, without an error.
	cut bool
}

// boundOf returns the bound of an answer. pageSize is the number of entries that listings
// ask for.
func boundOf(operation string, status, pageSize int) bound {
	switch {
	case status >= http.StatusMultipleChoices:
		return bound{bytes: maxComplain, tags: maxTags, cut: true}
	case operation == "GetObject":
		return bound{}
	case operation == "ListObjectsV2", operation == "ListObjectVersions":
		return bound{bytes: maxEntry * max(maxEntries, pageSize), tags: max(maxTags, maxEntryTags*pageSize)}
	}
	return bound{bytes: maxAnswer, tags: maxTags}
}

// A boundedBody is a body with a bound. It keeps nothing of the body.
type boundedBody struct {
	io.ReadCloser

	left      bound
	operation string
}

func (b *boundedBody) Read(p []byte) (int, error) {
	switch {
	case b.left.bytes >= 0 && b.left.tags >= 0:
	case b.left.cut:
		return 0, io.EOF
	default:
		return 0, &failure.Error{Text: fmt.Sprintf("the server's answer to %s is larger than any of S3 can be: it is not read to its end", b.operation)}
	}
	n, err := b.ReadCloser.Read(p)
	b.left.bytes -= n
	b.left.tags -= bytes.Count(p[:n], []byte("<"))
	return n, err
}
