// Package answer checks whether an answer comes from an S3 server and belongs to the
// request.
package answer

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// A success that a proxy made up, that was cut off, or that contains an error must never
// count as a success. Otherwise it would become a file, an object, or a deletion that was
// not made. The SDK accepts any body and any headers. So every answer with a status of
// success is checked before the SDK sees it. So is every answer that says that something
// does not exist or is not as expected: the caller may delete other objects because of
// it. A wrong one is a temporary failure, and the request is retried.

// An expectation is what a success of an operation must contain.
type expectation struct {
	// etag: the headers have an ETag.
	etag bool
	// length: the headers have the length that the body has, or would have.
	length bool
	// roots are the names that the document in the body may have. An empty name allows an
	// empty body. Without roots and without etag, there must be no body.
	roots []string
	// optional: servers that do not know the operation may refuse it in any form.
	optional bool
}

// expectations are those of the operations that are used. The content type is not
// checked: an object may have any, and documents do not always have that of XML. The
// second and later names of a document are those of rclone and s3proxy.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var expectations = map[string]expectation{ //nolint:gochecknoglobals // a table, never written to
	"GetObject":               {etag: true, length: true},
	"HeadObject":              {etag: true, length: true},
	"PutObject":               {etag: true},
	"UploadPart":              {etag: true},
	"DeleteObject":            {},
	"AbortMultipartUpload":    {},
	"PutObjectTagging":        {optional: true},
	"DeleteObjectTagging":     {optional: true},
	"CopyObject":              {roots: []string{"CopyObjectResult"}},
	"UploadPartCopy":          {roots: []string{"CopyPartResult", "CopyObjectResult"}},
	"CreateMultipartUpload":   {roots: []string{"InitiateMultipartUploadResult", "InitiateMultipartUpload"}},
	"CompleteMultipartUpload": {roots: []string{"CompleteMultipartUploadResult"}},
	"ListParts":               {roots: []string{"ListPartsResult"}},
	"ListMultipartUploads":    {roots: []string{"ListMultipartUploadsResult"}},
	"DeleteObjects":           {roots: []string{"DeleteResult"}, optional: true},
	"ListObjectsV2":           {roots: []string{"ListBucketResult"}},
	"ListObjectVersions":      {roots: []string{"ListVersionsResult", "ListBucketVersionsResult"}},
	"GetObjectTagging":        {roots: []string{"Tagging", ""}, optional: true}, // some servers return nothing if there are no tags
	"GetBucketVersioning":     {roots: []string{"VersioningConfiguration"}, optional: true},
	"CreateSession":           {roots: []string{"CreateSessionResult"}},
	// Only package doctor asks these, and nothing is deleted because of an answer.
	"HeadBucket":                 {optional: true},
	"GetObjectLockConfiguration": {roots: []string{"ObjectLockConfiguration"}, optional: true},
}

const (
	// MaxETag is the longest ETag that is taken for one, in bytes. Those of S3 have
	// 38 at most.
	MaxETag = 256
	// maxProlog bounds the bytes before the document in a body. A server may send blanks
	// until its answer is ready.
	maxProlog = 64 << 10
)

// A Checker checks the answers of one server. The zero value is for a server of which
// nothing is known yet. Its methods may be called concurrently.
type Checker struct {
	// namesRequests: a listing, or another document of the server, had a request ID
	// in its headers. withoutETags: its listings have no ETags.
	namesRequests, withoutETags atomic.Bool
	// seen: an answer was one of S3.
	seen atomic.Bool
}

// Seen reports whether the server ever answered as an S3 server does.
func (c *Checker) Seen() bool { return c.seen.Load() }

// NamesRequests reports whether the server was seen to name requests in its answers.
func (c *Checker) NamesRequests() bool { return c.namesRequests.Load() }

// WithoutETags reports whether ExpectNoETags was called.
func (c *Checker) WithoutETags() bool { return c.withoutETags.Load() }

// ExpectNoETags makes Check accept answers without ETags if they have a request ID.
func (c *Checker) ExpectNoETags() { c.withoutETags.Store(true) }

// Check fails if resp, whose status is a success, is no success of the operation. If its
// body is an error, Check sets the status of an error.
func (c *Checker) Check(operation string, resp *http.Response) error {
	err := c.check(operation, resp)
	if err == nil {
		c.see()
	}
	return err
}

// see writes only once, because many goroutines read it.
func (c *Checker) see() {
	if !c.seen.Load() {
		c.seen.Store(true)
	}
}

func (c *Checker) check(operation string, resp *http.Response) error {
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

// CheckRefusal fails if resp says that something does not exist or is not as expected,
// and does not come from an S3 server: it has neither a request ID nor an S3 error as its
// body. The answer to a HEAD has no body. It needs a request ID only if the server was seen
// to name requests. Other answers are not checked.
func (c *Checker) CheckRefusal(operation string, resp *http.Response) error {
	if HasRequestID(resp.Header) {
		c.see()
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusPreconditionFailed:
	case http.StatusBadRequest:
		return checkTLS(resp)
	default:
		return nil
	}
	head := operation == "HeadObject"
	if expectations[operation].optional || HasRequestID(resp.Header) || head && !c.namesRequests.Load() {
		return nil
	}
	root, err := peekRoot(resp)
	switch {
	case err != nil:
		return err
	case root == "Error":
		c.see()
		return nil
	case head:
		return notOfS3(operation, resp, noRequestID)
	}
	return notOfS3(operation, resp, fmt.Sprintf("status %d, and %s instead of <Error>", resp.StatusCode, found(root)))
}

// checkDocument is Check where an answer is a document.
func (c *Checker) checkDocument(operation string, resp *http.Response, roots []string) error {
	root, err := peekRoot(resp)
	switch {
	case err != nil:
		return err
	case root == "Error":
		resp.StatusCode = http.StatusInternalServerError // what the SDK makes of some of these
	case !slices.Contains(roots, root):
		return notOfS3(operation, resp, fmt.Sprintf("%s instead of <%s>", found(root), roots[0]))
	case HasRequestID(resp.Header):
		c.namesRequests.Store(true)
	case root == "" && c.namesRequests.Load():
		return notOfS3(operation, resp, noRequestID)
	}
	return nil
}

// checkETag is Check where an answer is known by its ETag.
func (c *Checker) checkETag(operation string, resp *http.Response, length bool) error {
	etag := strings.Trim(resp.Header.Get("ETag"), `"`)
	var why string
	switch id := HasRequestID(resp.Header); {
	case etag == "" && id && c.withoutETags.Load():
	case etag == "":
		why = "it has no ETag"
	case len(etag) > MaxETag:
		why = fmt.Sprintf("its ETag has %d bytes", len(etag))
	case !id && !IsDigest(etag) && c.namesRequests.Load():
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
	f.NoETag = etag == ""
	return f
}

// checkNoBody is Check where an answer has nothing in it.
func (c *Checker) checkNoBody(operation string, resp *http.Response) error {
	root, err := peekRoot(resp)
	switch {
	case err != nil:
		return err
	case root == "Error":
		resp.StatusCode = http.StatusInternalServerError
	case root != "":
		return notOfS3(operation, resp, found(root)+" instead of nothing")
	case c.namesRequests.Load() && !HasRequestID(resp.Header):
		return notOfS3(operation, resp, noRequestID)
	}
	return nil
}

const noRequestID = "it has no request ID, as others of this server have"

// notOfS3 is the failure of an answer that does not come from an S3 server.
func notOfS3(operation string, resp *http.Response, why string) *failure.Error {
	text := fmt.Sprintf("the answer to %s is not that of an S3 server: %s", operation, why)
	if typ := resp.Header.Get("Content-Type"); strings.HasPrefix(typ, "text/") {
		text += fmt.Sprintf(" (Content-Type %.40q; is there a proxy before the server?)", typ)
	}
	return &failure.Error{Kind: storage.ErrTransient, Text: text, Foreign: true}
}

// IsETag reports whether a text without quotes can be an ETag.
func IsETag(etag string) bool {
	return etag != "" && len(etag) <= MaxETag
}

// HasRequestID reports whether headers contain the ID of the request. S3 and most other
// servers send one, some of them in a header of their own.
func HasRequestID(h http.Header) bool {
	for name := range h {
		if name == "X-Amz-Id-2" || strings.HasSuffix(name, "-Request-Id") {
			return true
		}
	}
	return false
}

// noXML stands for the name of what is no document.
const noXML = "?"

// found names what a body holds instead of what was expected.
func found(root string) string {
	switch root {
	case "":
		return "it is empty"
	case noXML:
		return "it holds no XML"
	}
	return fmt.Sprintf("it holds <%.40s>", failure.OneLine(root))
}

// checkTLS fails if a server says, as the common ones do, that a request without TLS came
// to a port for TLS.
func checkTLS(resp *http.Response) error {
	if resp.Body == nil || resp.Request == nil || HasRequestID(resp.Header) { // S3 may repeat what somebody wrote
		return nil
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxProlog)) // who reads the body meets the error
	resp.Body = &peekedBody{Reader: io.MultiReader(bytes.NewReader(text), resp.Body), Closer: resp.Body}
	for _, says := range []string{
		"HTTP request to an HTTPS server",           // Go
		"plain HTTP request was sent to HTTPS port", // nginx
		"speaking plain HTTP to an SSL-enabled",     // Apache
	} {
		if bytes.Contains(text, []byte(says)) {
			return failure.Unusable("http://%s expects TLS (give a URL with https:// instead of http://)", resp.Request.URL.Host)
		}
	}
	return nil
}

// peekRoot returns the name of the document in the body of an answer. It is empty for an
// empty body, and noXML for anything that is no document. The body can still be read from
// its beginning. peekRoot fails if the body cannot be read.
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

// IsDigest reports whether an ETag has the form of MD5 digests: 32 hexadecimal
// digits, and -N for N parts.
func IsDigest(etag string) bool {
	sum, _, _ := strings.Cut(etag, "-")
	var digest [16]byte
	_, err := hex.Decode(digest[:], []byte(sum[:min(len(sum), 32)]))
	return err == nil && len(sum) == 32
}
