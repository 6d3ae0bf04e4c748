package wire

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage/bucket/internal/failure"
)

// GetObjectTagging asks for the tags of an object. They are nil if the answer has no
// body, which need not mean that there are none.
func (c *Client) GetObjectTagging(ctx context.Context, key, versionID string) (map[string]string, error) {
	var body countedBody
	out, err := operate(ctx, c, func(ctx context.Context) (*s3.GetObjectTaggingOutput, error) {
		return c.sdk.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
			Bucket: &c.sdk.bucket, Key: &key, VersionId: optional(versionID), RequestPayer: c.sdk.payer,
		}, body.watch)
	})
	switch {
	case err != nil:
		return nil, err
	case out.TagSet == nil && body.n == 0:
		return nil, nil
	case out.TagSet == nil:
		// A body without tags in it is decoded to nothing at all. It must not pass
		// for an object without tags.
		return nil, failure.Garbled("it holds no tag set")
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// A countedBody counts the bytes of an answer about tags.
type countedBody struct{ n int64 }

// watch adds it to a request. Each attempt begins anew. A server that knows no tags
// may not see that it is asked for them, and answer with the object itself, which
// is recognised by its headers before it is read.
func (c *countedBody) watch(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:CountedBody",
			func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
				middleware.DeserializeOutput, middleware.Metadata, error,
			) {
				out, metadata, err := next.HandleDeserialize(ctx, in)
				resp, ok := out.RawResponse.(*smithyhttp.Response)
				if !ok || err != nil || resp.Body == nil || resp.StatusCode != http.StatusOK {
					return out, metadata, err
				}
				if resp.Header.Get("Last-Modified") != "" && strings.HasPrefix(resp.Header.Get("ETag"), `"`) {
					_ = resp.Body.Close() // nobody wants it
					return out, metadata, &failure.Error{
						Kind: errors.ErrUnsupported, Text: "the server knows no tags: asked for them, it answers with the object",
					}
				}
				c.n = 0
				resp.Body = &countingReader{resp.Body, c}
				return out, metadata, nil
			}), middleware.After) // the first to see the answer
	})
}

type countingReader struct {
	io.ReadCloser

	counted *countedBody
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.counted.n += int64(n)
	return n, err
}

// PutObjectTagging replaces the tags of an object.
func (c *Client) PutObjectTagging(ctx context.Context, key string, tags map[string]string) error {
	set := make([]types.Tag, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, types.Tag{Key: aws.String(name), Value: aws.String(tags[name])})
	}
	_, err := operate(ctx, c, func(ctx context.Context) (*s3.PutObjectTaggingOutput, error) {
		return c.sdk.client.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
			Bucket: &c.sdk.bucket, Key: &key, RequestPayer: c.sdk.payer,
			Tagging: &types.Tagging{TagSet: set},
		}, c.sdk.withContentMD5)
	})
	return err
}

// DeleteObjectTagging removes the tags of an object. It is the one request of an
// object that nobody pays extra for.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html
func (c *Client) DeleteObjectTagging(ctx context.Context, key string) error {
	_, err := operate(ctx, c, func(ctx context.Context) (*s3.DeleteObjectTaggingOutput, error) {
		return c.sdk.client.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{Bucket: &c.sdk.bucket, Key: &key})
	})
	return err
}
