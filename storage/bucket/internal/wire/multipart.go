package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
)

// An Upload is a multipart upload.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_MultipartUpload.html
type Upload struct{ Key, ID string }

// A Part was acknowledged by the server.
type Part struct {
	Number int // counted from 1
	ETag   string
	Digest Digest
	Size   int64
}

// CreateMultipartUpload begins an upload. Of Written, it sets only ETagNotDigest and
// Unconfirmed, because there is no ETag yet.
func (c *Client) CreateMultipartUpload(ctx context.Context, key string, opts storage.WriteOptions) (Upload, Written, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{headers: append(uploadHeaders(opts.Checksum), c.attributeHeaders(&opts)...)})
	out, err := c.sdk.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer,
	})
	if err != nil {
		return Upload{}, Written{}, c.classify(err)
	}
	return Upload{Key: key, ID: aws.ToString(out.UploadId)}, Written{
		// No ETag is known yet: encryption alone decides.
		ETagNotDigest: c.etagNotDigest(emptyMD5, out.ServerSideEncryption, out.SSECustomerAlgorithm),
		Unconfirmed:   c.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}, nil
}

// UploadPart writes part n. It fails if the server answers another checksum than d.
func (c *Client) UploadPart(ctx context.Context, u Upload, n int, b storage.Block, d Digest) (Written, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	ctx = withExtra(ctx, extra{payloadHash: c.payloadHash(b), headers: d.headers()})
	out, err := c.sdk.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &c.opts.Bucket, Key: &u.Key, RequestPayer: c.payer,
		UploadId: &u.ID, PartNumber: aws.Int32(int32(n)), //nolint:gosec // at most 10,000
		Body: bodyOf(b), ContentLength: aws.Int64(Length(b)), ContentMD5: c.contentMD5(b),
	}, once(b, false))
	if err != nil {
		return Written{}, c.classify(err)
	}
	if err := d.check(answered(out.ResultMetadata)); err != nil {
		return Written{}, err
	}
	return Written{
		ETag: unquoted(out.ETag),
		// The ETag of a part may have any form: encryption alone decides.
		ETagNotDigest: c.etagNotDigest(emptyMD5, out.ServerSideEncryption, out.SSECustomerAlgorithm),
		Unconfirmed:   c.opts.Encryption.confirm(out.ServerSideEncryption, out.SSECustomerAlgorithm),
	}, nil
}

// CompleteMultipartUpload makes the object of parts in ascending order. The answer
// may name no ETag. The SDK recognises an error in an answer whose status is 200.
func (c *Client) CompleteMultipartUpload(ctx context.Context, u Upload, parts []Part, opts storage.WriteOptions) (Written, error) {
	var list []types.CompletedPart
	for _, p := range parts {
		part := types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: quoted(p.ETag)} //nolint:gosec // at most 10,000
		if p.Digest.Algorithm != "" {
			*checksumField(&part, p.Digest.Algorithm) = aws.String(p.Digest.String())
		}
		list = append(list, part)
	}
	headers, err := completeHeaders(opts.Checksum, parts)
	if err != nil {
		return Written{}, err
	}
	ctx, cancel := c.limited(withExtra(ctx, extra{headers: headers}))
	defer cancel()
	out, err := c.sdk.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &c.opts.Bucket, Key: &u.Key, RequestPayer: c.payer, UploadId: &u.ID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: list},
		IfMatch:         quoted(opts.IfMatch), IfNoneMatch: ifNoneMatch(&opts),
	})
	if err != nil {
		return Written{}, c.classify(err)
	}
	if out.ETag != nil && !answer.IsETag(unquoted(out.ETag)) {
		return Written{}, failure.Garbled("it names no ETag of the object")
	}
	w := Written{ETag: unquoted(out.ETag), VersionID: aws.ToString(out.VersionId), Checksums: completedChecksums(out)}
	w.ETagNotDigest = c.etagNotDigest(w.ETag, out.ServerSideEncryption, nil)
	return w, nil
}

// AbortMultipartUpload ends an upload and removes its parts. One that is gone is
// fine.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html
func (c *Client) AbortMultipartUpload(ctx context.Context, u Upload) error {
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
