package transport

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"s3sync/storage/bucket/internal/hedge"
)

// A read whose answer is late is asked again, if the policy of package hedge says so, and once
// more if that answer is late, too. The sweeper finds such reads, so one that is answered in
// time costs neither a goroutine nor memory. The first definite answer counts and the other
// requests end. Only the wait for the first byte is cut short: a body comes from one request.
//
// A further request is the first one once more, with its signature, but a flight of its
// own. It ends with the context of the caller, as the first does.

// maxRequests is how many requests there are for one read at most. Two may be late in a long
// run. If three are, it is no chance.
const maxRequests = 3

// errOvertaken is why a request ended.
var errOvertaken = errors.New("another request for the same was answered first")

// A race is the requests for one read. Send waits for all of them.
type race struct {
	others sync.WaitGroup // all requests but the first

	// With the lock of flights.
	flights []*flight      // the first request and the others
	winner  *flight        // that of the answer that counts, if any
	resp    *http.Response // the answer that counts
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

// waited tells the policy how long a request of a read waited for its answer. A request
// that was overtaken does not count: it was slow, but reads are not. At the end of a run
// there are many such, and hardly any others.
func (f *flight) waited(resp *http.Response, err error, took time.Duration) {
	if f.limits[hedging] > 0 && (!f.call.Again || f.call.Hedge) && definite(resp, err) {
		f.client.hedges.Answered(f.read, took)
	}
}

// askAgain asks again for a read that is due, unless it is too early. The caller holds the lock
// of flights.
func (f *flight) askAgain(now time.Duration) {
	due := f.due[hedging].Load()
	if due <= 0 {
		return
	}
	if !f.client.hedges.Late(f.read, now-f.began, now) {
		f.due[hedging].CompareAndSwap(due, int64(now+hedgePause))
		return
	}
	if !f.due[hedging].CompareAndSwap(due, ended) {
		return // it was answered just now
	}
	f.client.hedges.Asked(now)
	if f.race == nil {
		f.race = &race{flights: []*flight{f}}
	}
	r := f.race
	call := f.call
	call.Again, call.Hedge = true, true
	other := f.client.newFlight(call, f.req)
	other.race, other.read = r, f.read // at the end of a run there are no later reads to compare with
	if r.flights = append(r.flights, other); len(r.flights) < maxRequests {
		other.watch(hedging, other.began)
	}
	r.others.Go(other.run)
}

// run sends a further request.
func (f *flight) run() {
	f.client.flights.add(f)
	resp, err := f.ask()
	if f.wins(resp, err) {
		f.client.hedges.Helped()
	} else {
		f.drop(resp)
	}
}

// wins notes the outcome of a request, and reports whether it is the answer that counts. If so,
// the other requests of the race end.
func (f *flight) wins(resp *http.Response, err error) bool {
	f.client.flights.mu.Lock()
	defer f.client.flights.mu.Unlock()
	f.leave(hedging)
	r := f.race
	if r.winner != nil || !definite(resp, err) {
		return false
	}
	r.winner, r.resp = f, resp
	for _, other := range r.flights {
		other.leave(hedging)
		if other != f {
			other.cancel(errOvertaken)
		}
	}
	return true
}

// answer sends the request, and returns the answer of whichever request counts, with the flight
// that it belongs to. If none is definite, it is that of the first.
func (f *flight) answer() (*flight, *http.Response, error) {
	resp, err := f.ask()
	if f.set(hedging, ended) != ended {
		return f, resp, err // it was not asked again
	}
	wins := f.wins(resp, err)
	r := f.race
	r.others.Wait()
	if wins || r.winner == nil {
		return f, resp, err
	}
	f.drop(resp)
	return r.winner, r.resp, nil
}

// drop ends a flight whose answer, if any, nobody wants.
func (f *flight) drop(resp *http.Response) {
	if resp != nil {
		_ = resp.Body.Close() // nothing was read, so nothing is lost
	}
	f.end()
}
