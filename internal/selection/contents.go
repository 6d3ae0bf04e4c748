package selection

import (
	"context"
	"slices"

	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/internal/tagset"
	"s3sync/storage"
)

// ContentOptions say which objects are kept by properties that no listing has. A nil
// expression keeps every object. A missing property is never matched, not even by an
// expression that matches every text.
type ContentOptions struct {
	IncludeContentType, ExcludeContentType *pattern.Regexp
	// Metadata is one text, as tagset.FlattenMetadata writes it.
	IncludeMetadata, ExcludeMetadata *pattern.Regexp
	// Tags are one text, as tagset.FlattenTags writes it.
	IncludeTags, ExcludeTags *pattern.Regexp

	// GuessType, if not nil, returns the Content-Type of a file by its key. It returns
	// an empty text if the key is not that of a file, or if the server is to guess the
	// type.
	GuessType func(key string) string
	// Tags returns the tags of a source object that info describes. It fails if they
	// are unknown. It is called only for filters of tags, perhaps concurrently.
	Tags func(ctx context.Context, key string, info *storage.Info) (map[string]string, error)
}

// A Contents selects objects by properties that no listing has. Its methods may be
// called concurrently.
type Contents struct {
	opts    ContentOptions
	filters []contentFilter // the filters that are set, in order
}

// A contentFilter is a pair of expressions for one text of an object.
type contentFilter struct {
	name             plan.Reason // suffix of "include-" and "exclude-"
	include, exclude *pattern.Regexp
	text             func(ctx context.Context, key string, info *storage.Info) (string, error)
}

// NewContents returns the selection that opts describe.
func NewContents(opts ContentOptions) *Contents {
	c := &Contents{opts: opts}
	c.filters = slices.DeleteFunc([]contentFilter{
		{"content-type-regex", opts.IncludeContentType, opts.ExcludeContentType, c.contentType},
		{"metadata-regex", opts.IncludeMetadata, opts.ExcludeMetadata, metadata},
		{"tag-regex", opts.IncludeTags, opts.ExcludeTags, c.tags},
	}, func(f contentFilter) bool { return f.include == nil && f.exclude == nil })
	return c
}

// Any reports whether there is any filter.
func (c *Contents) Any() bool { return len(c.filters) > 0 }

// Reject returns the name of the first filter that rejects a source object, and the
// text that the filter looked at. It returns the empty Reason if the object is kept.
// info returns what the source reports about the object; it is called at most once, and
// only if there is a filter. A delete marker is always kept. The error is that of info
// or of ContentOptions.Tags, or says that a regular expression could not be matched;
// the name is then that of the filter that failed.
func (c *Contents) Reject(ctx context.Context, source storage.Object,
	info func(context.Context) (*storage.Info, error),
) (why plan.Reason, compared string, err error) {
	if len(c.filters) == 0 || source.DeleteMarker {
		return "", "", nil
	}
	told, err := info(ctx)
	if err != nil {
		return "", "", err
	}
	for i := range c.filters {
		f := &c.filters[i]
		text, err := f.text(ctx, source.Key, told)
		if err != nil {
			return "", "", err
		}
		if why, err := f.reject(text); err != nil || why != "" {
			return why, text, err
		}
	}
	return "", "", nil
}

func (f *contentFilter) reject(text string) (why plan.Reason, err error) {
	match := func(re *pattern.Regexp) (bool, error) {
		if text == "" {
			return false, nil
		}
		return re.Match(text)
	}
	if f.include != nil {
		if found, err := match(f.include); err != nil || !found {
			return "include-" + f.name, err
		}
	}
	if f.exclude != nil {
		if found, err := match(f.exclude); err != nil || found {
			return "exclude-" + f.name, err
		}
	}
	return "", nil
}

// contentType returns the guessed type for a file.
func (c *Contents) contentType(_ context.Context, key string, info *storage.Info) (string, error) {
	if c.opts.GuessType != nil {
		if guess := c.opts.GuessType(key); guess != "" {
			return guess, nil
		}
	}
	return info.ContentType, nil
}

func metadata(_ context.Context, _ string, info *storage.Info) (string, error) {
	return tagset.FlattenMetadata(info.Metadata), nil
}

func (c *Contents) tags(ctx context.Context, key string, info *storage.Info) (string, error) {
	tags, err := c.opts.Tags(ctx, key, info)
	return tagset.FlattenTags(tags), err
}
