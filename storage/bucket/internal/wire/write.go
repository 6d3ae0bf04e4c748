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

// PutObject is that of Client. d is the additional checksum.
func (s *sdkRequests) PutObject(ctx context.Context, key string, b storage.Block, d request.Digest, opts storage.WriteOptions) (request.Written, error) {
	ctx = withExtra(ctx, extra{
		payloadHash: s.dialect.PayloadHash(b),
		headers:     append(d.Headers(), s.dialect.AttributeHeaders(&opts)...),
	})
	out, err := s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, RequestPayer: s.payer,
		Body: bodyOf(b), ContentLength: aws.Int64(request.Length(b)), ContentMD5: optional(s.dialect.ContentMD5(b)),
		IfMatch: quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	}, once(b, opts.Once))
	if err != nil {
		return request.Written{}, s.translator.classify(err)
	}
	return s.dialect.OfPut(answered(out.ResultMetadata)), nil
}

// UploadPart is that of Client.
func (s *sdkRequests) UploadPart(ctx context.Context, u request.Upload, n int, b storage.Block, d request.Digest) (request.Written, error) {
	ctx = withExtra(ctx, extra{payloadHash: s.dialect.PayloadHash(b), headers: d.Headers()})
	out, err := s.client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &s.bucket, Key: &u.Key, RequestPayer: s.payer,
		UploadId: &u.ID, PartNumber: aws.Int32(int32(n)), //nolint:gosec // at most 10,000
		Body: bodyOf(b), ContentLength: aws.Int64(request.Length(b)), ContentMD5: optional(s.dialect.ContentMD5(b)),
	}, once(b, false))
	if err != nil {
		return request.Written{}, s.translator.classify(err)
	}
	h := answered(out.ResultMetadata)
	if err := d.Check(h); err != nil {
		return request.Written{}, err
	}
	return s.dialect.OfPart(h), nil
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
