package transport

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"s3sync/storage/bucket/internal/hedge"
)

// A read whose answer is late is asked again, if the policy of package hedge says so. The
// sweeper finds such reads, so one that is answered in time costs neither a goroutine nor
// memory. The first definite answer counts and the other request ends. Only the wait for the
// first byte is cut short: a body comes from one request.
//
// The second request is the first one once more, with its signature, but a flight of its
// own. It ends with the context of the caller, as the first does.

// errOvertaken is why a request ended.
var errOvertaken = errors.New("another request for the same was answered first")

// A second is the second request for a read. Send waits for it.
type second struct {
	first, flight *flight

	answered atomic.Bool    // the first or the second request
	done     chan struct{}  // is closed when the second request is over
	resp     *http.Response // then: its answer, if that is the one that counts
}

// isRead reports whether an operation reads an object and may be asked again.
func isRead(operation string) bool { return operation == "GetObject" || operation == "HeadObject" }

// definite reports whether an answer is final. Another request would get the same, also if
// the object is not there or may not be read.
func definite(resp *http.Response, err error) bool {
	return err == nil && resp.StatusCode < http.StatusInternalServerError &&
		resp.StatusCode != http.StatusRequestTimeout && resp.StatusCode != http.StatusTooManyRequests
}

// mayBeLate begins to watch for the answer of a read.
func (f *flight) mayBeLate() {
	if f.limits[hedging] > 0 && (f.req.Body == nil || f.req.Body == http.NoBody) {
		f.read = f.client.hedges.Begin(kindOf(f.req))
		f.watch(hedging, f.began)
	}
}

// kindOf returns the kind of a read.
func kindOf(req *http.Request) hedge.Kind {
	if req.Method == http.MethodHead {
		return hedge.Head
	}
	first, last, ok := strings.Cut(strings.TrimPrefix(req.Header.Get("Range"), "bytes="), "-")
	if !ok {
		return hedge.Whole
	}
	from, err := strconv.ParseInt(first, 10, 64)
	to, lerr := strconv.ParseInt(last, 10, 64)
	if err != nil || lerr != nil || to-from == math.MaxInt64 {
		return hedge.Whole
	}
	return hedge.Range(to - from + 1)
}

// waited tells the policy how long a read has waited for an answer, of whichever request.
func (f *flight) waited(resp *http.Response, err error, took time.Duration) {
	if f.limits[hedging] > 0 && !f.call.Again && (definite(resp, err) || errors.Is(err, errOvertaken)) {
		f.client.hedges.Answered(f.read, took)
	}
}

// secondRequest returns the second request for a read, which is to be run, or nil if it is
// not asked again now. The caller holds the lock of flights.
func (f *flight) secondRequest(now time.Duration) *second {
	due := f.due[hedging].Load()
	if due <= 0 {
		return nil
	}
	if !f.client.hedges.Late(f.read, now-f.began, now) {
		f.due[hedging].CompareAndSwap(due, int64(now+hedgePause))
		return nil
	}
	if !f.due[hedging].CompareAndSwap(due, ended) {
		return nil // it was answered just now
	}
	f.client.hedges.Asked(now)
	call := f.call
	call.Again, call.Hedge = true, true
	f.second = &second{first: f, flight: f.client.newFlight(call, f.req), done: make(chan struct{})}
	return f.second
}

// start starts the second request.
func (s *second) start() { go s.run() }

// run sends the second request. If it is answered first, the first request ends.
func (s *second) run() {
	defer close(s.done)
	f := s.flight
	f.client.flights.add(f)
	resp, err := f.ask()
	if definite(resp, err) && s.answered.CompareAndSwap(false, true) {
		f.client.hedges.Helped()
		s.resp = resp
		s.first.cancel(errOvertaken)
		return
	}
	f.drop(resp)
}

// answer sends the request, and returns its answer or that of the second one, with the flight
// that it belongs to. If neither is definite, it is that of the first.
func (f *flight) answer() (*flight, *http.Response, error) {
	resp, err := f.ask()
	if f.set(hedging, ended) != ended {
		return f, resp, err
	}
	f.client.flights.mu.Lock()
	s := f.second
	f.client.flights.mu.Unlock()
	if definite(resp, err) && s.answered.CompareAndSwap(false, true) {
		s.flight.cancel(errOvertaken)
		<-s.done
		return f, resp, nil
	}
	<-s.done
	if s.resp == nil {
		return f, resp, err
	}
	f.drop(resp)
	return s.flight, s.resp, nil
}

// drop ends a flight whose answer, if any, nobody wants.
func (f *flight) drop(resp *http.Response) {
	if resp != nil {
		_ = resp.Body.Close() // nothing was read, so nothing is lost
	}
	f.end()
}
