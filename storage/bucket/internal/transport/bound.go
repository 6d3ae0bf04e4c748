package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"s3sync/storage/bucket/internal/failure"
)

// Bounds of what a server may answer. S3 puts no more entries on a page than it
// is asked for, and never more than 1,000; others may put ten times as many. A key
// has 1,024 bytes, three times as many in URL encoding. An entry has about 16 tags,
// and twice as many with all that S3 can tell of it.
const (
	maxEntries   = 10_000
	maxEntry     = 4 << 10 // bytes
	maxTags      = 16 * maxEntries
	maxEntryTags = 32
	maxAnswer    = 8 << 20 // bytes of what is neither a page nor an object
	maxComplain  = 1 << 20 // bytes of what a server says of a failure
)

// A bound is how large an answer may be; the zero value is none. Tags bound what is
// made of its bytes.
type bound struct {
	bytes, tags int
	// cut ends a larger answer, as if that were all.
	cut bool
}

// boundOf is that of an answer. Pages of listings were asked to have pageSize
// entries.
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

// of bounds a body.
func (b bound) of(operation string, body io.ReadCloser) io.ReadCloser {
	if b == (bound{}) {
		return body
	}
	return &boundedBody{ReadCloser: body, left: b, operation: operation}
}

// A boundedBody is an answer that must not become larger. Nothing of it needs to be
// kept to see that it does.
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
