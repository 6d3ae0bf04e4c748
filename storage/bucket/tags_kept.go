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
)

// Not every server keeps the tags that come along with a write: some ignore the
// header, and Ceph RGW 16 loses it where an upload in parts begins. So the first
// object with tags that is written in one of the ways of tagWay is asked for them.
// If they are missing they are set after this write and all later ones.

// A tagWay is how tags come along with a write.
type tagWay int

const (
	tagsOfPut tagWay = iota
	tagsOfUpload
	tagsOfCopy
	tagWays // how many there are
)

// A keeping says what becomes of tags that come along.
type keeping int

const (
	keepingUnknown keeping = iota
	keepingAlways
	keepingNever // they have to be set afterwards
)

// tagging is what is known of a server and tags. The zero value knows nothing.
type tagging struct {
	mu [tagWays]sync.Mutex // held while the server is asked, which is once

	keeping [tagWays]keeping
	// answered: it was seen to know tags by its answer to a question for them.
	answered atomic.Bool
}

// keepTags makes sure that an object that was just written has its tags.
func (s *Store) keepTags(ctx context.Context, key string, way tagWay, opts storage.WriteOptions) error {
	if len(opts.Tags) == 0 || s.directory {
		return nil
	}
	t := &s.tagging
	t.mu[way].Lock()
	if t.keeping[way] == keepingUnknown {
		defer t.mu[way].Unlock() // whoever wrote meanwhile waits for the answer
		var err error
		t.keeping[way], err = s.askKeeping(ctx, key, opts)
		return err
	}
	kept := t.keeping[way]
	t.mu[way].Unlock()
	if kept == keepingAlways {
		return nil
	}
	return s.tagAfterwards(ctx, key, opts)
}

// askKeeping looks whether tags came along with an object, and sets them if not.
func (s *Store) askKeeping(ctx context.Context, key string, opts storage.WriteOptions) (keeping, error) {
	tags, err := s.getTags(ctx, key, "")
	switch {
	case err != nil:
		return s.keepingUnanswered(ctx, opts, err)
	case len(tags) > 0:
		return keepingAlways, nil
	}
	if err := s.tagAfterwards(ctx, key, opts); err != nil {
		return keepingUnknown, err
	}
	if tags, err = s.getTags(ctx, key, ""); err == nil && !maps.Equal(tags, opts.Tags) {
		return keepingAlways, s.tagsUnknown(opts, nil)
	}
	s.notice(storage.Notice{Text: fmt.Sprintf(
		"the server of bucket %q loses tags that come along with an object: they are set afterwards, by a request for each object", s.opts.Bucket)})
	return keepingNever, nil
}

// keepingUnanswered decides without an answer: the object was written, and most
// servers keep tags.
func (s *Store) keepingUnanswered(ctx context.Context, opts storage.WriteOptions, err error) (keeping, error) {
	again := storage.Gone(err) || ctx.Err() != nil // the next object is asked
	switch {
	case again:
		return keepingUnknown, nil
	case lacking(err):
		return keepingAlways, s.tagsUnknown(opts, err)
	case !errors.Is(err, fs.ErrPermission):
		s.notice(storage.Notice{Warning: true, Text: fmt.Sprintf(
			"whether the server of bucket %q keeps the tags of what is written cannot be found out (%s)", s.opts.Bucket, reasonOf(err))})
	}
	return keepingAlways, nil
}

// tagAfterwards sets the tags of an object that was just written. If that fails the
// object is there without them, and is not written again for that.
func (s *Store) tagAfterwards(ctx context.Context, key string, opts storage.WriteOptions) error {
	err := s.putTags(ctx, key, opts.Tags)
	switch {
	case err == nil:
		return nil
	case lacking(err):
		return s.tagsUnknown(opts, err)
	}
	return naming(nil, setting.Textf(
		"the object was written, but its tags could not be set: %v (another run with %s repairs that)", err, setting.Name("Tagging.SyncLatest")))
}

// tagsUnknown is for a server that knows no tags: objects go without, and if they
// were asked for that is the end of the run.
func (s *Store) tagsUnknown(opts storage.WriteOptions, err error) error {
	s.features.setMissing(lackTags)
	if opts.Inherited.Tags {
		s.tellDropped(&opts, lackTags)
		return nil
	}
	why := ""
	if err != nil {
		why = " (" + reasonOf(err) + ")"
	}
	return naming(storage.ErrUnusable, setting.Textf("the server of bucket %q does not keep the tags that %s or %s asks for%s",
		s.opts.Bucket, setting.Name("Tagging.Set"), setting.Name("Tagging.SyncLatest"), why))
}
