package wire

import (
	"errors"
	"math/rand/v2"
	"net"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

const (
	// maxBackoff bounds the pause between two attempts, as the SDK does.
	maxBackoff = retry.DefaultMaxBackoff
	// firstContact bounds the attempts while the server has never answered. Most likely
	// its name or port is wrong, and the user waits for that message.
	firstContact = 3
)

// retryer returns the SDK's standard retryer with two differences. First, the kind of a
// failure decides whether the request is retried. Second, there is no common budget of
// retries for all requests, because a sync can only wait until the server works again.
func (t *translator) retryer(attempts int, initial time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(attempts, 1)
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(t.retryable)}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			if attempt >= firstContact && !t.http.Answered() && t.http.Unreachable(err) {
				return 0, err // ends the attempts
			}
			return backoff(initial, attempt), nil
		})
	})
}

// retryable decides whether the same request is sent again. Where it does not
// know, the SDK's own rules apply.
func (t *translator) retryable(err error) aws.Ternary {
	if (retry.NoRetryCanceledError{}).IsErrorRetryable(err) == aws.FalseTernary {
		return aws.FalseTernary
	}
	if sure := (retry.RetryableError{}).IsErrorRetryable(err); sure != aws.UnknownTernary {
		return sure // such as a wrong clock, which the SDK then corrects
	}
	switch f := t.classify(err); {
	case errors.Is(f, storage.ErrTransient), errors.Is(f, storage.ErrThrottled), t.http.Unreachable(err):
		return aws.TrueTernary
	case errors.Is(f, storage.ErrUnusable), failure.IsUnsupported(f), isOwn(err):
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// isOwn reports whether this program itself made the request fail: before it was sent,
// or by rejecting its answer.
func isOwn(err error) bool {
	_, ok := errors.AsType[*failure.Error](err)
	return ok
}

// answeredOnly retries a request only if the server answered it or never received it.
type answeredOnly struct{ aws.Retryer }

func (r answeredOnly) IsErrorRetryable(err error) bool {
	answer, _ := errors.AsType[*smithyhttp.ResponseError](err)
	op, _ := errors.AsType[*net.OpError](err)
	answered := answer != nil && answer.Response != nil && answer.HTTPStatusCode() != 0 // which stands for none
	return (answered || op != nil && op.Op == "dial") && r.Retryer.IsErrorRetryable(err)
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
