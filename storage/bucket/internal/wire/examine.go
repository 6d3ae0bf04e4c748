package wire

import (
	"context"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// The requests of this file are not for syncing: they find out about a bucket.

// Identity returns who signs the requests. The zero Identity is nobody: they are not
// signed. It asks AWS for the name only if the requests go to AWS. err is why AWS does not
// tell the name; the rest is valid then if it has an access key.
func (c *Client) Identity(ctx context.Context) (account.Identity, error) {
	if c.identify == nil {
		return account.Identity{}, nil
	}
	id, err := c.identify(ctx)
	if err != nil {
		return id, c.translator.Secrets.Hide(c.translator.classify(err))
	}
	return id, nil
}

// identifier returns the function behind Identity.
func (c *Client) identifier(cfg aws.Config) func(context.Context) (account.Identity, error) {
	return func(ctx context.Context) (account.Identity, error) {
		return account.Identify(ctx, cfg, address.IsPartition(c.Server()))
	}
}

// Regions returns the region that is configured, and the one that requests go to.
func (c *Client) Regions() (configured, current string) {
	return c.translator.Region, c.router.region()
}

// HeadBucket asks whether the bucket can be used. What an answer tells is returned even if
// it is a refusal. A HEAD has no body, so that the error says little.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
func (c *Client) HeadBucket(ctx context.Context) (request.BucketAnswer, error) {
	var answer request.BucketAnswer
	watch := func(o *s3.Options) {
		o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error { return addTimer(stack, &answer) })
	}
	_, err := operate(ctx, c, func(ctx context.Context) (*s3.HeadBucketOutput, error) {
		return c.sdk.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &c.sdk.bucket}, watch)
	})
	return answer, err
}

// addTimer adds to a stack what keeps the last answer and how long it took.
func addTimer(stack *middleware.Stack, answer *request.BucketAnswer) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:Timer",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			began := time.Now()
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if resp, ok := out.RawResponse.(*smithyhttp.Response); ok && resp != nil && resp.Response != nil {
				*answer = bucketAnswer(resp.Header, time.Since(began))
			}
			return out, metadata, err
		}), middleware.After) // the first to see the answer
}

func bucketAnswer(h http.Header, took time.Duration) request.BucketAnswer {
	a := request.BucketAnswer{Took: took, Arrived: time.Now(), Region: h.Get("X-Amz-Bucket-Region")}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		a.Date = date
	}
	return a
}

// GetBucketVersioning returns "Enabled", "Suspended" or, if versions were never kept,
// nothing.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
func (c *Client) GetBucketVersioning(ctx context.Context) (string, error) {
	out, err := operate(ctx, c, func(ctx context.Context) (*s3.GetBucketVersioningOutput, error) {
		return c.sdk.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &c.sdk.bucket})
	})
	if err != nil {
		return "", err
	}
	return string(out.Status), nil
}

// GetObjectLockConfiguration reports whether objects can be locked, and how new ones are
// locked by default: "GOVERNANCE", "COMPLIANCE" or, if they are not, nothing.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html
func (c *Client) GetObjectLockConfiguration(ctx context.Context) (enabled bool, mode string, err error) {
	out, err := operate(ctx, c, func(ctx context.Context) (*s3.GetObjectLockConfigurationOutput, error) {
		return c.sdk.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &c.sdk.bucket})
	})
	switch {
	case failure.HasCode(err, "ObjectLockConfigurationNotFoundError"):
		return false, "", nil
	case err != nil:
		return false, "", err
	case out.ObjectLockConfiguration == nil:
		return false, "", failure.Garbled("it holds no configuration")
	}
	lock := out.ObjectLockConfiguration
	if lock.Rule != nil && lock.Rule.DefaultRetention != nil {
		mode = string(lock.Rule.DefaultRetention.Mode)
	}
	return lock.ObjectLockEnabled == "Enabled", mode, nil
}
