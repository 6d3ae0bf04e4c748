// Package filter selects objects by what a listing tells about them.
package filter

import (
	"time"

	"s3sync/internal/pattern"
	"s3sync/storage"
)

// Names of the filters, as [Filter.Reject] returns them, in the order in which
// they are asked.
const (
	MtimeBefore  = "mtime-before"
	MtimeAfter   = "mtime-after"
	SmallerSize  = "smaller-size"
	LargerSize   = "larger-size"
	IncludeRegex = "include-regex"
	ExcludeRegex = "exclude-regex"
)

// A Config says what is kept. The zero value of a field keeps everything.
type Config struct {
	ModifiedBefore time.Time       // keep what was modified strictly before
	ModifiedAfter  time.Time       // keep what was modified at or after
	SmallerThan    *int64          // keep what has fewer bytes
	LargerThan     *int64          // keep what has as many bytes or more
	Include        *pattern.Regexp // keep the keys in which it is found
	Exclude        *pattern.Regexp // keep the keys in which it is not found
}

// A Filter is a Config in force. It may be used concurrently. The zero Filter
// keeps everything.
type Filter struct{ c Config }

// New returns the filter that c describes.
func New(c Config) Filter { return Filter{c} }

// Reject returns the name of the first filter that o does not pass, or the
// empty string if o is kept. The time of modification counts in whole
// milliseconds, which is the most that S3 tells; what is finer is cut off. It
// fails where a regular expression cannot be matched.
func (f Filter) Reject(o storage.Object) (why string, err error) {
	c := &f.c
	modified := o.ModTime.Truncate(time.Millisecond)
	switch {
	case !c.ModifiedBefore.IsZero() && !modified.Before(c.ModifiedBefore):
		return MtimeBefore, nil
	case !c.ModifiedAfter.IsZero() && modified.Before(c.ModifiedAfter):
		return MtimeAfter, nil
	case o.DeleteMarker: // which has no size
	case c.SmallerThan != nil && o.Size >= *c.SmallerThan:
		return SmallerSize, nil
	case c.LargerThan != nil && o.Size < *c.LargerThan:
		return LargerSize, nil
	}
	if c.Include != nil {
		if found, err := c.Include.Match(o.Key); err != nil || !found {
			return IncludeRegex, err
		}
	}
	if c.Exclude != nil {
		if found, err := c.Exclude.Match(o.Key); err != nil || found {
			return ExcludeRegex, err
		}
	}
	return "", nil
}
