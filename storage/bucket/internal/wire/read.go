package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/storage/bucket/internal/request"
)

// asking asks for checksums by a header of its own. If the SDK knew of them, it would
// compute those of the bytes that are read, and fail by itself. Callers do that already.
func asking(ctx context.Context, ref request.ObjectRef) context.Context {
	if !ref.Checksums {
		return ctx
	}
	return withExtra(ctx, extra{headers: []request.Header{{Name: request.ChecksumMode, Value: "ENABLED"}}})
}

// HeadObject is that of Client.
func (s *sdkRequests) HeadObject(ctx context.Context, ref request.ObjectRef) (*request.Answer, error) {
	in := &s3.HeadObjectInput{
		Bucket: &s.bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: s.payer,
	}
	if ref.Part > 0 {
		in.PartNumber = aws.Int32(int32(ref.Part)) //nolint:gosec // at most 10,000
	}
	out, err := s.client.HeadObject(asking(ctx, ref), in)
	if err != nil {
		return nil, s.translator.classify(err)
	}
	a, err := s.dialect.OfHead(ref, answered(out.ResultMetadata))
	return a, s.translator.classify(err)
}

// GetObject is that of Client.
func (s *sdkRequests) GetObject(ctx context.Context, ref request.ObjectRef, off, n int64) (*request.Answer, error) {
	in := &s3.GetObjectInput{
		Bucket: &s.bucket, Key: &ref.Key,
		VersionId: optional(ref.VersionID), IfMatch: quoted(ref.ETag), RequestPayer: s.payer,
	}
	if n > 0 {
		in.Range = aws.String(request.Range(off, n))
	}
	out, err := s.client.GetObject(asking(ctx, ref), in)
	if err != nil {
		return nil, s.translator.classify(err)
	}
	a, err := s.dialect.OfGet(ref, answered(out.ResultMetadata))
	if err != nil {
		_ = out.Body.Close() // nobody reads it
		return nil, s.translator.classify(err)
	}
	a.Body = out.Body
	return a, nil
}
