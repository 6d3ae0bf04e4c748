package bucket

import (
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/transport"
)

// observers are told of requests. The methods may be called concurrently.
type observers struct {
	mu sync.Mutex // of those that replace all
	// all is never changed, but replaced.
	all atomic.Pointer[[]*observer]
}

type observer struct{ tell func(storage.Request) }

// Observe lets f be told of the requests to the bucket, whatever store makes them.
func (s *Store) Observe(f func(storage.Request)) (stop func()) { return s.known.observers.add(f) }

func (o *observers) add(f func(storage.Request)) (stop func()) {
	added := &observer{f}
	o.change(func(all []*observer) []*observer { return append(all, added) })
	return func() {
		o.change(func(all []*observer) []*observer {
			return slices.DeleteFunc(all, func(other *observer) bool { return other == added })
		})
	}
}

func (o *observers) change(f func(all []*observer) []*observer) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var all []*observer
	if before := o.all.Load(); before != nil {
		all = slices.Clone(*before)
	}
	all = f(all)
	o.all.Store(&all)
}

// tell tells all of a request.
func (o *observers) tell(c transport.Call, out transport.Outcome) {
	all := o.all.Load()
	if all == nil || len(*all) == 0 {
		return
	}
	r := storage.Request{
		Kind: kindOf(c.Operation, out.Ranged), Operation: c.Operation, Status: out.Status, Again: c.Again, Hedge: c.Hedge, Began: time.Now().Add(-out.TimeToFirstByte), FirstByte: out.TimeToFirstByte,
		Throttled: throttled(out.Status), Unanswered: unanswered(&out), RetryAfter: out.RetryAfter,
	}
	for _, other := range *all {
		other.tell(r)
	}
}

// throttled reports whether a status asks for fewer requests.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html (SlowDown)
// https://www.rfc-editor.org/rfc/rfc6585#section-4
func throttled(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// unanswered reports whether a request failed for want of an answer. One that the caller
// cancelled, or that this program refused to send, did not.
func unanswered(out *transport.Outcome) bool {
	if out.Err == nil || out.Canceled {
		return false
	}
	_, own := errors.AsType[*failure.Error](out.Err)
	return !own
}

func kindOf(operation string, ranged bool) storage.RequestKind {
	switch operation {
	case "ListObjectsV2", "ListObjectVersions":
		return storage.ListRequest
	case "DeleteObjects", "DeleteObject":
		return storage.DeleteRequest
	case "UploadPart", "UploadPartCopy":
		return storage.PartRequest
	}
	if ranged {
		return storage.PartRequest
	}
	return storage.ObjectRequest
}
