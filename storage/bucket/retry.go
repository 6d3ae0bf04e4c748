package bucket

import (
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
)

const (
	// maxBackoff bounds the pause between two attempts, as the SDK does.
	maxBackoff = retry.DefaultMaxBackoff
	// firstContact is how often a server is called that never answered: most
	// likely its name or port is wrong, and the user waits to hear that.
	firstContact = 3
)

// retryer is the SDK's standard one, with two differences: what is worth
// another attempt is decided by classify like everything else, and attempts are
// not rationed over all requests, because a sync has nothing better to do than
// to wait until the server is well again.
func (c *client) retryer(attempts int, initial time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(attempts, 1)
		o.RateLimiter = ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(c.retryable)}, o.Retryables...)
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			if attempt >= firstContact && !c.answered.Load() && c.unreachable(err) {
				return 0, err // ends the attempts
			}
			return backoff(initial, attempt), nil
		})
	})
}

// retryable decides whether the same request is sent again. Where it does not
// know, the SDK's own rules apply.
func (c *client) retryable(err error) aws.Ternary {
	if (retry.NoRetryCanceledError{}).IsErrorRetryable(err) == aws.FalseTernary {
		return aws.FalseTernary
	}
	if t := (retry.RetryableError{}).IsErrorRetryable(err); t != aws.UnknownTernary {
		return t // such as a wrong clock, which the SDK then corrects
	}
	switch f := c.classify(err); {
	case errors.Is(f, storage.ErrTransient), errors.Is(f, storage.ErrThrottled), c.unreachable(err):
		return aws.TrueTernary
	case errors.Is(f, storage.ErrUnusable), lacking(f), isOwn(err):
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// isOwn reports whether a request failed before it was sent, or its answer was
// given up, for a reason that is ours.
func isOwn(err error) bool {
	_, ok := errors.AsType[*failure](err)
	return ok
}

// answeredOnly repeats only what the server answered, or what never reached it.
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
