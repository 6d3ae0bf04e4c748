package s3sync

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"s3sync/internal/filter"
	"s3sync/internal/mime"
	"s3sync/internal/pattern"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// Filters are asked twice: about what a listing tells, of every source object or
// version (selects), and about what a request must be made for, of those that are
// to be transferred (selectsContent). Both tell what becomes of an object that is
// left out, and return an error only for settle or the end of the run.

// selects asks the filters of what a listing tells, Filter.Func last, whether an
// object or version is looked at any further. An error ends the run. It is called
// from one goroutine, because Filter.Func is.
func (s *syncer) selects(ctx context.Context, it *item) (ok bool, err error) {
	why, err := s.filter.Reject(it.source)
	if err != nil {
		s.unsafe.Store(true)
		s.report.emit(Event{Type: EventFailed, Key: it.key(), Source: it.source, Err: err})
		return false, s.fatal(ctx, err)
	}
	if why == "" && s.cfg.Filter.Func != nil {
		ok, err := s.cfg.Filter.Func(it.source)
		if err != nil {
			return false, fmt.Errorf("filter callback on %q: %w", it.key(), err)
		}
		if !ok {
			why = string(ReasonCallback)
		}
	}
	if why != "" {
		s.skip(it, Reason(why))
		return false, nil
	}
	return true, nil
}

// listed are the filters of what a listing tells.
func (f *Filter) listed() filter.Config {
	return filter.Config{
		ModifiedBefore: f.ModifiedBefore, ModifiedAfter: f.ModifiedAfter,
		SmallerThan: f.SmallerThan, LargerThan: f.LargerThan,
		Include: pattern.Of(f.Include), Exclude: pattern.Of(f.Exclude),
	}
}

// A contentFilter is a pair of expressions about one text that goes with an
// object.
type contentFilter struct {
	name             string // of the option, after include- and exclude-
	include, exclude *Regexp
	// text returns what the expressions are about, and empty if there is none.
	text func(context.Context, *item, *storage.Info) (string, error)
}

// contentFilters are those that are set, in the order in which they are asked.
func (s *syncer) contentFilters() []contentFilter {
	f := &s.cfg.Filter
	return slices.DeleteFunc([]contentFilter{
		{"content-type-regex", pattern.Of(f.IncludeContentType), pattern.Of(f.ExcludeContentType), s.contentType},
		{"metadata-regex", pattern.Of(f.IncludeMetadata), pattern.Of(f.ExcludeMetadata), metadataText},
		{"tag-regex", pattern.Of(f.IncludeTags), pattern.Of(f.ExcludeTags), s.tagText},
	}, func(c contentFilter) bool { return c.include == nil && c.exclude == nil })
}

// selectsContent asks the filters of what a listing does not tell whether an
// object is transferred. An error is for settle.
func (s *syncer) selectsContent(ctx context.Context, it *item) (ok bool, err error) {
	if len(s.contents) == 0 || it.source.DeleteMarker {
		return true, nil
	}
	info, err := s.sourceInfo(ctx, it)
	if err != nil {
		return false, err
	}
	for _, f := range s.contents {
		text, err := f.text(ctx, it, info)
		if err != nil {
			return false, err
		}
		why, err := f.reject(text)
		if err != nil {
			return false, err
		}
		if why != "" {
			it.compared = text
			s.skip(it, Reason(why))
			return false, nil
		}
	}
	return true, nil
}

// reject returns the name of the filter that a text does not pass, or nothing.
// What has no text matches nothing, not even an expression that matches always.
func (f *contentFilter) reject(text string) (why string, err error) {
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

// sourceInfo returns what the source tells of an object, which is asked unless
// it was before. Files have nothing to tell.
func (s *syncer) sourceInfo(ctx context.Context, it *item) (*storage.Info, error) {
	if s.sourceLocal {
		return &storage.Info{Object: it.source}, nil
	}
	if it.told != nil {
		return it.told, nil
	}
	return s.comparison(it).askSource(ctx, storage.StatOptions{})
}

// contentType of a file is the one that is guessed.
func (s *syncer) contentType(_ context.Context, it *item, info *storage.Info) (string, error) {
	if guess := s.guessedType(it.key()); guess != "" {
		return guess, nil
	}
	return info.ContentType, nil
}

// guessedType is the Content-Type of a local file, by its name. It is empty if
// the server is to guess it, and for everything that is no local file.
func (s *syncer) guessedType(key string) string {
	if !s.sourceLocal || s.cfg.Metadata.NoGuessType {
		return ""
	}
	return mime.TypeOf(key)
}

func metadataText(_ context.Context, _ *item, info *storage.Info) (string, error) {
	return flattenMetadata(info.Metadata), nil
}

func (s *syncer) tagText(ctx context.Context, it *item, info *storage.Info) (string, error) {
	tags, told, err := s.sourceTags(ctx, it, info)
	switch {
	case err != nil:
		return "", err
	case !told: // nobody knows whether it has some
		return "", needsTags(setting.Textf("%s or %s", setting.Name("Filter.IncludeTags"), setting.Name("Filter.ExcludeTags")), s.tagCounts.reason())
	}
	return flattenTags(tags), nil
}

// flattenMetadata writes user metadata as one text: name=value pairs in order of
// the names, joined by commas. Names, which are tokens of HTTP, stand as they are.
func flattenMetadata(metadata map[string]string) string {
	return flatten(metadata, ",", func(name string) string { return name })
}

// flattenTags writes tags as one text: name=value pairs in order of the names,
// joined by ampersands.
func flattenTags(tags map[string]string) string { return flatten(tags, "&", percentEncode) }

func flatten(values map[string]string, separator string, encodeName func(string) string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		pairs = append(pairs, encodeName(name)+"="+percentEncode(values[name]))
	}
	return strings.Join(pairs, separator)
}

// percentEncode leaves what RFC 3986, section 2.3, calls unreserved.
func percentEncode(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
