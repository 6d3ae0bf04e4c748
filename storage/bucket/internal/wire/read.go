package wire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/transport"
)

// An ObjectRef names what is read, and on which condition.
type ObjectRef struct {
	Key       string
	VersionID string
	ETag      string // If-Match, without quotes; empty is no condition
	Part      int    // asks for that part; 0 is the object
	Checksums bool   // asks for the additional checksums, too; not for those of a part
}

// asking asks for checksums by a header of its own. If the SDK knew of them, it would
// compute those of the bytes that are read, and fail by itself. Callers do that already.
func (ref *ObjectRef) asking(ctx context.Context) context.Context {
	if !ref.Checksums {
		return ctx
	}
	return withExtra(ctx, extra{headers: []header{{checksumMode, "ENABLED"}}})
}

// An Answer is the answer to a GET or HEAD.
type Answer struct {
	Info          storage.Info // Size is that of a HEAD only
	ContentLength int64
	ContentRange  string
	Body          io.ReadCloser // of a GET
	RequestID     bool          // it names the request
	Date          time.Time     // of the server when it answered a HEAD; ours if it does not tell
	// Customer: with a customer key. Listings have other ETags of such objects.
	Customer bool
	// Unconfirmed, of a HEAD: the object is not encrypted as this client writes.
	Unconfirmed error
}

// Written returns what a HEAD tells of an object as an earlier write of it would have.
func (a *Answer) Written() Written {
	return Written{
		ETag: a.Info.ETag, VersionID: a.Info.VersionID, ETagNotDigest: a.Info.ETagNotDigest,
		Checksums: a.Info.Checksums, Unconfirmed: a.Unconfirmed,
	}
}

// HeadObject asks for the headers of an object.
func (c *Client) HeadObject(ctx context.Context, ref ObjectRef) (Answer, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	in := &s3.HeadObjectInput{
		Bucket: &c.opts.Bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: c.payer,
	}
	if ref.Part > 0 {
		in.PartNumber = aws.Int32(int32(ref.Part)) //nolint:gosec // at most 10,000
	}
	out, err := c.sdk.HeadObject(ref.asking(ctx), in)
	if err != nil {
		return Answer{}, c.classify(err)
	}
	h := answered(out.ResultMetadata)
	a := Answer{
		Info: c.infoOf(ref.Key, h, out.Metadata), ContentLength: aws.ToInt64(out.ContentLength),
		RequestID: answer.HasRequestID(h), Date: dateOf(h), Customer: out.SSECustomerAlgorithm != nil,
	}
	if ref.Checksums {
		a.Info.Checksums = checksumsIn(h)
	}
	a.Info.Size = a.ContentLength
	a.Unconfirmed = c.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm)
	return a, nil
}

// dateOf returns the time of an answer by the clock of the server, or by the clock of
// this machine if the answer has none.
func dateOf(h http.Header) time.Time {
	if t, err := http.ParseTime(h.Get("Date")); err == nil {
		return t
	}
	return time.Now()
}

// GetObject asks for n bytes of an object from off, or for all of it if n is 0. The
// body outlives ctx: it ends when it is closed.
func (c *Client) GetObject(ctx context.Context, ref ObjectRef, off, n int64) (Answer, error) {
	in := &s3.GetObjectInput{
		Bucket: &c.opts.Bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: c.payer,
	}
	if n > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	}
	if ctx.Err() != nil { // AfterFunc cancels asynchronously
		return Answer{}, ctx.Err()
	}
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { cancel(ctx.Err()) })
	defer stop()
	if d := c.opts.OperationTimeout; d > 0 {
		timer := time.AfterFunc(d, func() { cancel(&transport.TimeoutError{What: "no answer", After: d}) })
		defer timer.Stop()
	}
	out, err := c.sdk.GetObject(ref.asking(life), in)
	if err != nil {
		err = c.classify(transport.OwnCause(life, err))
		cancel(nil)
		return Answer{}, err
	}
	h := answered(out.ResultMetadata)
	a := Answer{
		Info:          c.infoOf(ref.Key, h, out.Metadata),
		ContentLength: aws.ToInt64(out.ContentLength),
		ContentRange:  aws.ToString(out.ContentRange),
		Body:          &body{out.Body, cancel},
		RequestID:     answer.HasRequestID(h),
		Customer:      out.SSECustomerAlgorithm != nil,
	}
	if ref.Checksums && a.ContentRange == "" { // or they may be those of a part
		a.Info.Checksums = checksumsIn(h)
	}
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
