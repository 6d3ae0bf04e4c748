package wire

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// ListParts asks for the parts of an upload whose numbers are greater than after. The page
// has the checksums of an algorithm, unless that is empty.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
func (c *Client) ListParts(ctx context.Context, u request.Upload, after int, alg storage.ChecksumAlgorithm) (request.PartsPage, error) {
	in := &s3.ListPartsInput{
		Bucket: &c.sdk.bucket, Key: &u.Key, RequestPayer: c.sdk.payer, UploadId: &u.ID,
	}
	if after > 0 {
		in.PartNumberMarker = aws.String(strconv.Itoa(after))
	}
	out, err := operate(ctx, c, func(ctx context.Context) (*s3.ListPartsOutput, error) {
		return c.sdk.client.ListParts(ctx, in)
	})
	if err != nil {
		return request.PartsPage{}, err
	}
	page := request.PartsPage{Truncated: aws.ToBool(out.IsTruncated)}
	if id := aws.ToString(out.UploadId); id != "" && id != u.ID {
		return page, failure.Garbled("it lists the parts of another upload")
	}
	for i := range out.Parts {
		p, err := listedPart(&out.Parts[i], alg)
		if err != nil {
			return page, err
		}
		if p.Number <= after {
			return page, failure.Garbled("part %d follows on part %d", p.Number, after)
		}
		after = p.Number
		page.Parts = append(page.Parts, p)
	}
	if page.Truncated && len(page.Parts) == 0 {
		return page, failure.Garbled("it lists no part, and says that there are more")
	}
	return page, nil
}

func listedPart(e *types.Part, alg storage.ChecksumAlgorithm) (storage.WrittenPart, error) {
	p := storage.WrittenPart{Number: int(aws.ToInt32(e.PartNumber)), Size: aws.ToInt64(e.Size), ETag: unquoted(e.ETag)}
	if p.Number < 1 || p.Number > request.MaxParts || e.Size == nil || p.Size < 0 || !answer.IsETag(p.ETag) {
		return p, failure.Garbled("the entry of part %d is not complete", p.Number)
	}
	if alg != "" {
		if value := *checksumField(e, alg); value != nil && len(*value) <= answer.MaxETag {
			p.Checksum = *value
		}
	}
	return p, nil
}

// ListMultipartUploads asks for uploads that have begun and not ended, of keys with a
// prefix, from a marker on.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html
func (c *Client) ListMultipartUploads(ctx context.Context, prefix string, from request.UploadMarker) (request.UploadsPage, error) {
	in := &s3.ListMultipartUploadsInput{
		Bucket: &c.sdk.bucket, Prefix: optional(prefix), RequestPayer: c.sdk.payer,
		KeyMarker: optional(from.Key), UploadIdMarker: optional(from.ID),
	}
	if !c.dialect.Directory {
		in.EncodingType = types.EncodingTypeUrl
	}
	out, err := operate(ctx, c, func(ctx context.Context) (*s3.ListMultipartUploadsOutput, error) {
		return c.sdk.client.ListMultipartUploads(ctx, in)
	})
	if err != nil {
		return request.UploadsPage{}, err
	}
	page := request.UploadsPage{Truncated: aws.ToBool(out.IsTruncated), Next: request.UploadMarker{ID: aws.ToString(out.NextUploadIdMarker)}}
	if page.Next.Key, err = decodeKey(out.NextKeyMarker, out.EncodingType); err != nil {
		return page, err
	}
	if page.Truncated && (page.Next == from || page.Next == request.UploadMarker{}) {
		return page, failure.Garbled("it says that there are more uploads, but not where they begin")
	}
	for _, e := range out.Uploads {
		key, err := decodeKey(e.Key, out.EncodingType)
		if err != nil {
			return page, err
		}
		u := request.OpenUpload{Upload: request.Upload{Key: key, ID: aws.ToString(e.UploadId)}, Began: aws.ToTime(e.Initiated)}
		if u.Key == "" || u.ID == "" {
			return page, failure.Garbled("the entry of key %q is not complete", u.Key)
		}
		page.Uploads = append(page.Uploads, u)
	}
	return page, nil
}
