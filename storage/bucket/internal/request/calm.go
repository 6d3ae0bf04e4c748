package request

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"s3sync/internal/grace"
	"s3sync/internal/pace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/transport"
)

// A Calm is how the server of a bucket is met while it throttles or does not answer: one
// budget for the retries of all requests, and one outage for all operations. Its methods
// may be called concurrently.
//
// An operation whose request is not answered during an outage makes no further attempt.
// It waits with the new ones, and then it is made again. So it does not fail, and does not
// disturb the server. Probes are requests of another kind, or a server that answers all
// but some requests would seem to be down for ever.
type Calm struct {
	budget *pace.Budget
	outage *pace.Outage
	// answers counts those of the server.
	answers atomic.Uint64
	// doubted: the end of the last outage was seen by a probe, and nothing else was answered
	// since. A server that answers probes only is not down.
	doubted atomic.Bool
}

// LongestOutage is how long an outage is waited for: long enough for the restart of a server
// or of a network, and an end for a run that nobody watches.
const LongestOutage = time.Hour

// NewCalm returns the Calm of a server that works. initial is the pause after the first
// attempt of a request. notice, if not nil, is told of outages. host names the server.
func NewCalm(initial time.Duration, host func() string, notice func(storage.Notice)) *Calm {
	n := 0
	return &Calm{
		budget: pace.NewBudget(max(initial, 0), maxBackoff),
		outage: pace.NewOutage(LongestOutage, func(down bool, lasted time.Duration) { // calls do not overlap
			text := fmt.Sprintf("outage %d is over: %s answers again after %v", n, host(), lasted.Round(time.Second))
			if down {
				n++
				text = fmt.Sprintf("outage %d: %s does not answer; requests wait until it answers again", n, host())
			}
			if notice != nil {
				notice(storage.Notice{Text: text})
			}
		}),
	}
}

// Observe is told of every request, as transport.Options.Observe is.
func (c *Calm) Observe(_ transport.Call, o transport.Outcome) {
	if o.Status == 0 {
		return
	}
	c.answers.Add(1)
	if c.doubted.Load() {
		c.doubted.Store(false)
	}
	c.outage.Answered()
	if !throttles(o.Status) {
		c.budget.Answered()
	}
}

// throttles reports whether a status asks for fewer requests.
func throttles(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// An Entry is the right to begin an operation. If it is one to probe the server, Probed
// and Leave must be called.
type Entry struct {
	pace.Pass

	answers uint64 // when it began
}

// Enter waits until an operation may begin, or the server is to be probed. It fails if ctx
// ends, with pace.ErrStopped if grace.Stop of ctx is closed, and with pace.ErrOutage after
// LongestOutage.
func (c *Calm) Enter(ctx context.Context) (Entry, error) {
	pass, err := c.outage.Enter(ctx, grace.Stop(ctx))
	return Entry{pass, c.answers.Load()}, err
}

// Probed is told how a probe ended. It reports whether its failure is one that the operation
// would meet as well, whether the server is down or not.
func (c *Calm) Probed(err error) (begin bool) {
	switch {
	case isUnanswered(err):
		c.outage.Unanswered()
		return false
	case c.outage.Down(): // nothing was sent
		return true
	}
	c.doubted.Store(true)
	return false
}

// Repeat is told how an operation ended. It reports whether the operation is to enter and
// be made again, because there is an outage. overdue says that the time-out of the
// operation ended it, and not its attempts.
func (t *Translator) Repeat(e Entry, err error, overdue bool) bool {
	f, ok := errors.AsType[*failure.Error](err)
	if !ok || !f.Unanswered || !t.HTTP.Answered() { // a server that never answered is a wrong one
		return false
	}
	c := t.Calm
	if overdue && c.answers.Load() != e.answers {
		return false // it may have waited for the budget
	}
	if !c.outage.Down() {
		c.unanswered()
	}
	return f.Repeatable && c.outage.Down()
}

// unanswered notes that a request got no answer.
func (c *Calm) unanswered() {
	if !c.doubted.Load() {
		c.outage.Unanswered()
	}
}

// holds reports whether a request that failed with f is to wait for the end of an outage.
func (c *Calm) holds(f error) bool { return isUnanswered(f) && c.outage.Down() }

func isUnanswered(err error) bool {
	f, ok := errors.AsType[*failure.Error](err)
	return ok && f.Unanswered
}

// Repeatable marks a failure without an answer as one of a request that may be made again.
// It returns others unchanged.
func Repeatable(err error) error {
	f, ok := errors.AsType[*failure.Error](err)
	if !ok || !f.Unanswered || f.Repeatable {
		return err
	}
	marked := *f
	marked.Repeatable = true
	return &marked
}

// askAgain is how long who found the budget overdrawn waits at least.
const askAgain = time.Second

// Await waits while so many retries wait for the budget that Pause could not spread
// another one. err is why the last attempt failed. Await also returns when ctx ends, or
// grace.Stop of it is closed.
func (t *Translator) Await(ctx context.Context, err error) {
	if !t.Calm.budget.Overdrawn() {
		return
	}
	f := t.Failure(err)
	for !t.Calm.holds(f) && t.Calm.budget.Overdrawn() {
		if Sleep(ctx, askAgain+rand.N(askAgain)) != nil {
			return
		}
	}
}

// Sleep fails if ctx ends before the pause does, and with storage.ErrNotBegun if grace.Stop
// of ctx is closed by the end of the pause.
func Sleep(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-grace.Stop(ctx):
	case <-ctx.Done():
		return ctx.Err()
	}
	if grace.Stopped(ctx) {
		return storage.ErrNotBegun
	}
	return nil
}
