package bucket

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
)

// Whether an answer is what was asked for. A success that a proxy made up, that
// was cut off, or that holds an error, must never pass for one: what it says would
// become a file, an object, or a deletion that was not made. The SDK takes any
// body and any headers. So every answer with a status of success is looked at
// before the SDK sees it. What is none is a failure that may pass, and the request
// is made again like any other.

// An expectation is by what a success of an operation is known.
type expectation struct {
	// etag: the headers have an ETag.
	etag bool
	// length: the headers tell how long the body is, or would be.
	length bool
	// roots are the names that the document in the body may have, an empty one if
	// there may be none; without any, and without etag, there is no body.
	roots []string
}

// expectations are those of the operations that are used. The content type does
// not tell: that of an object may be any, and that of a document is not always
// XML's. Names of documents behind the first are those of other servers, of rclone
// and s3proxy.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var expectations = map[string]expectation{ //nolint:gochecknoglobals // a table, never written to
	"GetObject":               {etag: true, length: true},
	"HeadObject":              {etag: true, length: true},
	"PutObject":               {etag: true},
	"UploadPart":              {etag: true},
	"DeleteObject":            {},
	"AbortMultipartUpload":    {},
	"PutObjectTagging":        {},
	"DeleteObjectTagging":     {},
	"CopyObject":              {roots: []string{"CopyObjectResult"}},
	"UploadPartCopy":          {roots: []string{"CopyPartResult", "CopyObjectResult"}},
	"CreateMultipartUpload":   {roots: []string{"InitiateMultipartUploadResult", "InitiateMultipartUpload"}},
	"CompleteMultipartUpload": {roots: []string{"CompleteMultipartUploadResult"}},
	"DeleteObjects":           {roots: []string{"DeleteResult"}},
	"ListObjectsV2":           {roots: []string{"ListBucketResult"}},
	"ListObjectVersions":      {roots: []string{"ListVersionsResult", "ListBucketVersionsResult"}},
	"GetObjectTagging":        {roots: []string{"Tagging", ""}}, // see emptyTags
	"GetBucketVersioning":     {roots: []string{"VersioningConfiguration"}},
	"CreateSession":           {roots: []string{"CreateSessionResult"}},
}

const (
	// maxETag is the longest ETag that is taken for one, in bytes. Those of S3 have
	// 38 at most.
	maxETag = 256
	// maxProlog is how far into a body its document must begin, in bytes. While a
	// server works it may send blanks.
	maxProlog = 64 << 10
)

// checkAnswers adds the look at every answer to a stack. It stands next to the
// transport.
func (c *client) checkAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:Answers",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if err != nil || !ok || resp.StatusCode < 200 || resp.StatusCode > 299 {
				return out, metadata, err
			}
			if err := c.checkAnswer(awsmiddleware.GetOperationName(ctx), resp.Response); err != nil {
				if resp.Body != nil {
					_ = resp.Body.Close() // nobody wants the rest
				}
				return out, metadata, err
			}
			return out, metadata, nil
		}), middleware.After)
}

// checkAnswer fails if resp is no success of the operation. An answer that is an
// error in spite of its status gets the status of one.
func (c *client) checkAnswer(operation string, resp *http.Response) error {
	want, ok := expectations[operation]
	if !ok {
		return fmt.Errorf("nothing is known of the answers to %s", operation)
	}
	switch {
	case len(want.roots) > 0:
		return c.checkDocument(operation, resp, want.roots)
	case want.etag:
		return c.checkETag(operation, resp, want.length)
	}
	return c.checkNoBody(operation, resp)
}

// checkDocument is checkAnswer where an answer is a document.
func (c *client) checkDocument(operation string, resp *http.Response, roots []string) error {
	root, err := peekRoot(resp)
	switch {
	case err != nil:
		return err
	case root == "Error":
		resp.StatusCode = http.StatusInternalServerError // what the SDK makes of some of these
	case !slices.Contains(roots, root):
		return notOfS3(operation, resp, fmt.Sprintf("%s instead of <%s>", found(root), roots[0]))
	case hasRequestID(resp.Header):
		c.namesRequests.Store(true)
	case root == "" && c.namesRequests.Load():
		return notOfS3(operation, resp, noRequestID)
	}
	return nil
}

// checkETag is checkAnswer where an answer is known by its ETag.
func (c *client) checkETag(operation string, resp *http.Response, length bool) error {
	etag := strings.Trim(resp.Header.Get("ETag"), `"`)
	var why string
	switch id := hasRequestID(resp.Header); {
	case etag == "" && id && c.withoutETags.Load():
	case etag == "":
		why = "it has no ETag"
	case len(etag) > maxETag:
		why = fmt.Sprintf("its ETag has %d bytes", len(etag))
	case !id && !isDigest(etag) && c.namesRequests.Load():
		why = noRequestID + ", and no ETag of S3"
	}
	if why == "" && length && resp.ContentLength < 0 {
		why = "it does not tell the size of the object"
	}
	if why == "" {
		return nil
	}
	if root, err := peekRoot(resp); err == nil && root == "Error" {
		resp.StatusCode = http.StatusInternalServerError
		return nil
	}
	f := notOfS3(operation, resp, why)
	f.noETag = etag == ""
	return f
}

// checkNoBody is checkAnswer where an answer has nothing in it.
func (c *client) checkNoBody(operation string, resp *http.Response) error {
	root, err := peekRoot(resp)
	switch {
	case err != nil:
		return err
	case root == "Error":
		resp.StatusCode = http.StatusInternalServerError
	case root != "":
		return notOfS3(operation, resp, found(root)+" instead of nothing")
	case c.namesRequests.Load() && !hasRequestID(resp.Header):
		return notOfS3(operation, resp, noRequestID)
	}
	return nil
}

const noRequestID = "it has no request ID, as others of this server have"

// notOfS3 is the failure of an answer that is none of an S3 server.
func notOfS3(operation string, resp *http.Response, why string) *failure {
	text := fmt.Sprintf("the answer to %s is none of an S3 server: %s", operation, why)
	if typ := resp.Header.Get("Content-Type"); strings.HasPrefix(typ, "text/") {
		text += fmt.Sprintf(" (Content-Type %.40q; is there a proxy before the server?)", typ)
	}
	return &failure{kind: storage.ErrTransient, text: text, foreign: true}
}

// isETag reports whether a document tells an ETag.
func isETag(told *string) bool {
	etag := unquoted(told)
	return etag != "" && len(etag) <= maxETag
}

// isForeign reports whether a request failed for an answer that was none of an S3
// server, so that it is not known what became of it.
func isForeign(err error) bool {
	f, ok := errors.AsType[*failure](err)
	return ok && f.foreign
}

// hasRequestID reports whether headers name the request, as S3 and most other
// servers do, some by a name of their own.
func hasRequestID(h http.Header) bool {
	for name := range h {
		if name == "X-Amz-Id-2" || strings.HasSuffix(name, "-Request-Id") {
			return true
		}
	}
	return false
}

// noXML stands for the name of what is no document.
const noXML = "?"

// found is what a body holds instead of what was expected.
func found(root string) string {
	switch root {
	case "":
		return "it is empty"
	case noXML:
		return "it holds no XML"
	}
	return fmt.Sprintf("it holds <%.40s>", oneLine(root))
}

// peekRoot returns the name of the document that the body of an answer holds:
// empty if there is nothing in it, noXML if there is something else. It leaves the
// body as it was. It fails where the body cannot be read.
func peekRoot(resp *http.Response) (string, error) {
	if resp.Body == nil || resp.Body == http.NoBody {
		return "", nil
	}
	var read bytes.Buffer
	root, err := rootOf(xml.NewDecoder(io.TeeReader(io.LimitReader(resp.Body, maxProlog), &read)))
	resp.Body = &peekedBody{Reader: io.MultiReader(&read, resp.Body), Closer: resp.Body}
	return root, err
}

// rootOf reads up to the start tag of a document, for peekRoot.
func rootOf(d *xml.Decoder) (string, error) {
	for {
		token, err := d.Token()
		switch token := token.(type) {
		case xml.StartElement:
			return token.Name.Local, nil
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return noXML, nil
			}
		}
		_, syntax := errors.AsType[*xml.SyntaxError](err)
		switch {
		case errors.Is(err, io.EOF):
			return "", nil
		case syntax:
			return noXML, nil
		case err != nil:
			return "", err
		}
	}
}

// A peekedBody is a body of which some was read in advance.
type peekedBody struct {
	io.Reader
	io.Closer
}
