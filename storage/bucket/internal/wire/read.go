package wire

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// asking asks for checksums by a header of its own. If the SDK knew of them, it would
// compute those of the bytes that are read, and fail by itself. Callers do that already.
func asking(ctx context.Context, ref request.ObjectRef) context.Context {
	if !ref.Checksums {
		return ctx
	}
	return withExtra(ctx, extra{headers: []request.Header{{Name: request.ChecksumMode, Value: "ENABLED"}}})
}

// HeadObject asks for the headers of an object.
func (c *Client) HeadObject(ctx context.Context, ref request.ObjectRef) (request.Answer, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if c.direct != nil {
		return c.direct.HeadObject(ctx, ref)
	}
	in := &s3.HeadObjectInput{
		Bucket: &c.opts.Bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: c.payer,
	}
	if ref.Part > 0 {
		in.PartNumber = aws.Int32(int32(ref.Part)) //nolint:gosec // at most 10,000
	}
	out, err := c.sdk.HeadObject(asking(ctx, ref), in)
	if err != nil {
		return request.Answer{}, c.classify(err)
	}
	a, err := c.dialect.OfHead(ref, answered(out.ResultMetadata))
	return a, c.classify(err)
}

// GetObject asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (c *Client) GetObject(ctx context.Context, ref request.ObjectRef, off, n int64) (request.Answer, error) {
	if ctx.Err() != nil { // AfterFunc cancels asynchronously
		return request.Answer{}, ctx.Err()
	}
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(ctx.Err()) })
	defer stop()
	if d := c.opts.OperationTimeout; d > 0 {
		timer := time.AfterFunc(d, func() { cancel(&transport.TimeoutError{What: "no answer", After: d}) })
		defer timer.Stop()
	}
	a, err := c.getObject(life, ref, off, n)
	if err != nil {
		err = c.classify(transport.OwnCause(life, err))
		cancel(nil)
		return request.Answer{}, err
	}
	a.Body = &body{a.Body, cancel}
	return a, nil
}

// getObject makes the request of GetObject in a context that ends with the body.
func (c *Client) getObject(ctx context.Context, ref request.ObjectRef, off, n int64) (request.Answer, error) {
	if c.direct != nil {
		return c.direct.GetObject(ctx, ref, off, n)
	}
	in := &s3.GetObjectInput{
		Bucket: &c.opts.Bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: c.payer,
	}
	if n > 0 {
		in.Range = aws.String(request.Range(off, n))
	}
	out, err := c.sdk.GetObject(asking(ctx, ref), in)
	if err != nil {
		return request.Answer{}, err
	}
	a, err := c.dialect.OfGet(ref, answered(out.ResultMetadata))
	if err != nil {
		_ = out.Body.Close() // nobody reads it
		return request.Answer{}, err
	}
	a.Body = out.Body
	return a, nil
}

// A body is that of an answer, with what ends its request.
type body struct {
	io.ReadCloser

	cancel context.CancelCauseFunc
}

func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
