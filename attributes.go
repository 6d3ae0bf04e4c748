package s3sync

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"s3sync/storage"
)

// writeOptions decides what an object is written with besides its bytes. Every
// way of writing one goes through here, so that it gets the same in one piece, in
// parts, and where the server copies. An error is for settle.
func (s *syncer) writeOptions(ctx context.Context, t *task) (opts storage.WriteOptions, err error) {
	opts = storage.WriteOptions{
		Attributes: s.attributes(t), Size: t.info.Size, ModTime: t.info.ModTime, Checksum: s.checksumOptions(),
	}
	if s.targetLocal {
		return opts, nil
	}
	opts.ACL = s.cfg.Metadata.ACL
	if opts.Tags, err = s.tagsToWrite(ctx, t); err != nil {
		return opts, err
	}
	c := &s.cfg.Condition
	if c.IfMatch && t.it.exists {
		opts.IfMatch = t.it.target.ETag
	}
	opts.IfAbsent = c.IfNoneMatch
	if c.CopySourceIfMatch {
		opts.CopyIfMatch = t.info.ETag
		// Listings have other ETags of what is encrypted with a customer key.
		if listed := t.it.source.ETag; listed != "" && !t.info.Opaque {
			opts.CopyIfMatch = listed
		}
	}
	before := opts
	err = s.preprocess(ctx, t, &opts)
	opts.Inherited = s.inherited(&before, &opts)
	s.addOrigin(t, &opts)
	return opts, err
}

// inherited says what of an object comes from its source: neither an option nor
// the callback asked for it.
func (s *syncer) inherited(before, after *storage.WriteOptions) storage.Inherited {
	m, tags := &s.cfg.Metadata, &s.cfg.Tagging
	return storage.Inherited{
		Tags:            tags.Set == "" && !tags.SyncLatest && maps.Equal(before.Tags, after.Tags),
		StorageClass:    m.StorageClass == "" && before.StorageClass == after.StorageClass,
		WebsiteRedirect: m.WebsiteRedirect == "" && before.WebsiteRedirect == after.WebsiteRedirect,
	}
}

// attributes are those of the options, or else of the source.
func (s *syncer) attributes(t *task) storage.Attributes {
	m, a := &s.cfg.Metadata, t.info.Attributes
	if s.sourceLocal {
		a.ContentType = s.guessedType(t.it.key())
	}
	if m.NoSystem {
		a = storage.Attributes{Metadata: a.Metadata, StorageClass: a.StorageClass}
	}
	for _, field := range []struct {
		attribute *string
		option    string
	}{
		{&a.CacheControl, m.CacheControl},
		{&a.ContentDisposition, m.ContentDisposition},
		{&a.ContentEncoding, m.ContentEncoding},
		{&a.ContentLanguage, m.ContentLanguage},
		{&a.ContentType, m.ContentType},
		{&a.Expires, httpDate(m.Expires)},
		{&a.WebsiteRedirect, m.WebsiteRedirect},
	} {
		if field.option != "" {
			*field.attribute = field.option
		}
	}
	a.StorageClass = s.storageClass(a.StorageClass)
	a.Metadata = s.userMetadata(t)
	return a
}

// userMetadata is that of the options, or else of the source, with what the sync
// adds.
func (s *syncer) userMetadata(t *task) map[string]string {
	m := &s.cfg.Metadata
	metadata := map[string]string{}
	switch {
	case len(m.User) > 0:
		for name, value := range m.User {
			metadata[strings.ToLower(name)] = value // as S3 does
		}
	case !m.NoUser:
		maps.Copy(metadata, t.info.Metadata)
	}
	if m.PutLastModified {
		setMark(metadata, originLastModified, wholeSeconds(t.info.ModTime))
	}
	return metadata
}

// storageClass is that of the option, or else of the source, unless the target keeps
// none or only the kind of bucket there has it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (x-amz-storage-class)
func (s *syncer) storageClass(ofSource string) string {
	if class := s.cfg.Metadata.StorageClass; class != "" {
		return class
	}
	bound := []string{"EXPRESS_ONEZONE", "OUTPOSTS", "SNOW"}
	if !s.target.Caps().StorageClasses || slices.Contains(bound, ofSource) || strings.HasPrefix(ofSource, "FSX_") {
		return ""
	}
	return ofSource
}

// httpDate writes a time as RFC 9110, section 5.6.7, has it; the zero time is
// empty.
func httpDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

// wholeSeconds is a time in metadata: RFC 3339 in UTC with a numeric offset.
func wholeSeconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }
