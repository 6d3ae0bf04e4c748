package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
)

var _ storage.Tagger = (*Store)(nil)

// Tags asks for the tags of an object. A directory bucket has none:
// errors.ErrUnsupported.
func (s *Store) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	permission := "s3:GetObjectTagging"
	if versionID != "" {
		permission = "s3:GetObjectVersionTagging"
	}
	tags, err := s.getTags(ctx, key, versionID)
	return tags, s.fail(ctx, "get tags", key, needing(permission, err))
}

func (s *Store) getTags(ctx context.Context, key, versionID string) (map[string]string, error) {
	if s.directory {
		return nil, errNoTags()
	}
	if err := s.checkSingle(key); err != nil {
		return nil, err
	}
	tags, err := s.askTags(ctx, key, versionID)
	f, ok := errors.AsType[*failure](err)
	switch {
	case err == nil, errors.Is(err, fs.ErrPermission):
		s.tagging.answered.Store(true)
	case ok && f.status == http.StatusMethodNotAllowed:
		// Some servers say so of a delete marker.
		if _, herr := s.head(ctx, target{key: key, versionID: versionID}); errors.Is(herr, fs.ErrNotExist) {
			return nil, herr
		}
	}
	return tags, err
}

func (s *Store) askTags(ctx context.Context, key, versionID string) (map[string]string, error) {
	lctx, cancel := s.limited(ctx)
	defer cancel()
	var body countedBody
	out, err := s.sdk.GetObjectTagging(lctx, &s3.GetObjectTaggingInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), VersionId: optional(versionID), RequestPayer: s.payer,
	}, body.watch)
	switch {
	case err != nil:
		return nil, s.client.classify(err)
	case out.TagSet == nil && body.n == 0:
		return s.emptyTags(ctx, key, versionID)
	case out.TagSet == nil:
		// A body without tags in it is decoded to nothing at all. It must not pass
		// for an object without tags.
		return nil, garbled("it holds no tag set")
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// emptyTags is for an answer without a body: Ceph RGW 16 says so that there are no
// tags. A HEAD has to agree.
func (s *Store) emptyTags(ctx context.Context, key, versionID string) (map[string]string, error) {
	a, err := s.head(ctx, target{key: key, versionID: versionID})
	switch {
	case err != nil:
		return nil, err
	case a.info.TagCount > 0:
		return nil, garbled("it is empty, and the object has %d tags", a.info.TagCount)
	}
	return map[string]string{}, nil
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
					return out, metadata, &failure{
						kind: errors.ErrUnsupported, text: "the server knows no tags: asked for them, it answers with the object",
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

// SetTags replaces the tags of an object. A server that knows no tags may take the
// request for one to write or delete the object: so it has to answer a question for
// tags first, once.
func (s *Store) SetTags(ctx context.Context, key string, tags map[string]string) error {
	permission := "s3:PutObjectTagging"
	err := s.checkSingle(key)
	if err == nil && !s.tagging.answered.Load() {
		if _, err = s.getTags(ctx, key, ""); errors.Is(err, fs.ErrPermission) {
			err = nil // a server that knows of it
		}
	}
	switch {
	case err != nil:
	case len(tags) == 0:
		permission = "s3:DeleteObjectTagging"
		err = s.deleteTags(ctx, key)
	default:
		err = s.putTags(ctx, key, tags)
	}
	return s.fail(ctx, "set tags", key, needing(permission, err))
}

func (s *Store) putTags(ctx context.Context, key string, tags map[string]string) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	set := make([]types.Tag, 0, len(tags))
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		set = append(set, types.Tag{Key: aws.String(name), Value: aws.String(tags[name])})
	}
	_, err := s.sdk.PutObjectTagging(ctx, &s3.PutObjectTaggingInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), RequestPayer: s.payer,
		Tagging: &types.Tagging{TagSet: set},
	}, s.withContentMD5)
	return s.client.classify(err)
}

// deleteTags is the one request of an object that nobody pays extra for.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html
func (s *Store) deleteTags(ctx context.Context, key string) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	_, err := s.sdk.DeleteObjectTagging(ctx, &s3.DeleteObjectTaggingInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)),
	})
	return s.client.classify(err)
}

// errNoTags: directory buckets have no tags of objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func errNoTags() error {
	return &failure{kind: errors.ErrUnsupported, text: "objects in directory buckets have no tags"}
}

// needing names the permission that is missing where one is: tags have their own.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html
func needing(permission string, err error) error {
	f, ok := errors.AsType[*failure](err)
	if !ok || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	told := *f
	told.text = fmt.Sprintf("%s (it takes the permission %s)", f.text, permission)
	return &told
}
