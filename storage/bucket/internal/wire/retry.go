package wire

import (
	"errors"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/request"
)

// retryer returns the SDK's standard retryer with two differences. First, package request
// decides whether a request is retried. Second, there is no common budget of
// retries for all requests, because a sync can only wait until the server works again.
func (t *translator) retryer(attempts int, initial time.Duration) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(attempts, 1)
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{
			retry.NoRetryCanceledError{},
			retry.RetryableError{}, // such as a wrong clock, which the SDK then corrects
			retry.IsErrorRetryableFunc(t.retryable),
		}
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			pause, goOn := t.Pause(initial, attempt, plain(err))
			if !goOn {
				return 0, err // ends the attempts
			}
			return pause, nil
		})
	})
}

func (t *translator) retryable(err error) aws.Ternary {
	if _, ok := errors.AsType[*account.Error](err); ok {
		return aws.FalseTernary
	}
	return aws.BoolTernary(t.Retryable(plain(err)))
}

// answeredOnly retries a request only if the server answered it or never received it.
type answeredOnly struct{ aws.Retryer }

func (r answeredOnly) IsErrorRetryable(err error) bool {
	answer, _ := errors.AsType[*smithyhttp.ResponseError](err)
	answered := answer != nil && answer.Response != nil && answer.HTTPStatusCode() != 0 // which stands for none
	return (answered || request.NeverSent(err)) && r.Retryer.IsErrorRetryable(err)
}
