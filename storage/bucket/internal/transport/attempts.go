package transport

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
)

// Attempts are the requests of one write that depends on what is under its key. An
// attempt whose body did not get out to its end can have written nothing.
type Attempts struct {
	whole   atomic.Int32 // sent to the end
	earlier atomic.Int32 // those before the last one began
}

// attemptsKey is the context key of Attempts.
type attemptsKey struct{}

// CountAttempts counts the requests that are made with the context it returns.
func CountAttempts(ctx context.Context) (context.Context, *Attempts) {
	a := new(Attempts)
	return context.WithValue(ctx, attemptsKey{}, a), a
}

// Whole is how many requests were sent to the end.
func (a *Attempts) Whole() int { return int(a.whole.Load()) }

// Earlier is how many of them were sent before the last one began.
func (a *Attempts) Earlier() int { return int(a.earlier.Load()) }

// attemptsOf are those that a request belongs to, or nil if nobody counts.
func attemptsOf(req *http.Request) *Attempts {
	a, ok := req.Context().Value(attemptsKey{}).(*Attempts)
	if !ok || req.Method == http.MethodGet || req.Method == http.MethodHead {
		return nil
	}
	return a
}

// begin counts a request that is about to be sent, and returns what to call once it
// is sent to the end.
func (a *Attempts) begin() (sent func()) {
	a.earlier.Store(a.whole.Load())
	return sync.OnceFunc(func() { a.whole.Add(1) })
}
