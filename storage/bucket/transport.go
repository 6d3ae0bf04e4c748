package bucket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
)

// A Limiter bounds a stream of bytes. WaitN returns when n more may pass.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// limitedPiece is how much of a body passes at once where a Limiter counts, in
// bytes: small enough that the stream flows evenly.
const limitedPiece = 32 << 10

// A client sends the requests of one store. It adds to net/http what the SDK
// cannot do: bandwidth limits, and an end for transfers that stand still.
type client struct {
	transport      *http.Transport
	given          http.RoundTripper // sends in place of transport, if it is not nil
	receive, send  Limiter
	attemptTimeout time.Duration
	waits          func(operation string) waits
	flights        *flights
	pageSize       int // of listings
	log            *slog.Logger
	bucket, region string
	endpoint       string // as the user gave it, or empty
	secrets        *secrets
	answered       atomic.Bool

	// namesRequests: a listing, or another document of the server, had a request ID
	// in its headers. withoutETags: its listings have no ETags.
	namesRequests, withoutETags atomic.Bool
	// ignoresExpect: it let a request wait in vain for its leave to send the body.
	ignoresExpect atomic.Bool
}

// A timeoutError says which of our own limits a request ran into.
type timeoutError struct {
	what  string
	after time.Duration
}

func (e *timeoutError) Error() string { return fmt.Sprintf("%s for %v", e.what, e.after) }

// Timeout is what package net calls such an error.
func (e *timeoutError) Timeout() bool { return true }

// host names the server in messages.
func (c *client) host() string {
	if c.endpoint != "" {
		return c.endpoint
	}
	return "the S3 endpoint of region " + c.region
}

// Do sends one request. It follows no redirect: the signature holds only for the
// host that was asked.
//
// The context of the transport ends when the body of the answer is closed, so
// everything that watches the request ends with it.
func (c *client) Do(req *http.Request) (*http.Response, error) {
	if err := sendable(req.Header); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	if c.attemptTimeout > 0 {
		timer := time.AfterFunc(c.attemptTimeout, func() {
			cancel(&timeoutError{"no answer to a request", c.attemptTimeout})
		})
		defer timer.Stop()
	}
	operation := awsmiddleware.GetOperationName(ctx)
	w := c.waits(operation)
	fl := c.flight(req)
	// A slow upload is no slow answer.
	answer := &watchdog{after: w.answer, bark: stalled(cancel, "no answer to a request", w.answer)}
	defer answer.end()
	out := req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { answer.watch() },
	}))
	tries := attemptsOf(req)
	sent := func() {}
	if tries != nil {
		sent = tries.begin()
	}
	send := c.transport.RoundTrip
	if c.given != nil { // it may not tell when a request was sent
		send = c.given.RoundTrip
		begun := sent
		sent = func() { begun(); answer.watch() }
	}
	var waited func()
	if tries != nil && c.asksFirst(req) {
		out, waited = c.askFirst(out)
	}
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = &sentBody{
			ReadCloser: req.Body,
			ctx:        ctx,
			limiter:    c.send,
			flights:    c.flights,
			flight:     fl,
			begins:     waited,
			left:       req.ContentLength,
			sent:       sent,
			dog:        watchdog{after: w.send, bark: stalled(cancel, "the upload made no progress", w.send)},
		}
	} else {
		sent()
	}
	resp, err := send(out)
	c.trace(req, resp, err, fl.began)
	if err != nil {
		c.flights.end(fl)
		err = ownCause(ctx, err)
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
		ReadCloser: boundOf(operation, resp.StatusCode, c.pageSize).of(operation, resp.Body),
		ctx:        ctx,
		cancel:     cancel,
		limiter:    c.receive,
		flights:    c.flights,
		flight:     fl,
		dog:        watchdog{after: w.receive, bark: stalled(cancel, "the download made no progress", w.receive)},
	}
	return resp, nil
}

// sendable fails if net/http would refuse to send headers, before it looks like
// a fault of the connection. What they hold may be secret.
func sendable(headers http.Header) error {
	for name, values := range headers {
		for _, value := range values {
			if i := strings.IndexFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }); i >= 0 {
				return &failure{text: fmt.Sprintf("the request cannot be sent: the header %s would hold %q, which no header can", strings.ToLower(name), value[i])}
			}
		}
	}
	return nil
}

// flight begins that of a request.
func (c *client) flight(req *http.Request) *flight {
	fl := &flight{
		operation: awsmiddleware.GetOperationName(req.Context()),
		path:      req.URL.Path,
		again:     !strings.HasPrefix(cmp.Or(req.Header.Get("Amz-Sdk-Request"), firstAttempt), firstAttempt),
	}
	c.flights.begin(fl)
	return fl
}

// firstAttempt is how the SDK's header of the attempts begins.
const firstAttempt = "attempt=1;"

func stalled(cancel context.CancelCauseFunc, what string, after time.Duration) func() {
	return func() { cancel(&timeoutError{what, after}) }
}

// ownCause is the reason why we ended the request ourselves, or else err.
func ownCause(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*timeoutError](context.Cause(ctx)); ok {
		return e
	}
	return err
}

// trace logs one attempt. Headers are left out: signatures, session tokens and
// keys are in them.
func (c *client) trace(req *http.Request, resp *http.Response, err error, began time.Time) {
	if c.log == nil {
		return
	}
	attrs := []any{
		slog.String("operation", awsmiddleware.GetOperationName(req.Context())),
		slog.String("method", req.Method),
		slog.String("host", req.URL.Host),
		slog.String("path", req.URL.Path),
		slog.Int64("sent", max(req.ContentLength, 0)),
		slog.Duration("took", time.Since(began)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", c.clean(innermost(err).Error())))
	} else {
		attrs = append(attrs, slog.Int("status", resp.StatusCode), slog.String("request_id", c.clean(unsigned(req, resp.Header.Get("X-Amz-Request-Id")))))
	}
	c.log.DebugContext(req.Context(), "s3 request", attrs...)
}

// A watchdog barks when nobody touched it for some time while it was watching.
// It needs no goroutine. Its methods may be called concurrently.
type watchdog struct {
	after time.Duration // 0 never barks
	bark  func()

	mu    sync.Mutex
	timer *time.Timer
	ended bool
}

// watch expects something to happen from now on.
func (w *watchdog) watch() {
	if w.after <= 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.ended:
	case w.timer == nil:
		w.timer = time.AfterFunc(w.after, w.bark)
	default:
		w.timer.Reset(w.after)
	}
}

// rest stops watching until the next watch.
func (w *watchdog) rest() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// end stops watching for good.
func (w *watchdog) end() {
	w.rest()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
}

// A sentBody is the body of a request. It is read by the transport, which
// writes what it read to the network before it reads on: the time between two
// reads is the time the network takes.
type sentBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of this request, like that of an http.Request
	limiter Limiter
	flights *flights
	flight  *flight
	dog     watchdog
	begins  func() // if set, is called before the first byte is sent
	left    int64  // bytes that are not read yet
	sent    func() // is called when there are none
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.dog.rest()
	b.flight.waits.Store(false)
	defer b.flight.waits.Store(true)
	if !b.flight.again {
		b.flights.move()
	}
	if b.begins != nil {
		b.begins()
		b.begins = nil
	}
	if b.limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	n, err := b.ReadCloser.Read(p)
	if b.limiter != nil && n > 0 {
		if werr := b.limiter.WaitN(b.ctx, n); werr != nil {
			return 0, werr
		}
	}
	if b.left -= int64(n); b.left <= 0 {
		b.sent()
	}
	if err == nil {
		b.dog.watch()
	}
	return n, err
}

func (b *sentBody) Close() error {
	b.dog.end()
	return b.ReadCloser.Close()
}

// A receivedBody is the body of an answer.
type receivedBody struct {
	io.ReadCloser

	ctx     context.Context //nolint:containedctx // of this request, like that of an http.Request
	cancel  context.CancelCauseFunc
	limiter Limiter
	flights *flights
	flight  *flight
	dog     watchdog
}

func (b *receivedBody) Read(p []byte) (int, error) {
	if b.limiter != nil {
		p = p[:min(len(p), limitedPiece)]
	}
	b.dog.watch()
	b.flight.waits.Store(true)
	n, err := b.ReadCloser.Read(p)
	b.flight.waits.Store(false)
	b.flights.move()
	b.dog.rest()
	if err != nil && !errors.Is(err, io.EOF) {
		return n, ownCause(b.ctx, err)
	}
	if b.limiter != nil && n > 0 {
		if werr := b.limiter.WaitN(b.ctx, n); werr != nil {
			return n, werr
		}
	}
	return n, err
}

func (b *receivedBody) Close() error {
	b.dog.end()
	err := b.ReadCloser.Close()
	b.flights.end(b.flight)
	b.cancel(nil)
	return err
}
