package transport

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/hedge"
)

// A flight is a request from its beginning until its answer was read. It is one
// allocation, because there is one for every request. It is not used again: net/http may
// read the body of a request after it has returned the answer.
//
// A flight is the context of the request that the transport sends. It ends when the body
// of the answer is closed.
type flight struct {
	context.Context //nolint:containedctx // a flight is a context

	client *Client
	call   Call
	req    *http.Request // of the caller
	path   string
	began  time.Duration // on the clock of the client
	// cancel ends the context, if anything can be overdue or the body may outlive the caller.
	cancel context.CancelCauseFunc
	// outlive, if set, keeps the context of the caller from ending the flight. See Outlive.
	outlive func() bool
	limits  limits
	due     [stages]atomic.Int64 // see watch
	// accepted: the answer is no refusal. What was sent has arrived.
	accepted bool
	// waits: the request waits for the server.
	waits atomic.Bool

	out      http.Request // what the transport sends
	sent     sentBody
	received receivedBody
	read     hedge.Read // if it has the stage hedging

	race *race // with the lock of flights; nil if there is no other request for the same

	// Of flights.
	earlier, later *flight
	flies          bool
}

// begin begins the flight of a request.
func (c *Client) begin(call Call, req *http.Request) *flight {
	f := c.newFlight(call, req)
	if !call.Again {
		c.moved.Store(int64(f.began))
		f.mayBeLate()
	}
	c.flights.add(f)
	return f
}

// newFlight returns a flight that has not begun.
func (c *Client) newFlight(call Call, req *http.Request) *flight {
	f := &flight{Context: req.Context(), client: c, call: call, req: req, path: req.URL.Path, began: c.now(), limits: c.opts.limits(call.Operation)}
	if call.Operation == "GetObject" {
		f.detach()
	} else if f.limits != (limits{}) {
		f.Context, f.cancel = context.WithCancelCause(f.Context)
	}
	f.out = *req.WithContext(f)
	f.waits.Store(true)
	return f
}

// detach gives the flight a context of its own, which ends with that of the caller until
// outlive is called.
func (f *flight) detach() {
	caller := f.Context
	f.Context, f.cancel = context.WithCancelCause(context.WithoutCancel(caller))
	if caller.Err() != nil { // AfterFunc cancels asynchronously
		f.cancel(context.Cause(caller))
	}
	f.outlive = context.AfterFunc(caller, func() { f.cancel(context.Cause(caller)) })
}

// send sends the request.
func (f *flight) send() (*http.Response, error) {
	c, req, out, tries := f.client, f.req, &f.out, f.call.Attempts
	f.sent.flight = f
	if tries != nil {
		tries.begin()
		if c.asksFirst(req) {
			out, f.sent.begins = c.askFirst(out)
		}
	}
	f.watch(attempting, f.began)
	switch small := f.small(req.ContentLength, req.Body); {
	case req.Body == nil, req.Body == http.NoBody:
		f.sent.whole()
		f.watch(answering, f.began)
	case small != nil:
		out.Body = small
		f.watch(answering, f.began)
	default:
		f.sent.ReadCloser, f.sent.left = req.Body, req.ContentLength
		if f.call.Operation == "PutObject" || f.call.Operation == "UploadPart" {
			f.sent.meter = storage.MeterOf(req.Context())
		}
		out.Body, out.GetBody = &f.sent, nil // net/http would send another one unwatched
	}
	if c.opts.Given == nil {
		return c.http.RoundTrip(out)
	}
	f.watch(answering, f.began) // it need not ever read the body
	return c.opts.Given.RoundTrip(out)
}

// receive makes the flight read the body of an answer.
func (f *flight) receive(resp *http.Response) {
	f.received.flight, f.received.ReadCloser = f, resp.Body
	if b := boundOf(f.call.Operation, resp.StatusCode, f.client.opts.PageSize); b != (bound{}) {
		f.received.bounded = boundedBody{ReadCloser: resp.Body, left: b, operation: f.call.Operation}
		f.received.ReadCloser = &f.received.bounded
	}
	resp.Body = &f.received
}

// end ends a flight. Nothing watches it and nobody reads the body of its request from now
// on. It may be called again.
func (f *flight) end() {
	f.client.flights.remove(f)
	if f.outlive != nil {
		f.outlive()
	}
	if f.cancel != nil {
		f.cancel(nil)
	}
	f.sent.end(f.accepted)
}

// flightKey is the context key of a flight.
type flightKey struct{}

// Value makes the flight known to what is done in its context.
func (f *flight) Value(key any) any {
	if key == (flightKey{}) {
		return f
	}
	return f.Context.Value(key)
}

// flights are the requests of a client that are on their way, the oldest first. Its
// methods may be called concurrently.
type flights struct {
	mu           sync.Mutex
	first, last  *flight
	sweeper      *time.Timer
	sweeperIsSet bool
}

// remove removes a flight, if it was not removed already.
func (f *flights) remove(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !fl.flies {
		return
	}
	fl.flies = false
	if fl.earlier == nil {
		f.first = fl.later
	} else {
		fl.earlier.later = fl.later
	}
	if fl.later == nil {
		f.last = fl.earlier
	} else {
		fl.later.earlier = fl.earlier
	}
	fl.earlier, fl.later = nil, nil // or one flight would keep others in memory
}

// now is the time on the clock of the client, which starts with it.
func (c *Client) now() time.Duration { return time.Since(c.start) }

// move notes that something came or went.
func (c *Client) move() { c.moved.Store(int64(c.now())) }

// namedFlights is how many requests waiting names.
const namedFlights = 3

// waiting returns for how long nothing has come or gone, and the requests that
// wait for the server, the oldest first; empty if none does.
func (c *Client) waiting() (quiet time.Duration, what string) {
	now := c.now()
	quiet = now - time.Duration(c.moved.Load())
	more := 0
	var names []string
	c.flights.mu.Lock()
	for f := c.flights.first; f != nil; f = f.later {
		switch {
		case !f.waits.Load():
		case len(names) < namedFlights:
			names = append(names, fmt.Sprintf("%s of %q for %v", f.call.Operation, failure.OneLine(f.path), (now-f.began).Round(time.Second)))
		default:
			more++
		}
	}
	c.flights.mu.Unlock()
	what = strings.Join(names, ", ")
	if more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return quiet, what
}
