package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

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
	ctx, cancel := s.limited(ctx)
	defer cancel()
	out, err := s.sdk.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{
		Bucket: &s.opts.Bucket, Key: aws.String(s.full(key)), VersionId: optional(versionID), RequestPayer: s.payer,
	})
	if err != nil {
		return nil, s.client.classify(err)
	}
	// A body without tags in it is decoded to nothing at all. It must not pass for
	// an object without tags.
	if out.TagSet == nil {
		return nil, garbled("it holds no tag set")
	}
	tags := make(map[string]string, len(out.TagSet))
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

// SetTags replaces the tags of an object.
func (s *Store) SetTags(ctx context.Context, key string, tags map[string]string) error {
	var err error
	permission := "s3:PutObjectTagging"
	switch {
	case s.directory:
		err = errNoTags()
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
