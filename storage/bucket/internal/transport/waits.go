package transport

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/storage/bucket/internal/failure"
)

// Operations that take the server a long time get workFactor times the usual time for
// their answers, but at most workTime. S3 sends blanks while it puts an object together.
// Other servers do not, and a copy of 5 GiB takes some minutes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
const (
	workFactor = 15
	workTime   = 15 * time.Minute
)

// repliesBeforeDone reports whether the work of an operation takes the server a long
// time, before its answer or after the answer has begun. The transfer does not stall then.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func repliesBeforeDone(operation string) bool {
	return operation == "CopyObject" || operation == "UploadPartCopy" || operation == "CompleteMultipartUpload"
}

// waits bound the waiting times of a request. 0 is no bound.
type waits struct {
	answer  time.Duration // from the last byte of a request to the first one of its answer
	receive time.Duration // between two bytes of an answer
	send    time.Duration // between two bytes of a request
}

// waits returns the bounds of an operation.
func (o *Options) waits(operation string) waits {
	w := waits{answer: max(o.ReadTimeout, 0), receive: max(o.StallTimeout, 0), send: max(o.StallTimeout, 0)}
	if w.answer > 0 {
		w.receive = min(w.receive, w.answer)
	}
	if repliesBeforeDone(operation) {
		if w.answer < workTime {
			w.answer = min(workFactor*w.answer, workTime)
		}
		w.receive = w.answer
	}
	return w
}

// A flight is a request from its beginning until its answer was read.
type flight struct {
	operation, path string
	began           time.Time
	// again: it is a retry. A retry is no progress.
	again bool
	// waits: the request waits for the server.
	waits atomic.Bool
}

// flights are the requests of a client that are on their way. Its methods may be
// called concurrently.
type flights struct {
	start time.Time
	moved atomic.Int64 // when something last came or went, in ns from start

	mu  sync.Mutex
	all map[*flight]struct{}
}

func newFlights() *flights {
	return &flights{start: time.Now(), all: map[*flight]struct{}{}}
}

func (f *flights) begin(fl *flight) {
	fl.began = time.Now()
	fl.waits.Store(true)
	if !fl.again {
		f.move()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all[fl] = struct{}{}
}

func (f *flights) end(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, fl)
}

func (f *flights) move() { f.moved.Store(int64(time.Since(f.start))) }

// namedFlights is how many requests waiting names.
const namedFlights = 3

// waiting returns for how long nothing has come or gone, and the requests that
// wait for the server, the oldest first; empty if none does.
func (f *flights) waiting() (quiet time.Duration, what string) {
	quiet = time.Since(f.start) - time.Duration(f.moved.Load())
	f.mu.Lock()
	var waiting []*flight
	for fl := range f.all {
		if fl.waits.Load() {
			waiting = append(waiting, fl)
		}
	}
	f.mu.Unlock()
	slices.SortFunc(waiting, func(a, b *flight) int { return a.began.Compare(b.began) })
	var names []string
	for _, fl := range waiting[:min(len(waiting), namedFlights)] {
		names = append(names, fmt.Sprintf("%s of %q for %v", fl.operation, failure.OneLine(fl.path), time.Since(fl.began).Round(time.Second)))
	}
	what = strings.Join(names, ", ")
	if more := len(waiting) - namedFlights; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	return quiet, what
}
