package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// credentials are those that requests are signed with. The methods may be
// called concurrently.
type credentials struct {
	cache      aws.CredentialsProvider
	translator *translator

	turn chan struct{} // held by who renews
	last time.Time     // when they were renewed
}

func newCredentials(cache aws.CredentialsProvider, t *translator) *credentials {
	return &credentials{cache: cache, translator: t, turn: make(chan struct{}, 1)}
}

// get returns the present ones. Its errors are failures.
func (c *credentials) get(ctx context.Context) (sigv4.Credentials, error) {
	creds, err := c.cache.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, c.translator.classify(err)
	}
	return sigv4.Credentials{AccessKey: creds.AccessKeyID, SecretKey: creds.SecretAccessKey, SessionToken: creds.SessionToken}, nil
}

// guessEvery is how often credentials are renewed at most that may have expired.
const guessEvery = time.Minute

// renew gets other credentials than those that were used, and reports whether there are any.
// sure is false if they may have expired. Many requests find out at the same time.
func (c *credentials) renew(ctx context.Context, used sigv4.Credentials, sure bool) bool {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return false
	}
	now, err := c.get(ctx)
	if err != nil || now != used {
		return err == nil
	}
	cache, ok := c.cache.(account.Renewable)
	if !ok || !sure && time.Since(c.last) < guessEvery {
		return false
	}
	c.last = time.Now()
	cache.Invalidate()
	now, err = c.get(ctx)
	return err == nil && now != used
}

// A corrector makes requests of the SDK once more after a refusal that tells what is wrong
// with them, as package direct does. The SDK itself corrects the time.
type corrector struct {
	router      *router
	credentials *credentials // nil: requests are not signed
}

// watch adds the corrector to a stack.
func (c *corrector) watch(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("s3sync:Correct",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			var used sigv4.Credentials
			if c.credentials != nil {
				used, _ = c.credentials.get(ctx) // the request reports the error
			}
			region := c.router.region()
			out, metadata, err := next.HandleInitialize(ctx, in)
			if err != nil && c.corrected(ctx, in.Parameters, err, region, used) && rewound(in.Parameters) {
				out, metadata, err = next.HandleInitialize(ctx, in)
			}
			return out, metadata, err
		}), middleware.After)
}

// corrected reports whether a request that was refused can be made in another way now.
func (c *corrector) corrected(ctx context.Context, in any, err error, region string, used sigv4.Credentials) bool {
	r, ok := errors.AsType[*request.RefusalError](plain(err))
	if !ok {
		return false
	}
	asked, head := in.(*s3.HeadObjectInput)
	if right := r.MovedTo(region, head); right != "" && c.router.move(ctx, right) {
		return true
	}
	expired, maybe := r.Expired(head && asked.PartNumber == nil, used.SessionToken != "")
	return used != sigv4.Credentials{} && (expired || maybe) && c.credentials.renew(ctx, used, expired)
}

// rewound makes the body of a request readable again. A stream cannot be.
func rewound(in any) bool {
	var body io.Reader
	switch in := in.(type) {
	case *s3.PutObjectInput:
		body = in.Body
	case *s3.UploadPartInput:
		body = in.Body
	}
	if body == nil {
		return true
	}
	data, ok := body.(*bytes.Reader)
	if ok {
		_, _ = data.Seek(0, io.SeekStart) // which cannot fail
	}
	return ok
}
