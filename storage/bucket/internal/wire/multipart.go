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
	ctx = withExtra(ctx, extra{headers: append(request.UploadHeaders(opts.Checksum), c.dialect.AttributeHeaders(&opts)...)})
	out, err := write(ctx, c, func(ctx context.Context) (*s3.CreateMultipartUploadOutput, error) {
		return c.sdk.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
			Bucket: &c.sdk.bucket, Key: &key, RequestPayer: c.sdk.payer,
		})
	})
	if err != nil {
		return request.Upload{}, request.Written{}, err
	}
	w := c.dialect.OfPart(answered(out.ResultMetadata))
	w.ETag = ""
	return request.Upload{Key: key, ID: aws.ToString(out.UploadId)}, w, nil
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
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &c.sdk.bucket, Key: &u.Key, RequestPayer: c.sdk.payer, UploadId: &u.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		IfMatch:         quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	}
	ctx = withExtra(ctx, extra{headers: headers})
	out, err := write(ctx, c, func(ctx context.Context) (*s3.CompleteMultipartUploadOutput, error) {
		return c.sdk.client.CompleteMultipartUpload(ctx, in)
	})
	if err != nil {
		return request.Written{}, err
	}
	if out.ETag != nil && !answer.IsETag(unquoted(out.ETag)) {
		return request.Written{}, failure.Garbled("it names no ETag of the object")
	}
	w := c.dialect.OfResult(unquoted(out.ETag), answered(out.ResultMetadata), completedChecksums(out))
	w.Unconfirmed = nil // the answer to CreateMultipartUpload told
	return w, nil
}

// AbortMultipartUpload ends an upload and removes its parts. One that is gone is
// fine. It does not wait for the end of an outage: it is called with little time.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (c *Client) AbortMultipartUpload(ctx context.Context, u request.Upload) error {
	ctx, cancel := c.timeout.limit(ctx)
	defer cancel()
	_, err := c.sdk.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &c.sdk.bucket, Key: &u.Key, RequestPayer: c.sdk.payer, UploadId: &u.ID,
	})
	if err = c.translator.classify(err); failure.HasCode(err, "NoSuchUpload") {
		return nil
	}
	return err
}
