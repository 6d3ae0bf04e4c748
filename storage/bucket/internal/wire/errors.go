package wire

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strings"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/smithy-go"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/transport"
)

// A translator turns errors of the SDK and the network into failures.
type translator struct {
	http     *transport.Client
	secrets  *transport.Secrets
	bucket   string
	region   string // that requests are signed for
	endpoint string // as it is configured, or empty
}

// classify turns an error of the SDK or the network into a failure. It is the
// only place that knows their types. It returns nil for nil, and a *failure.Error
// unchanged.
func (t *translator) classify(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure.Error](err); ok {
		if _, ok := errors.AsType[*smithy.OperationError](err); ok {
			return f // of a session; the SDK adds nothing to it
		}
		return err
	}
	if e, ok := errors.AsType[*account.Error](err); ok {
		return t.secrets.Hide(e.Failure())
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		response, _ := errors.AsType[*smithyhttp.ResponseError](err)
		return t.ofServer(e, response)
	}
	return t.ofNetwork(err)
}

// ofServer is the failure that an answer of the server tells.
func (t *translator) ofServer(e smithy.APIError, response *smithyhttp.ResponseError) *failure.Error {
	code, message := e.ErrorCode(), e.ErrorMessage()
	if response != nil && response.Response != nil && response.Response.Response != nil {
		message = transport.Unsigned(response.Response.Request, message)
	}
	f := t.ofCode(code, message)
	if response == nil || response.Response == nil {
		return f
	}
	f.Status = response.HTTPStatusCode()
	if !failure.IsKnown(f.Code) {
		f.Kind = failure.KindOfStatus(f.Status)
	}
	// Where an answer names no code the SDK makes one of the status.
	if text := http.StatusText(f.Status); f.Code == "UnknownError" ||
		f.Code == strings.ReplaceAll(text, " ", "") && (e.ErrorMessage() == "" || e.ErrorMessage() == text) {
		f.Text = strings.TrimSpace(fmt.Sprintf("the server answers with status %d %s", f.Status, text))
	}
	// In a bucket with versioning, a deleted object has a delete marker. The server
	// answers that the marker cannot be read.
	if f.Status == http.StatusMethodNotAllowed && response.Response.Header.Get("X-Amz-Delete-Marker") == "true" {
		f.Kind = fs.ErrNotExist
	}
	if failure.IsWrongRegion(f.Code) {
		right := response.Response.Header.Get("X-Amz-Bucket-Region")
		if right == "" {
			right = regionIn(e.ErrorMessage())
		}
		f.Text = fmt.Sprintf("%s: bucket %q is not in region %q: %s", f.Code, t.bucket, t.region, failure.RegionAdvice(right))
	}
	return f
}

// ofCode is the failure that an S3 code tells, as it also stands inside of
// answers about many keys.
func (t *translator) ofCode(code, message string) *failure.Error {
	f := failure.OfCode(t.http.Clean(code), t.http.Clean(message), t.bucket)
	f.Code = code
	return f
}

// regionIn finds the region that the server expects in what it says.
func regionIn(message string) string {
	m := regexp.MustCompile(`expecting ['"]([a-z0-9-]+)['"]`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1]
}

// ofNetwork is the failure of a request that got no answer, or none that makes
// sense.
func (t *translator) ofNetwork(err error) *failure.Error {
	if e, ok := errors.AsType[*transport.TimeoutError](err); ok {
		return &failure.Error{Kind: storage.ErrTransient, Text: e.Error()}
	}
	if e, ok := errors.AsType[*transport.ProxyError](err); ok {
		return ofProxy(e)
	}
	_, garbage := errors.AsType[*smithy.DeserializationError](err)
	_, syntax := errors.AsType[*xml.SyntaxError](err)
	if garbage || syntax {
		return &failure.Error{Kind: storage.ErrTransient, Text: "the answer of " + t.host() + " cannot be understood: " + t.http.Clean(account.Cause(err).Error())}
	}
	if text := t.http.TLSFault(err); text != "" {
		return &failure.Error{Kind: storage.ErrUnusable, Text: t.host() + ": " + text}
	}
	inner := t.http.Clean(account.Cause(err).Error())
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return &failure.Error{Kind: storage.ErrTransient, Text: "no answer within the time-out"}
	case t.http.Unreachable(err):
		return &failure.Error{Kind: storage.ErrUnusable, Text: t.host() + " does not answer: " + inner}
	case transport.IsConnection(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &failure.Error{Kind: storage.ErrTransient, Text: "connection to " + t.host() + ": " + inner}
	}
	return &failure.Error{Text: inner}
}

// ofProxy returns the failure of a proxy that refuses the connection. Its status says
// nothing about the store.
func ofProxy(e *transport.ProxyError) *failure.Error {
	kind := failure.KindOfStatus(e.Status)
	if !storage.Retryable(kind) {
		kind = storage.ErrUnusable
	}
	return &failure.Error{Kind: kind, Text: e.Error()}
}

// host names the server in messages.
func (t *translator) host() string {
	if t.endpoint != "" {
		return t.endpoint
	}
	return "the S3 endpoint of region " + t.region
}

// Fail makes the error of a method of a store. If the context is cancelled, that is the
// error, whatever the request returned. It returns nil for nil.
func (t *translator) Fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = t.secrets.Hide(t.classify(err))
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

// Mask returns a text without the secrets that go along with requests.
func (t *translator) Mask(text string) string { return t.secrets.Mask(text) }
