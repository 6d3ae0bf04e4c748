package bucket

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/objects"
	"s3sync/storage/bucket/internal/request"
)

// tags reads and writes the tags of objects.
type tags struct {
	*objects.Objects

	known *tagging
}

func (t *tags) read(ctx context.Context, key, versionID string) (map[string]string, error) {
	tags, err := t.getTags(ctx, key, versionID)
	return tags, t.Fail(ctx, "get tags", key, err)
}

func (t *tags) getTags(ctx context.Context, key, versionID string) (map[string]string, error) {
	if t.Directory {
		return nil, errNoTags()
	}
	if err := t.CheckSingle(key); err != nil {
		return nil, err
	}
	tags, err := t.ask(ctx, key, versionID)
	f, ok := errors.AsType[*failure.Error](err)
	switch {
	case err == nil, errors.Is(err, fs.ErrPermission):
		t.known.answered.Store(true)
	case ok && f.Status == http.StatusMethodNotAllowed:
		// Some servers say so of a delete marker.
		if _, herr := t.Head(ctx, request.ObjectRef{Key: key, VersionID: versionID}); errors.Is(herr, fs.ErrNotExist) {
			return nil, herr
		}
	}
	return tags, err
}

func (t *tags) ask(ctx context.Context, key, versionID string) (map[string]string, error) {
	found, err := t.Wire.GetObjectTagging(ctx, t.Full(key), versionID)
	if err == nil && found == nil {
		return t.emptyTags(ctx, key, versionID)
	}
	return found, err
}

// emptyTags handles an answer without a body. Ceph RGW 16 sends one if there are no
// tags. A HEAD must confirm that.
func (t *tags) emptyTags(ctx context.Context, key, versionID string) (map[string]string, error) {
	a, err := t.Head(ctx, request.ObjectRef{Key: key, VersionID: versionID})
	switch {
	case err != nil:
		return nil, err
	case a.Info.TagCount > 0:
		return nil, failure.Garbled("it is empty, and the object has %d tags", a.Info.TagCount)
	}
	return map[string]string{}, nil
}

// replace replaces the tags of an object. A server that knows no tags may understand
// that request as one to write or delete the object. So the server must first have
// answered one request for tags.
func (t *tags) replace(ctx context.Context, key string, tags map[string]string) error {
	err := t.CheckSingle(key)
	if err == nil && !t.known.answered.Load() {
		if _, err = t.getTags(ctx, key, ""); errors.Is(err, fs.ErrPermission) {
			err = nil // a server that knows of it
		}
	}
	switch {
	case err != nil:
	case len(tags) == 0:
		err = t.Wire.DeleteObjectTagging(ctx, t.Full(key))
	default:
		err = t.Wire.PutObjectTagging(ctx, t.Full(key), tags)
	}
	return t.Fail(ctx, "set tags", key, err)
}

// errNoTags: directory buckets have no tags of objects.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func errNoTags() error {
	return &failure.Error{Kind: errors.ErrUnsupported, Text: "objects in directory buckets have no tags"}
}
