package wire

import (
	"context"
	"errors"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"s3sync/internal/grace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// retryer returns the SDK's standard retryer with two differences. First, package request
// decides whether a request is retried, and when. Second, no request fails because others
// used up a budget of retries: it waits.
func (t *translator) retryer(attempts int) aws.Retryer {
	return calmRetryer{t, retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = max(attempts, 1)
		o.RateLimiter = ratelimit.None
		o.Retryables = []retry.IsErrorRetryable{
			retry.NoRetryCanceledError{},
			retry.RetryableError{}, // such as a wrong clock, which the SDK then corrects
			retry.IsErrorRetryableFunc(t.retryable),
		}
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			return t.Pause(attempt, false, plain(err)) // whose error ends the attempts
		})
	})}
}

// A calmRetryer waits before a retry as package direct does. It makes none once the
// context was canceled or grace.Stop of it is closed.
type calmRetryer struct {
	translator *translator
	aws.RetryerV2
}

// GetRetryToken is the only step before a retry that may wait.
func (r calmRetryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	r.translator.Await(ctx, plain(err))
	if grace.Stopped(ctx) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, r.translator.Failure(plain(err))
	}
	return r.RetryerV2.GetRetryToken(ctx, err)
}

// GetAttemptToken is the step before each attempt. The first one is made, because enter let
// the operation in. Before the others it ends the pause, and does not know why the last one
// failed. The request may have been carried out.
func (r calmRetryer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	made, _ := ctx.Value(madeKey{}).(*bool)
	if again := made == nil || *made; again && grace.Stopped(ctx) {
		return nil, &failure.Error{Kind: storage.ErrTransient, Text: "the request is not made again, because the run is ending"}
	}
	if made != nil {
		*made = true
	}
	return r.RetryerV2.GetAttemptToken(ctx)
}

// madeKey is the context key of whether an attempt of an operation was made. Attempts of
// one operation do not overlap.
type madeKey struct{}

// noteAttempts adds to a stack what tells the first attempt from others.
func noteAttempts(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("s3sync:Attempts",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			return next.HandleInitialize(context.WithValue(ctx, madeKey{}, new(bool)), in)
		}), middleware.Before)
}

// repeatable reports whether the attempts of a request have ended although it may be made
// again.
func repeatable(err error) bool {
	_, usedUp := errors.AsType[*retry.MaxAttemptsError](err)
	f, ok := errors.AsType[*failure.Error](err)
	return usedUp || ok && f.Repeatable
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

// GetAttemptToken is that of the retryer inside, which an aws.Retryer hides.
func (r answeredOnly) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	if inner, ok := r.Retryer.(aws.RetryerV2); ok {
		return inner.GetAttemptToken(ctx)
	}
	return r.GetInitialToken(), nil
}
