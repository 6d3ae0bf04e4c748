package request

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

const (
	// maxBackoff bounds the pause between two attempts, as the AWS SDK does.
	maxBackoff = 20 * time.Second
	// firstContact bounds the attempts while the server has never answered. Most likely
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

// Pause returns the pause after an attempt that failed, which is counted from 1. It reports
// false if no other attempt should follow, because there seems to be no server.
func (t *Translator) Pause(initial time.Duration, attempt int, err error) (pause time.Duration, goOn bool) {
	if attempt >= firstContact && !t.HTTP.Answered() && t.HTTP.Unreachable(err) {
		return 0, false
	}
	return backoff(initial, attempt), true
}

// backoff is the pause after an attempt, which is counted from 1. It doubles
// each time, and a random half of it keeps workers from calling all at once.
func backoff(initial time.Duration, attempt int) time.Duration {
	d := maxBackoff
	if shift := max(attempt-1, 0); shift < 32 && initial<<shift>>shift == initial {
		d = min(initial<<shift, maxBackoff)
	}
	if d <= 1 {
		return d
	}
	return d/2 + rand.N(d/2)
}
