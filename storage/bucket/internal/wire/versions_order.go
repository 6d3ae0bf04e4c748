package wire

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// An elementTag is the start tag of an entry of a listing of versions.
type elementTag string

const (
	versionTag elementTag = "<Version>"
	markerTag  elementTag = "<DeleteMarker>"
)

// entryTags finds the start tags of the entries of a listing of versions, in
// their order, as the body of the answer is read. They cannot be anything else
// there: text holds no "<".
type entryTags struct {
	tags []elementTag
}

// watch adds it to a request. Each attempt begins anew.
func (e *entryTags) watch(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:EntryTags",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
				middleware.DeserializeOutput, middleware.Metadata, error,
			) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && resp.Body != nil {
					e.tags = nil
					resp.Body = &tagReader{ReadCloser: resp.Body, found: e}
				}
				return out, metadata, err
			}), middleware.After) // the first to see the answer
	})
}

// A tagReader passes a body on and looks at it.
type tagReader struct {
	io.ReadCloser

	found *entryTags
	tail  []byte // what was read last, in which a tag may have begun
}

func (r *tagReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.tail = r.found.scan(append(r.tail, p[:n]...))
	return n, err
}

// scan notes the tags in text and returns what must be looked at together with
// the text that follows.
func (e *entryTags) scan(text []byte) []byte {
	for {
		i := bytes.IndexByte(text, '<')
		if i < 0 {
			return nil
		}
		text = text[i:]
		if end := bytes.IndexByte(text, '>'); end < 0 {
			if len(text) > len(markerTag) {
				return nil // it is neither
			}
			return bytes.Clone(text)
		}
		for _, tag := range []elementTag{versionTag, markerTag} {
			if bytes.HasPrefix(text, []byte(tag)) {
				e.tags = append(e.tags, tag)
			}
		}
		text = text[1:]
	}
}
