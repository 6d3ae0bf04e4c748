package wire

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/transport"
)

// DeleteObject removes an object. If an ETag is given, the object must have it. onlyOnce
// is WriteOptions.Once. confirmed is false if the answer may not come from S3.
func (c *Client) DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	out, err := c.sdk.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &c.opts.Bucket, Key: &key, RequestPayer: c.payer, IfMatch: quoted(etag),
	}, once(storage.Block{}, onlyOnce))
	if err != nil {
		return false, c.classify(err)
	}
	return confirmsDeletion(out.ResultMetadata), nil
}

// confirmsDeletion reports whether an answer to DeleteObject can only be one of S3:
// nothing, with the status that says so, or with a request ID.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
func confirmsDeletion(metadata middleware.Metadata) bool {
	r, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response)
	return ok && (r.StatusCode == http.StatusNoContent || answer.HasRequestID(r.Header))
}

// A Deletion is what an answer to DeleteObjects says of a key, which the server may
// write in another way than it was sent.
type Deletion struct {
	Key string
	Err error // nil if the object is deleted
}

// DeleteObjects removes objects with one request. It returns what the server says. The
// answer may not name all keys: some servers name only what failed.
func (c *Client) DeleteObjects(ctx context.Context, keys []string) ([]Deletion, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
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
	deletions := make([]Deletion, 0, len(out.Deleted)+len(out.Errors))
	for _, d := range out.Deleted {
		deletions = append(deletions, Deletion{Key: aws.ToString(d.Key)})
	}
	request := asked(out.ResultMetadata)
	for _, e := range out.Errors {
		err := c.ofCode(aws.ToString(e.Code), transport.Unsigned(request, aws.ToString(e.Message)))
		deletions = append(deletions, Deletion{aws.ToString(e.Key), err})
	}
	return deletions, nil
}
