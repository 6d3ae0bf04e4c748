package request

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"s3sync/internal/pace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/transport"
)

const (
	// maxBackoff bounds the pause between two attempts, as the AWS SDK does.
	maxBackoff = 20 * time.Second
	// firstContact bounds the attempts while no S3 server has ever answered. Most likely
	// its name or port is wrong, and the user waits for that message.
	firstContact = 3
)

// Retryable reports whether the same request may be sent again after an error, which
// Failure has not translated. The kind of the failure decides. An error that this program
// made itself, before a request was sent or by rejecting its answer, would be made again.
func (t *Translator) Retryable(err error) bool {
	_, own := errors.AsType[*failure.Error](err)
	_, sent := errors.AsType[*SendError](err)
	refusal, answered := errors.AsType[*RefusalError](err)
	switch f := t.Failure(err); {
	case errors.Is(f, storage.ErrTransient), errors.Is(f, storage.ErrThrottled), t.HTTP.Unreachable(err):
		return true
	case errors.Is(f, storage.ErrUnusable), failure.IsUnsupported(f), own:
		return false
	case answered:
		switch refusal.Status {
		case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	return sent
}

// NeverSent reports whether a request failed before anything of it was sent, because there
// was no connection.
func NeverSent(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// Pause returns the pause after an attempt that failed with err, which is counted from 1.
// If no other attempt is to follow, it returns the failure of the request. last says that
// the attempts are used up. Await must have been called, unless last is set.
func (t *Translator) Pause(attempt int, last bool, err error) (time.Duration, error) {
	f := t.Failure(err)
	switch known := t.HTTP.Answered(); {
	case attempt >= firstContact && t.isStranger(err, f):
		return 0, t.stranger(f)
	case last, t.Calm.holds(f):
		return 0, Repeatable(f)
	case known:
	case attempt >= firstContact && (t.HTTP.Unreachable(err) || t.mayExpectTLS() && isUnanswered(f) && !isTimeout(err)):
		return 0, f // there seems to be no server, or not one for this URL
	}
	if isUnanswered(f) && t.HTTP.Answered() {
		if t.Calm.unanswered(); t.Calm.outage.Down() {
			return 0, Repeatable(f)
		}
	}
	return t.Calm.budget.Delay(attempt) + min(retryAfter(err), pace.MaxPause), nil
}

// isTimeout reports whether an answer did not come in time.
func isTimeout(err error) bool {
	_, ok := errors.AsType[*transport.TimeoutError](err)
	return ok || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// retryAfter is how long the answer to a request asks to wait before the next one.
func retryAfter(err error) time.Duration {
	if r, ok := errors.AsType[*RefusalError](err); ok && throttles(r.Status) {
		return transport.RetryAfter(r.Header)
	}
	if r, ok := errors.AsType[*UnreadableError](err); ok && throttles(r.Status) {
		return transport.RetryAfter(r.Header)
	}
	return 0
}
