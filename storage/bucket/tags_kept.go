package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"sync/atomic"

	"s3sync/internal/setting"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/server"
)

// Some servers do not keep the tags that are sent with a write. Some ignore the header,
// and Ceph RGW 16 loses it when an upload in parts begins. So the tags of the first
// object that is written in each of the ways of tagWay are read back. If they are
// missing, tags are set after this write and all later ones.

// A tagWay is how tags are sent with a write.
type tagWay int

const (
	tagsOfPut tagWay = iota
	tagsOfUpload
	tagsOfCopy
	tagWays // how many there are
)

// A keeping says whether a server keeps tags that are sent with a write.
type keeping int

const (
	keepingUnknown keeping = iota
	keepingAlways
	keepingNever // they have to be set afterwards
)

// tagging is what is known of the tags of a server. In the zero value, nothing is.
type tagging struct {
	mu [tagWays]sync.Mutex // held while the server is asked, which is once

	keeping [tagWays]keeping
	// answered: the server has answered a request for tags, so it knows them.
	answered atomic.Bool
}

// keep makes sure that an object that was just written has its tags.
func (t *tags) keep(ctx context.Context, key string, way tagWay, opts storage.WriteOptions) error {
	if len(opts.Tags) == 0 || t.Directory {
		return nil
	}
	k := t.known
	k.mu[way].Lock()
	if k.keeping[way] == keepingUnknown {
		defer k.mu[way].Unlock() // whoever wrote meanwhile waits for the answer
		var err error
		k.keeping[way], err = t.askKeeping(ctx, key, opts)
		return err
	}
	kept := k.keeping[way]
	k.mu[way].Unlock()
	if kept == keepingAlways {
		return nil
	}
	return t.tagAfterwards(ctx, key, opts)
}

// askKeeping looks whether an object got its tags with its write, and sets them if not.
func (t *tags) askKeeping(ctx context.Context, key string, opts storage.WriteOptions) (keeping, error) {
	tags, err := t.getTags(ctx, key, "")
	switch {
	case err != nil:
		return t.keepingUnanswered(ctx, opts, err)
	case len(tags) > 0:
		return keepingAlways, nil
	}
	if err := t.tagAfterwards(ctx, key, opts); err != nil {
		return keepingUnknown, err
	}
	if tags, err = t.getTags(ctx, key, ""); err == nil && !maps.Equal(tags, opts.Tags) {
		return keepingAlways, t.tagsUnknown(opts, nil)
	}
	t.Server.Notice(storage.Notice{Text: fmt.Sprintf(
		"the server of bucket %q loses tags that come along with an object: they are set afterwards, by a request for each object", t.Bucket)})
	return keepingNever, nil
}

// keepingUnanswered decides if the tags could not be read back. The object was written,
// and most servers keep tags.
func (t *tags) keepingUnanswered(ctx context.Context, opts storage.WriteOptions, err error) (keeping, error) {
	again := storage.Gone(err) || ctx.Err() != nil // the next object is asked
	switch {
	case again:
		return keepingUnknown, nil
	case failure.IsUnsupported(err):
		return keepingAlways, t.tagsUnknown(opts, err)
	case !errors.Is(err, fs.ErrPermission):
		t.Server.Notice(storage.Notice{Warning: true, Text: fmt.Sprintf(
			"whether the server of bucket %q keeps the tags of what is written cannot be found out (%s)", t.Bucket, failure.Reason(err))})
	}
	return keepingAlways, nil
}

// tagAfterwards sets the tags of an object that was just written. If that fails, the
// object has no tags. It is not written again.
func (t *tags) tagAfterwards(ctx context.Context, key string, opts storage.WriteOptions) error {
	err := t.Wire.PutObjectTagging(ctx, t.Full(key), opts.Tags)
	switch {
	case err == nil:
		return nil
	case failure.IsUnsupported(err):
		return t.tagsUnknown(opts, err)
	}
	return failure.Naming(nil, setting.Textf(
		"the object was written, but its tags could not be set: %v (another run with %s repairs that)", err, setting.Name("Tagging.SyncLatest")))
}

// tagsUnknown handles a server that knows no tags. Objects are written without tags. If
// the user asked for tags, it fails, and the run ends.
func (t *tags) tagsUnknown(opts storage.WriteOptions, err error) error {
	t.Server.SetMissing(server.Tags)
	if opts.Inherited.Tags {
		warnDropped(t.Access, &opts, server.Tags)
		return nil
	}
	why := ""
	if err != nil {
		why = " (" + failure.Reason(err) + ")"
	}
	return failure.Naming(storage.ErrUnusable, setting.Textf("the server of bucket %q does not keep the tags that %s or %s asks for%s",
		t.Bucket, setting.Name("Tagging.Set"), setting.Name("Tagging.SyncLatest"), why))
}
