package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
)

// credentials returns those that requests are signed with. Its errors are failures.
func (c *Client) credentials(ctx context.Context) (sigv4.Credentials, error) {
	creds, err := c.signs.Retrieve(ctx)
	if err != nil {
		return sigv4.Credentials{}, c.classify(err)
	}
	return sigv4.Credentials{AccessKey: creds.AccessKeyID, SecretKey: creds.SecretAccessKey, SessionToken: creds.SessionToken}, nil
}

// A renewal gets other credentials in place of some that have expired.
type renewal struct {
	turn chan struct{} // held by who renews
	last time.Time
}

func newRenewal() renewal { return renewal{turn: make(chan struct{}, 1)} }

// guessEvery is how often credentials are renewed at most that may have expired.
const guessEvery = time.Minute

// renew gets other credentials than those that were used, and reports whether there are any.
// sure is false if they may have expired. Many requests find out at the same time.
func (c *Client) renew(ctx context.Context, used sigv4.Credentials, sure bool) bool {
	r := &c.renewal
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return false
	}
	now, err := c.credentials(ctx)
	if err != nil || now != used {
		return err == nil
	}
	cache, ok := c.signs.(account.Renewable)
	if !ok || !sure && time.Since(r.last) < guessEvery {
		return false
	}
	r.last = time.Now()
	cache.Invalidate()
	now, err = c.credentials(ctx)
	return err == nil && now != used
}

// correct adds to a stack that a request is made once more after a refusal that tells what
// is wrong with it, as package direct does. The SDK itself corrects the time.
func (c *Client) correct(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("s3sync:Correct",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			if c.dialect.Directory { // its sessions are renewed in another way
				return next.HandleInitialize(ctx, in)
			}
			var used sigv4.Credentials
			if !c.opts.Account.Anonymous {
				used, _ = c.credentials(ctx) // the request reports the error
			}
			region := c.region()
			out, metadata, err := next.HandleInitialize(ctx, in)
			if err != nil && c.corrected(ctx, in.Parameters, err, region, used) && rewound(in.Parameters) {
				out, metadata, err = next.HandleInitialize(ctx, in)
			}
			return out, metadata, err
		}), middleware.After)
}

// corrected reports whether a request that was refused can be made in another way now.
func (c *Client) corrected(ctx context.Context, in any, err error, region string, used sigv4.Credentials) bool {
	r, ok := errors.AsType[*request.RefusalError](plain(err))
	if !ok {
		return false
	}
	asked, head := in.(*s3.HeadObjectInput)
	if right := r.MovedTo(region, head); right != "" && c.move(ctx, right) {
		return true
	}
	expired, maybe := r.Expired(head && asked.PartNumber == nil, used.SessionToken != "")
	return used != sigv4.Credentials{} && (expired || maybe) && c.renew(ctx, used, expired)
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
