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
)

// DeleteObject is that of Client.
func (s *sdkRequests) DeleteObject(ctx context.Context, key, etag string, onlyOnce bool) (confirmed bool, err error) {
	out, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{
		Bucket: &s.bucket, Key: &key, RequestPayer: s.payer, IfMatch: quoted(etag),
	}, once(storage.Block{}, onlyOnce))
	if err != nil {
		return false, s.translator.classify(err)
	}
	r, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	return ok && request.ConfirmsDeletion(r.StatusCode, r.Header), nil
}

// DeleteObjects is that of Client.
func (s *sdkRequests) DeleteObjects(ctx context.Context, keys []string) ([]request.Deletion, error) {
	ids := make([]types.ObjectIdentifier, len(keys))
	for i := range keys {
		ids[i].Key = &keys[i]
	}
	out, err := s.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &s.bucket, RequestPayer: s.payer,
		// Not quiet: otherwise a missing key would have to count as deleted.
		Delete: &types.Delete{Objects: ids},
	}, s.withContentMD5)
	if err != nil {
		return nil, s.translator.classify(err)
	}
	deletions := make([]request.Deletion, 0, len(out.Deleted)+len(out.Errors))
	for _, d := range out.Deleted {
		deletions = append(deletions, request.Deletion{Key: aws.ToString(d.Key)})
	}
	sent := asked(out.ResultMetadata)
	for _, e := range out.Errors {
		err := s.translator.OfDeletion(aws.ToString(e.Code), aws.ToString(e.Message), sent)
		deletions = append(deletions, request.Deletion{Key: aws.ToString(e.Key), Err: err})
	}
	return deletions, nil
}
