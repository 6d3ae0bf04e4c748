package wire

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage"
)

// PutObject writes an object. It keeps opts.Once, and makes one attempt only for a
// stream.
func (c *Client) PutObject(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (Written, error) {
	d, err := DigestOf(b, opts.Checksum)
	if err != nil {
		return Written{}, err
	}
	ctx, cancel := c.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{
		payloadHash: c.payloadHash(b),
		headers:     append(d.headers(), c.attributeHeaders(&opts)...),
	})
	out, err := c.sdk.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer,
		Body: bodyOf(b), ContentLength: aws.Int64(Length(b)), ContentMD5: c.contentMD5(b),
		IfMatch: quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	}, once(b, opts.Once))
	if err != nil {
		return Written{}, c.classify(err)
	}
	w := Written{
		ETag:        unquoted(out.ETag),
		VersionID:   aws.ToString(out.VersionId),
		Checksums:   checksumsIn(answered(out.ResultMetadata)),
		Unconfirmed: c.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}
	w.ETagNotDigest = c.etagNotDigest(w.ETag, out.ServerSideEncryption, out.SSECustomerAlgorithm)
	return w, nil
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

// Length is how many bytes a block has.
func Length(b storage.Block) int64 {
	if b.Stream != nil {
		return b.Size
	}
	return int64(len(b.Data))
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
