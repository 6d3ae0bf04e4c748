package transport

import (
	"context"
	"net/http"
	"sync/atomic"
)

// Attempts counts the requests of one write with a condition. An attempt whose body was
// not sent completely cannot have written anything.
type Attempts struct {
	whole   atomic.Int32 // sent to the end
	earlier atomic.Int32 // those before the last one began
}

// attemptsKey is the context key of Attempts.
type attemptsKey struct{}

// CountAttempts returns a context and the count of the requests that Do sends with it.
func CountAttempts(ctx context.Context) (context.Context, *Attempts) {
	a := new(Attempts)
	return context.WithValue(ctx, attemptsKey{}, a), a
}

// Whole returns how many requests were sent completely.
func (a *Attempts) Whole() int { return int(a.whole.Load()) }

// Earlier returns how many requests were sent completely before the last one began.
func (a *Attempts) Earlier() int { return int(a.earlier.Load()) }

// AttemptsOf returns the count that a request belongs to, or nil.
func AttemptsOf(req *http.Request) *Attempts {
	a, ok := req.Context().Value(attemptsKey{}).(*Attempts)
	if !ok || req.Method == http.MethodGet || req.Method == http.MethodHead {
		return nil
	}
	return a
}

// begin notes that a request is about to be sent.
func (a *Attempts) begin() { a.earlier.Store(a.whole.Load()) }
