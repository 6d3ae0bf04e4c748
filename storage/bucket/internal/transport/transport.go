// Package transport sends the requests of a bucket. It does connections and proxies,
// bounds of the size and time of answers, bandwidth, answers that come before the body was
// sent, further requests for reads that are late, and secrets that no message may show. It
// knows HTTP and the names of operations, but not the contents of requests.
package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/hedge"
)

// Options say how requests are sent. 0 bounds nothing.
type Options struct {
	// Given, if set, sends the requests in place of the client's own transport.
	Given http.RoundTripper
	// HTTPSProxy is the proxy for https requests; empty takes the environment's.
	HTTPSProxy string
	// ConnectTimeout is for connections; 0 is 3.1 s.
	ConnectTimeout time.Duration
	// AttemptTimeout bounds a request until its answer begins.
	AttemptTimeout time.Duration
	// ReadTimeout bounds the wait for an answer. It begins when the last byte of the request
	// was handed to the network. The TLS handshake of a new connection is part of it where
	// the request has no body or a small one; the wait for the connection is not. For
	// requests that take the server some time, it is 15 times as long, up to 15 minutes.
	ReadTimeout time.Duration
	// StallTimeout bounds the time in which a body makes no progress, as ReadTimeout
	// does for an answer if it is shorter.
	StallTimeout time.Duration
	// MaxConns is how many connections are kept open.
	MaxConns int
	// Receive and Send, if set, bound the bytes of bodies.
	Receive, Send Limiter
	// PageSize is how many entries listings ask for.
	PageSize int
	// Trace, if set, logs every request at level debug.
	Trace *slog.Logger
	// Observe, if set, is told of every request when its answer has begun or it has failed.
	// It is not told of a request that was given up because another one for the same was
	// answered. It is called concurrently, and Send waits for it.
	Observe func(Call, Outcome)
	// Operation returns the name of the S3 operation that a request of Do is for, by its
	// context.
	Operation func(context.Context) string
	// Secrets are not shown.
	Secrets *Secrets
}

// A Client sends requests and returns their answers. It adds to net/http: bandwidth
// limits, an end of stalled transfers, a bound of the size of answers, and a report of
// the requests that wait. Its methods may be called concurrently.
type Client struct {
	http     *http.Transport
	opts     Options
	shortest time.Duration // of the limits of time; 0 if there is none
	start    time.Time
	moved    atomic.Int64 // when something last came or went
	flights  flights
	hedges   hedge.Policy
	answered atomic.Bool
	// throttled counts the answers that ask for fewer requests.
	throttled atomic.Int64
	// ignoresExpect: the server did not answer a request that asked before it sent its body.
	ignoresExpect atomic.Bool
}

// New returns a client that sends with t. Setup must have been applied to t.
func New(t *http.Transport, o Options) *Client {
	c := &Client{http: t, opts: o, shortest: o.shortest(), start: time.Now()}
	t.DialContext = c.hearing(t.DialContext)
	return c
}

// HTTP returns the transport. It must not be changed after the first request.
func (c *Client) HTTP() *http.Transport { return c.http }

// Answered reports whether the server ever answered.
func (c *Client) Answered() bool { return c.answered.Load() }

// Throttled returns how many answers asked for fewer requests so far.
func (c *Client) Throttled() int64 { return c.throttled.Load() }

// Waiting returns how long the server has been silent, and which requests wait for it.
// A retry does not end the silence.
func (c *Client) Waiting() (quiet time.Duration, what string) {
	quiet, what = c.waiting()
	return quiet, c.opts.Secrets.Mask(what)
}

// Clean returns a text of the server or the network as one short line without secrets.
func (c *Client) Clean(text string) string { return failure.OneLine(c.opts.Secrets.Mask(text)) }

// A Call is what this package must know of a request besides the HTTP request.
type Call struct {
	Operation string    // name of the S3 operation
	Again     bool      // a retry, which is no progress
	Hedge     bool      // a further request for a read whose answer is late; Again is set, too
	Attempts  *Attempts // counts the requests of a write with a condition; nil counts nothing
}

// Do sends a request of the SDK as Send does. The call follows from the context and the
// header of the request.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	return c.Send(Call{
		Operation: c.opts.Operation(req.Context()),
		Again:     !strings.HasPrefix(cmp.Or(req.Header.Get("Amz-Sdk-Request"), firstAttempt), firstAttempt),
		Attempts:  AttemptsOf(req),
	}, req)
}

// firstAttempt is how the SDK's header of the attempts begins.
const firstAttempt = "attempt=1;"

// Send sends one request, and further ones for the same if the answer to a read is late. It
// follows no redirect, because the signature is valid only for one host. A body that is in memory should be a Body.
//
// The context of the transport ends when the body of the answer is closed, if there is
// any limit of time. Everything that watches the request ends then, too.
func (c *Client) Send(call Call, req *http.Request) (*http.Response, error) {
	if c.opts.Given != nil { // the client's own transport looks at headers itself
		if err := sendable(req.Header); err != nil {
			return nil, err
		}
	}
	f, resp, err := c.begin(call, req).answer()
	if err != nil {
		f.end()
		return nil, err
	}
	c.answered.Store(true)
	c.move()
	f.accepted = resp.StatusCode < http.StatusMultipleChoices
	if errors.Is(failure.KindOfStatus(resp.StatusCode), storage.ErrThrottled) {
		c.throttled.Add(1)
	}
	if resp.Body == http.NoBody {
		f.end()
		return resp, nil
	}
	f.receive(resp)
	return resp, nil
}

// ask sends the request, and tells of it when its answer has begun or it has failed.
func (f *flight) ask() (*http.Response, error) {
	c := f.client
	resp, err := f.send()
	took := c.now() - f.began
	f.leave(attempting)
	f.leave(answering)
	f.waits.Store(false)
	if err != nil {
		err = cmp.Or(sendable(f.req.Header), OwnCause(f, err))
	}
	c.trace(f.call, f.req, resp, err, took)
	f.waited(resp, err, took)
	if c.opts.Observe != nil && !errors.Is(err, errOvertaken) {
		c.opts.Observe(f.call, outcome(f.req, resp, err, took))
	}
	return resp, err
}

// sendable fails if net/http would refuse to send headers. Otherwise that would look like
// a fault of the connection. The headers may hold secrets, so the error does not show them.
func sendable(headers http.Header) error {
	for name, values := range headers {
		for _, value := range values {
			for i := range len(value) {
				if c := value[i]; c < ' ' && c != '\t' || c == 0x7f {
					return &failure.Error{Text: fmt.Sprintf("the request cannot be sent: the header %s would hold %q, which no header can", strings.ToLower(name), c)}
				}
			}
		}
	}
	return nil
}

// OwnCause returns the reason why this program ended the request, or else err.
func OwnCause(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if e, ok := errors.AsType[*TimeoutError](cause); ok {
		return e
	}
	if errors.Is(cause, errOvertaken) || errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return err
}

// trace logs one attempt. It leaves out headers, because they contain signatures, session
// tokens and keys.
func (c *Client) trace(call Call, req *http.Request, resp *http.Response, err error, took time.Duration) {
	if c.opts.Trace == nil {
		return
	}
	attrs := []any{
		slog.String("operation", call.Operation),
		slog.String("method", req.Method),
		slog.String("host", req.URL.Host),
		slog.String("path", req.URL.Path),
		slog.Int64("sent", max(req.ContentLength, 0)),
		slog.Duration("took", took),
	}
	if call.Hedge {
		attrs = append(attrs, slog.Bool("hedge", true))
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", c.Clean(cause(err).Error())))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode), slog.String("request_id", c.Clean(Unsigned(req, resp.Header.Get("X-Amz-Request-Id")))))
	}
	c.opts.Trace.DebugContext(req.Context(), "s3 request", attrs...)
}

// cause returns the error inside a failure to send, without the URL.
func cause(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
