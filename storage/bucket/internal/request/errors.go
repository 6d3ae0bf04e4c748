package request

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/transport"
)

// A RefusalError is the error that a server answers.
type RefusalError struct {
	// Operation is the name of the request; empty if it is not known.
	Operation     string
	Code, Message string
	// Status is that of HTTP; 0 if it is not known. Header and Request are nil then.
	Status  int
	Header  http.Header
	Request *http.Request
}

func (r *RefusalError) Error() string { return r.Code + ": " + r.Message }

// A SendError is that of a request that was not answered.
type SendError struct{ Err error }

func (e *SendError) Error() string { return e.Err.Error() }

func (e *SendError) Unwrap() error { return e.Err }

// An UnreadableError is that of an answer that cannot be understood.
type UnreadableError struct {
	Err    error
	Status int         // of HTTP; 0 if it is not known
	Header http.Header // nil then
}

func (e *UnreadableError) Error() string { return e.Err.Error() }

func (e *UnreadableError) Unwrap() error { return e.Err }

// A Translator turns errors of a server and the network into failures.
type Translator struct {
	HTTP     *transport.Client
	Secrets  *transport.Secrets
	Bucket   string
	Region   string // as it is configured
	Endpoint string // as it is configured, or empty
	// Seen reports whether the server ever answered as an S3 server does; nil means that it did.
	Seen func() bool
	// Calm is how the server is met while it throttles or does not answer.
	Calm *Calm
	// Current is the region that requests are signed for: where the bucket turned out to be.
	Current func() string
}

// Failure turns an error of the server or the network into a failure. It returns nil for
// nil, and a *failure.Error unchanged.
func (t *Translator) Failure(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*failure.Error](err); ok {
		return err
	}
	if r, ok := errors.AsType[*RefusalError](err); ok {
		return t.ofServer(r)
	}
	return t.ofNetwork(err)
}

// ofServer is the failure that an answer of the server tells.
func (t *Translator) ofServer(r *RefusalError) *failure.Error {
	if r.Message == UnknownCode {
		r.Message = "" // the SDK puts it where there is none
	}
	f := t.OfCode(r.Code, transport.Unsigned(r.Request, r.Message))
	if r.Status == 0 {
		t.needing(f, r.Operation, r.Message, r.Request)
		return f
	}
	f.Status = r.Status
	if !failure.IsKnown(f.Code) {
		f.Kind = failure.KindOfStatus(f.Status)
	}
	// Where an answer names no code one is made of the status: see StatusCode.
	if text := http.StatusText(f.Status); f.Code == UnknownCode ||
		f.Code == StatusCode(f.Status) && (r.Message == "" || r.Message == text) {
		f.Text = strings.TrimSpace(fmt.Sprintf("the server answers with status %d %s", f.Status, text))
	}
	// In a bucket with versioning, a deleted object has a delete marker. The server
	// answers that the marker cannot be read.
	if f.Status == http.StatusMethodNotAllowed && r.Header.Get("X-Amz-Delete-Marker") == "true" {
		f.Kind = fs.ErrNotExist
	}
	t.needing(f, r.Operation, r.Message, r.Request)
	switch elsewhere := r.Header.Get("Location"); {
	case elsewhere != "" && failure.IsWrongRegion(f.Code) && !answer.HasRequestID(r.Header):
		f.Kind, f.Text = storage.ErrUnusable, fmt.Sprintf("%s redirects to %s (give the URL of the server itself)", t.Host(), t.HTTP.Clean(elsewhere))
	case failure.IsWrongRegion(f.Code):
		f.Text = fmt.Sprintf("%s: bucket %q is not in region %q: %s", f.Code, t.Bucket, t.Region, failure.RegionAdvice(r.Region()))
	}
	return f
}

// UnknownCode stands for the code of an answer that has none, and whose status has none.
const UnknownCode = "UnknownError"

// StatusCode is the code that stands for a status where an answer names none.
func StatusCode(status int) string { return strings.ReplaceAll(http.StatusText(status), " ", "") }

// Region is that of the bucket, as far as the answer tells it.
func (r *RefusalError) Region() string {
	if right := r.Header.Get("X-Amz-Bucket-Region"); right != "" {
		return right
	}
	return regionIn(r.Message)
}

// regionIn finds the region that the server expects in what it says.
func regionIn(message string) string {
	m := regexp.MustCompile(`expecting ['"]([a-z0-9-]+)['"]`).FindStringSubmatch(message)
	if m == nil {
		return ""
	}
	return m[1]
}

// OfDeletion is the failure that stands for one of many keys in the answer to
// DeleteObjects.
func (t *Translator) OfDeletion(code, message string, req *http.Request) *failure.Error {
	message = transport.Unsigned(req, message)
	f := t.OfCode(code, message)
	t.needing(f, "DeleteObjects", message, nil)
	return f
}

// OfCode is the failure that an S3 code tells.
func (t *Translator) OfCode(code, message string) *failure.Error {
	f := failure.OfCode(t.HTTP.Clean(code), t.HTTP.Clean(message), t.Bucket)
	f.Code = code
	return f
}

// ofNetwork is the failure of a request that got no answer, or none that makes
// sense.
func (t *Translator) ofNetwork(err error) *failure.Error {
	if e, ok := errors.AsType[*transport.TimeoutError](err); ok {
		_, begun := errors.AsType[*UnreadableError](err)
		return &failure.Error{Kind: storage.ErrTransient, Text: e.Error(), Unanswered: !begun}
	}
	if e, ok := errors.AsType[*transport.ProxyError](err); ok {
		return ofProxy(e)
	}
	inner := t.HTTP.Clean(cause(err).Error())
	_, garbage := errors.AsType[*UnreadableError](err)
	_, syntax := errors.AsType[*xml.SyntaxError](err)
	if garbage || syntax {
		return &failure.Error{Kind: storage.ErrTransient, Text: "the answer of " + t.Host() + " cannot be understood: " + inner}
	}
	if _, ok := errors.AsType[*net.AddrError](err); ok {
		return &failure.Error{Kind: storage.ErrUnusable, Text: t.Host() + " is no address: " + inner + " (check host and port of the endpoint)"}
	}
	if text := t.HTTP.TLSFault(err); text != "" {
		return &failure.Error{Kind: storage.ErrUnusable, Text: t.Host() + ": " + text}
	}
	_, sent := errors.AsType[*SendError](err)
	switch {
	case isTimeout(err):
		return unanswered(storage.ErrTransient, "no answer within the time-out")
	case t.HTTP.Unreachable(err):
		kind := storage.ErrUnusable
		if t.HTTP.Answered() { // it may come back
			kind = storage.ErrTransient
		}
		return unanswered(kind, t.unreachable(err, inner))
	case sent, transport.IsConnection(err), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text := "connection to " + t.Host() + ": " + inner
		if t.mayExpectTLS() {
			text += " (does the server expect https:// in its URL?)"
		}
		kind := storage.ErrTransient
		if !t.HTTP.Answered() && strings.Contains(inner, "malformed HTTP") { // another kind of server
			kind = storage.ErrUnusable
		}
		return unanswered(kind, text)
	}
	return &failure.Error{Text: inner}
}

// mayExpectTLS reports whether the server of an http:// URL never answered anything.
func (t *Translator) mayExpectTLS() bool {
	return !t.HTTP.Answered() && strings.HasPrefix(t.Endpoint, "http:")
}

// unreachable says why there is no server, and what to do.
func (t *Translator) unreachable(err error, inner string) string {
	op, _ := errors.AsType[*net.OpError](err)
	dns, noName := errors.AsType[*net.DNSError](err)
	switch {
	case op != nil && op.Op == "proxyconnect":
		return fmt.Sprintf("the proxy to %s cannot be reached: %s (check the option of the proxy, HTTPS_PROXY and HTTP_PROXY)",
			t.Host(), strings.TrimPrefix(inner, "proxyconnect tcp: "))
	case noName && strings.HasPrefix(dns.Name, t.Bucket+"."):
		return fmt.Sprintf("%s has no name for the bucket: %s (check the endpoint, or use path-style addresses, which have the bucket in their path)", t.Host(), inner)
	case noName:
		return fmt.Sprintf("%s does not answer: %s (check the name in the endpoint)", t.Host(), inner)
	case op != nil && op.Timeout():
		return fmt.Sprintf("%s does not answer: %s (check host and port of the endpoint, the network, and the proxy)", t.Host(), inner)
	}
	return fmt.Sprintf("%s does not answer: %s (check host and port of the endpoint)", t.Host(), inner)
}

// isStranger reports whether an answer shows that there is another server than one of S3,
// which has not answered as one yet.
func (t *Translator) isStranger(err error, f error) bool {
	if t.Seen == nil || t.Seen() {
		return false
	}
	u, unreadable := errors.AsType[*UnreadableError](err)
	return failure.IsForeign(f) || unreadable && u.Status != 0
}

// stranger is the failure of a server that is none of S3.
func (t *Translator) stranger(f error) error {
	return failure.Unusable("%s does not answer as an S3 server (check the endpoint: the console of a server has another port): %v", t.Host(), f)
}

// unanswered is the failure of a request that the server did not answer.
func unanswered(kind error, text string) *failure.Error {
	return &failure.Error{Kind: kind, Text: text, Unanswered: true}
}

// cause removes the layers around an error of the network. They hold URLs, which do not
// help the user.
func cause(err error) error {
	for {
		var inner error
		switch e := err.(type) { //nolint:errorlint // layer by layer on purpose
		case *SendError:
			inner = e.Err
		case *UnreadableError:
			inner = e.Err
		case *url.Error:
			inner = e.Err
		}
		if inner == nil {
			return err
		}
		err = inner
	}
}

// ofProxy returns the failure of a proxy that refuses the connection. Its status says
// nothing about the store.
func ofProxy(e *transport.ProxyError) *failure.Error {
	kind := failure.KindOfStatus(e.Status)
	if !storage.Retryable(kind) {
		kind = storage.ErrUnusable
	}
	return &failure.Error{Kind: kind, Text: e.Error(), Unanswered: storage.Retryable(kind)}
}

// Host names the server in messages.
func (t *Translator) Host() string {
	if t.Endpoint != "" {
		return t.Endpoint
	}
	return "the S3 endpoint of region " + t.Current()
}
