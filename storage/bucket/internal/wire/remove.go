package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// DeleteObject removes an object. If an ETag is given, the object must have it. onlyOnce
// is WriteOptions.Once. confirmed is false if the answer may not come from S3.
func (c *Client) DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if c.direct != nil {
		return c.direct.DeleteObject(ctx, key, etag, onlyOnce)
	}
	out, err := c.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer, IfMatch: quoted(etag),
	}, once(storage.Block{}, onlyOnce))
	if err != nil {
		return false, c.classify(err)
	}
	r, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	return ok && request.ConfirmsDeletion(r.StatusCode, r.Header), nil
}

// DeleteObjects removes objects with one request. It returns what the server says. The
// answer may not name all keys: some servers name only what failed.
func (c *Client) DeleteObjects(ctx context.Context, keys []string) ([]request.Deletion, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	if c.direct != nil {
		return c.direct.DeleteObjects(ctx, keys)
	}
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = &keys[i]
	}
	out, err := c.sdk.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &c.opts.Bucket, RequestPayer: c.payer,
		// Not quiet: otherwise a missing key would have to count as deleted.
		Delete: &types.Delete{Objects: ids},
	}, c.withContentMD5)
	if err != nil {
		return nil, c.classify(err)
	}
	deletions := make([]request.Deletion, 0, len(out.Deleted)+len(out.Errors))
	for _, d := range out.Deleted {
		deletions = append(deletions, request.Deletion{Key: aws.ToString(d.Key)})
	}
	sent := asked(out.ResultMetadata)
	for _, e := range out.Errors {
		err := c.translator.OfCode(aws.ToString(e.Code), transport.Unsigned(sent, aws.ToString(e.Message)))
		deletions = append(deletions, request.Deletion{Key: aws.ToString(e.Key), Err: err})
	}
	return deletions, nil
}
