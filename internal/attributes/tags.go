package attributes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"

	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/storage"
)

// Why tags are not read.
var (
	errTagsDenied = setting.Errorf("tags cannot be read, which takes the permission s3:GetObjectTagging, or "+
		"s3:GetObjectVersionTagging where versions are kept; %s goes without tags", setting.Name("Tagging.Disable"))
	errTagsUnsupported = setting.Errorf("the source knows no tags; %s goes without tags and without this warning",
		setting.Name("Tagging.Disable"))
)

// tagsToWrite returns the tags of the object to be written. An object that is known to
// have tags is not written without them. If the source does not even report whether
// there are tags, the run is warned once.
func (b *Builder) tagsToWrite(ctx context.Context, key string, info *storage.Info) (map[string]string, error) {
	switch {
	case b.opts.NoTags, !b.target.Caps.Tags:
		return nil, nil
	case b.opts.Tags != nil:
		return maps.Clone(b.opts.Tags), nil
	}
	tags, known, err := b.SourceTags(ctx, key, info)
	if err != nil || known {
		return tags, err
	}
	why := b.counts.reason()
	if b.opts.NeedTags && !errors.Is(why, errTagsUnsupported) {
		return nil, why
	}
	if b.opts.SyncTags && errors.Is(why, errTagsUnsupported) {
		return nil, needsTags(why, setting.Textf("%s", setting.Name("Tagging.SyncLatest")))
	}
	if b.counts.warned.CompareAndSwap(false, true) {
		b.warn(fmt.Errorf("objects are written without the tags that they may have: %w", why))
	}
	return nil, nil
}

func (b *Builder) warn(err error) {
	if b.opts.Warn != nil {
		b.opts.Warn(err)
	}
}

// SourceTags returns the tags of a source object that info describes. known is false
// if the source does not report whether there are any. SourceTags fails if there are
// tags that cannot be read. It makes no request for most objects without tags.
func (b *Builder) SourceTags(ctx context.Context, key string, info *storage.Info) (tags map[string]string, known bool, err error) {
	if b.tagger == nil {
		return nil, true, nil
	}
	c := &b.counts
	what, counts, err := c.next(ctx, info.TagCount)
	switch {
	case err != nil:
		return nil, false, err
	case what == askNothing:
		return nil, counts == countsTrusted || counts == countsUnknown, nil
	}
	tags, err = b.askSource(ctx, key, info.VersionID)
	if before := c.answer(what, tags, err); before > 0 {
		b.warn(setting.Errorf("the source does not tell how many tags objects have, as %q shows; up to %d objects before it were "+
			"taken for ones without tags (another run with %s repairs them)", key, before, setting.Name("Tagging.SyncLatest")))
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, errTagsDenied) && what != askKnown {
		return nil, false, nil
	}
	return tags, true, err
}

// RequireSourceTags is SourceTags for callers that need the tags: it fails if the
// source does not report them. The error ends the run if the source does not support
// tags. need names the settings that need them.
func (b *Builder) RequireSourceTags(ctx context.Context, key string, info *storage.Info, need setting.Text) (map[string]string, error) {
	tags, known, err := b.SourceTags(ctx, key, info)
	if err == nil && !known {
		err = needsTags(b.counts.reason(), need)
	}
	return tags, err
}

// BothTags asks both sides for the tags of an object. need names the settings that
// need them. The error wraps storage.ErrUnusable if a side does not support tags,
// side.ErrGone if the source object no longer exists, and only fs.ErrNotExist if the
// target object does not.
func (b *Builder) BothTags(ctx context.Context, p plan.Pair, need setting.Text) (source, target map[string]string, err error) {
	if _, err := b.source.Tagger(); err != nil {
		return nil, nil, err
	}
	to, err := b.target.Tagger()
	if err != nil {
		return nil, nil, err
	}
	if source, err = b.askSource(ctx, p.Key(), p.Source.VersionID); err != nil {
		return nil, nil, needsTags(b.source.Wrap(err), need)
	}
	if target, err = askTags(ctx, b.target, to, p.Key(), p.TargetKey, ""); err != nil {
		return nil, nil, needsTags(b.target.Wrap(err), need)
	}
	return source, target, nil
}

// SetTags replaces the tags of the target object.
func (b *Builder) SetTags(ctx context.Context, p plan.Pair, tags map[string]string) error {
	to, err := b.target.Tagger()
	if err != nil {
		return err
	}
	err = b.target.Retry(ctx, p.Key(), func(ctx context.Context) error { return to.SetTags(ctx, p.TargetKey, tags) })
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("tags cannot be changed, which takes the permissions s3:PutObjectTagging and s3:DeleteObjectTagging: %w", err)
	}
	return err
}

// askSource asks the source for the tags of an object. If the object no longer exists,
// the error is side.ErrGone. A target object that is gone is a failure instead, because
// the target lacks what the source has.
func (b *Builder) askSource(ctx context.Context, key, versionID string) (map[string]string, error) {
	tags, err := askTags(ctx, b.source, b.tagger, key, key, versionID)
	if storage.Gone(err) {
		err = fmt.Errorf("%w: %w", side.ErrGone, err)
	}
	return tags, err
}

// askTags asks a side for the tags of an object. Messages about retries name the
// object by name.
func askTags(ctx context.Context, s *side.Side, t storage.Tagger, name, key, versionID string) (tags map[string]string, err error) {
	err = s.Retry(ctx, name, func(ctx context.Context) (err error) {
		tags, err = t.Tags(ctx, key, versionID)
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w: %w", errTagsDenied, err)
	}
	return tags, err
}

// needsTags makes an unsupported request for tags an error that ends the run. need
// names the settings that need tags.
func needsTags(err error, need setting.Text) error {
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, errTagsUnsupported) {
		return setting.Errorf("%w: %s needs tags: %w", storage.ErrUnusable, need, err)
	}
	return err
}
