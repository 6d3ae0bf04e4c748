package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// CreateMultipartUpload begins an upload. Of Written, it sets only ETagNotDigest and
// Unconfirmed, because there is no ETag yet.
func (c *Client) CreateMultipartUpload(ctx context.Context, key string, opts storage.WriteOptions) (request.Upload, request.Written, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{headers: append(request.UploadHeaders(opts.Checksum), c.dialect.AttributeHeaders(&opts)...)})
	out, err := c.sdk.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer,
	})
	if err != nil {
		return request.Upload{}, request.Written{}, c.classify(err)
	}
	w := c.dialect.OfPart(answered(out.ResultMetadata))
	w.ETag = ""
	return request.Upload{Key: key, ID: aws.ToString(out.UploadId)}, w, nil
}

// UploadPart writes part n. It fails if the server answers another checksum than d.
func (c *Client) UploadPart(ctx context.Context, u request.Upload, n int, b storage.Block, d request.Digest) (request.Written, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if c.direct != nil {
		return c.direct.UploadPart(ctx, u, n, b, d)
	}
	ctx = withExtra(ctx, extra{payloadHash: c.dialect.PayloadHash(b), headers: d.Headers()})
	out, err := c.sdk.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &c.opts.Bucket, Key: &u.Key, RequestPayer: c.payer,
		UploadId: &u.ID, PartNumber: aws.Int32(int32(n)), //nolint:gosec // at most 10,000
		Body: bodyOf(b), ContentLength: aws.Int64(request.Length(b)), ContentMD5: optional(c.dialect.ContentMD5(b)),
	}, once(b, false))
	if err != nil {
		return request.Written{}, c.classify(err)
	}
	h := answered(out.ResultMetadata)
	if err := d.Check(h); err != nil {
		return request.Written{}, err
	}
	return c.dialect.OfPart(h), nil
}

// CompleteMultipartUpload makes the object of parts in ascending order. The answer
// may name no ETag. The SDK recognises an error in an answer whose status is 200.
func (c *Client) CompleteMultipartUpload(ctx context.Context, u request.Upload, parts []request.Part, opts storage.WriteOptions) (request.Written, error) {
	var list []types.CompletedPart
	for _, p := range parts {
		part := types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: quoted(p.ETag)} //nolint:gosec // at most 10,000
		if p.Digest.Algorithm != "" {
			*checksumField(&part, p.Digest.Algorithm) = aws.String(p.Digest.String())
		}
		list = append(list, part)
	}
	headers, err := request.CompleteHeaders(opts.Checksum, parts)
	if err != nil {
		return request.Written{}, err
	}
	ctx, cancel := c.limited(withExtra(ctx, extra{headers: headers}))
	defer cancel()
	out, err := c.sdk.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &c.opts.Bucket, Key: &u.Key, RequestPayer: c.payer, UploadId: &u.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		IfMatch:         quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	})
	if err != nil {
		return request.Written{}, c.classify(err)
	}
	if out.ETag != nil && !answer.IsETag(unquoted(out.ETag)) {
		return request.Written{}, failure.Garbled("it names no ETag of the object")
	}
	w := c.dialect.OfResult(unquoted(out.ETag), answered(out.ResultMetadata), completedChecksums(out))
	w.Unconfirmed = nil // the answer to CreateMultipartUpload told
	return w, nil
}

// AbortMultipartUpload ends an upload and removes its parts. One that is gone is
// fine.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (c *Client) AbortMultipartUpload(ctx context.Context, u request.Upload) error {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	_, err := c.sdk.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &c.opts.Bucket, Key: &u.Key, RequestPayer: c.payer, UploadId: &u.ID,
	})
	if err = c.classify(err); failure.HasCode(err, "NoSuchUpload") {
		return nil
	}
	return err
}
