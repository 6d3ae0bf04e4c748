package wire

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// PutObject writes an object. It keeps opts.Once, and makes one attempt only for a
// stream.
func (c *Client) PutObject(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (request.Written, error) {
	d, err := request.DigestOf(b, opts.Checksum)
	if err != nil {
		return request.Written{}, err
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if c.direct != nil {
		return c.direct.PutObject(ctx, key, b, d, &opts)
	}
	ctx = withExtra(ctx, extra{
		payloadHash: c.dialect.PayloadHash(b),
		headers:     append(d.Headers(), c.dialect.AttributeHeaders(&opts)...),
	})
	out, err := c.sdk.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer,
		Body: bodyOf(b), ContentLength: aws.Int64(request.Length(b)), ContentMD5: optional(c.dialect.ContentMD5(b)),
		IfMatch: quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	}, once(b, opts.Once))
	if err != nil {
		return request.Written{}, c.classify(err)
	}
	return c.dialect.OfPut(answered(out.ResultMetadata)), nil
}

// ifNoneMatch is the header of IfAbsent.
func ifNoneMatch(opts *storage.WriteOptions) *string {
	if !opts.IfAbsent {
		return nil
	}
	any := "*"
	return &any
}

func bodyOf(b storage.Block) io.Reader {
	if b.Stream != nil {
		return b.Stream
	}
	return bytes.NewReader(b.Data)
}

// once keeps the SDK from retrying a stream, which can be read only once. If onlyOnce is
// set, it also keeps the SDK from retrying a request that may have been carried out.
func once(b storage.Block, onlyOnce bool) func(*s3.Options) {
	return func(o *s3.Options) {
		switch {
		case b.Stream != nil:
			o.Retryer = aws.NopRetryer{}
		case onlyOnce:
			o.Retryer = answeredOnly{o.Retryer}
		}
	}
}
