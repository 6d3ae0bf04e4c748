// Package transport sends the requests of a bucket. It does connections and proxies,
// bounds of the size and time of answers, bandwidth, answers that come before the body was
// sent, and secrets that no message may show. It knows HTTP and the names of operations,
// but not the contents of requests.
package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"s3sync/storage/bucket/internal/failure"
)

// A Limiter bounds a stream of bytes. WaitN returns when n more may pass.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// limitedPiece is how much of a body is read at once under a Limiter, in bytes. It is
// small enough that the stream flows evenly.
const limitedPiece = 32 << 10

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
	// ReadTimeout bounds the wait for an answer after the request was sent. For requests
	// that take the server some time, it is 15 times as long, up to 15 minutes.
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
	// Operation returns the name of the S3 operation that a request is for, by its
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
	flights  *flights
	answered atomic.Bool
	// ignoresExpect: the server did not answer a request that asked before it sent its body.
	ignoresExpect atomic.Bool
}

// New returns a client that sends with t. Setup must have been applied to t.
func New(t *http.Transport, o Options) *Client {
	t.DialContext = hearing(t.DialContext)
	return &Client{http: t, opts: o, flights: newFlights()}
}

// HTTP returns the transport. It must not be changed after the first request.
func (c *Client) HTTP() *http.Transport { return c.http }

// Answered reports whether the server ever answered.
func (c *Client) Answered() bool { return c.answered.Load() }

// Waiting returns how long the server has been silent, and which requests wait for it.
// A retry does not end the silence.
func (c *Client) Waiting() (quiet time.Duration, what string) {
	quiet, what = c.flights.waiting()
	return quiet, c.opts.Secrets.Mask(what)
}

// Clean returns a text of the server or the network as one short line without secrets.
func (c *Client) Clean(text string) string { return failure.OneLine(c.opts.Secrets.Mask(text)) }

// A TimeoutError says which of the limits of this package a request exceeded.
type TimeoutError struct {
	What  string
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("%s for %v", e.What, e.After) }

// Timeout makes it a net.Error that reports a time-out.
func (e *TimeoutError) Timeout() bool { return true }

// Do sends one request. It follows no redirect, because the signature is valid only for
// one host.
//
// The context of the transport ends when the body of the answer is closed. Everything
// that watches the request ends then, too.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	if err := sendable(req.Header); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	if c.opts.AttemptTimeout > 0 {
		timer := time.AfterFunc(c.opts.AttemptTimeout, func() {
			cancel(&TimeoutError{"no answer to a request", c.opts.AttemptTimeout})
		})
		defer timer.Stop()
	}
	operation := c.opts.Operation(ctx)
	w := c.opts.waits(operation)
	fl := c.flight(req)
	// The time for the answer starts after the upload.
	answer := &watchdog{after: w.answer, onStall: stalled(cancel, "no answer to a request", w.answer)}
	defer answer.end()
	out := req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { answer.watch() },
	}))
	tries := attemptsOf(req)
	sent := func() {}
	if tries != nil {
		sent = tries.begin()
	}
	send := c.http.RoundTrip
	if c.opts.Given != nil { // it may not tell when a request was sent
		send = c.opts.Given.RoundTrip
		begun := sent
		sent = func() { begun(); answer.watch() }
		answer.watch() // nor need it ever read the body
	}
	begins := answer.rest // until the body was sent
	if tries != nil && c.asksFirst(req) {
		asking, waited := c.askFirst(out)
		out, begins = asking, func() { answer.rest(); waited() }
	}
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &sentBody{
			ReadCloser: req.Body,
			ctx:        ctx,
			limiter:    c.opts.Send,
			flights:    c.flights,
			flight:     fl,
			begins:     begins,
			left:       req.ContentLength,
			sent:       sent,
			dog:        watchdog{after: w.send, onStall: stalled(cancel, "the upload made no progress", w.send)},
		}
	} else {
		sent()
	}
	resp, err := send(out)
	c.trace(req, resp, err, fl.began)
	if err != nil {
		c.flights.end(fl)
		err = OwnCause(ctx, err)
		cancel(nil)
		return nil, err
	}
	c.answered.Store(true)
	c.flights.move()
	fl.waits.Store(false)
	if resp.Body == http.NoBody {
		c.flights.end(fl)
		cancel(nil)
		return resp, nil
	}
	resp.Body = &receivedBody{
		ReadCloser: boundOf(operation, resp.StatusCode, c.opts.PageSize).of(operation, resp.Body),
		ctx:        ctx,
		cancel:     cancel,
		limiter:    c.opts.Receive,
		flights:    c.flights,
		flight:     fl,
		dog:        watchdog{after: w.receive, onStall: stalled(cancel, "the download made no progress", w.receive)},
	}
	return resp, nil
}

// sendable fails if net/http would refuse to send headers. Otherwise that would look like
// a fault of the connection. The headers may hold secrets, so the error does not show them.
func sendable(headers http.Header) error {
	for name, values := range headers {
		for _, value := range values {
			if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
				return &failure.Error{Text: fmt.Sprintf("the request cannot be sent: the header %s would hold %q, which no header can", strings.ToLower(name), value[i])}
			}
		}
	}
	return nil
}

// flight begins that of a request.
func (c *Client) flight(req *http.Request) *flight {
	fl := &flight{
		operation: c.opts.Operation(req.Context()),
		path:      req.URL.Path,
		again:     !strings.HasPrefix(cmp.Or(req.Header.Get("Amz-Sdk-Request"), firstAttempt), firstAttempt),
	}
	c.flights.begin(fl)
	return fl
}

// firstAttempt is how the SDK's header of the attempts begins.
const firstAttempt = "attempt=1;"

func stalled(cancel context.CancelCauseFunc, what string, after time.Duration) func() {
	return func() { cancel(&TimeoutError{what, after}) }
}

// OwnCause returns the reason why this program ended the request, or else err.
func OwnCause(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*TimeoutError](context.Cause(ctx)); ok {
		return e
	}
	return err
}

// trace logs one attempt. It leaves out headers, because they contain signatures, session
// tokens and keys.
func (c *Client) trace(req *http.Request, resp *http.Response, err error, began time.Time) {
	if c.opts.Trace == nil {
		return
	}
	attrs := []any{
		slog.String("operation", c.opts.Operation(req.Context())),
		slog.String("method", req.Method),
		slog.String("host", req.URL.Host),
		slog.String("path", req.URL.Path),
		slog.Int64("sent", max(req.ContentLength, 0)),
		slog.Duration("took", time.Since(began)),
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
