// Package selection decides which objects are selected: first by the properties in a
// listing, later by properties that need a request.
package selection

import (
	"fmt"
	"sync"
	"time"

	"s3sync/internal/glob"
	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// The names of the filters of listed properties, as [Listed.Reject] returns them, in
// the order in which they are applied.
const (
	MtimeBefore  plan.Reason = "mtime-before"
	MtimeAfter   plan.Reason = "mtime-after"
	SmallerSize  plan.Reason = "smaller-size"
	LargerSize   plan.Reason = "larger-size"
	IncludeRegex plan.Reason = "include-regex"
	ExcludeRegex plan.Reason = "exclude-regex"
	ExcludeGlob  plan.Reason = "exclude-glob"
	IgnoreFile   plan.Reason = "ignore-file"
	Callback     plan.Reason = plan.ReasonCallback
)

// Options say which objects are kept by the properties in a listing. The zero value of
// a field keeps every object.
type Options struct {
	ModifiedBefore time.Time       // keep objects modified strictly before
	ModifiedAfter  time.Time       // keep objects modified at or after
	SmallerThan    *int64          // keep objects with fewer bytes
	LargerThan     *int64          // keep objects with at least as many bytes
	Include        *pattern.Regexp // keep keys that it matches
	Exclude        *pattern.Regexp // keep keys that it does not match
	Globs          *glob.List      // keep keys that it does not exclude
	Ignore         *glob.Ignore    // keep keys that it does not exclude
	// Func keeps the objects for which it returns true. It is called last, and never
	// for two objects at once.
	Func func(storage.Object) (bool, error)
}

// A Listed selects objects by the properties in a listing. Its methods may be called
// concurrently.
type Listed struct {
	opts     Options
	callback sync.Mutex // held during Options.Func
}

// NewListed returns the selection that opts describe.
func NewListed(opts Options) *Listed { return &Listed{opts: opts} }

// An IgnoreError is a failure of Options.Ignore, which ends the run: what is excluded is
// not known then.
type IgnoreError struct{ Err error }

func (e *IgnoreError) Error() string { return e.Err.Error() }

func (e *IgnoreError) Unwrap() error { return e.Err }

// A CallbackError is a failure of Options.Func, which ends the run.
type CallbackError struct {
	Key string
	Err error
}

func (e *CallbackError) Error() string { return fmt.Sprintf("filter callback on %q: %v", e.Key, e.Err) }

func (e *CallbackError) Unwrap() error { return e.Err }

// Reject returns the name of the first filter that rejects an object or version, or the
// empty Reason if it is kept. Times of modification are truncated to whole
// milliseconds, the finest unit of S3. The error is a *CallbackError or an *IgnoreError,
// or it says that a regular expression could not be matched, which is a failure of only
// this object; the name is then that of the filter that failed.
func (l *Listed) Reject(o storage.Object) (why plan.Reason, err error) {
	opts := &l.opts
	modified := func() time.Time { return o.ModTime.Truncate(time.Millisecond) }
	switch {
	case !opts.ModifiedBefore.IsZero() && !modified().Before(opts.ModifiedBefore):
		return MtimeBefore, nil
	case !opts.ModifiedAfter.IsZero() && modified().Before(opts.ModifiedAfter):
		return MtimeAfter, nil
	case o.DeleteMarker: // it has no size
	case opts.SmallerThan != nil && o.Size >= *opts.SmallerThan:
		return SmallerSize, nil
	case opts.LargerThan != nil && o.Size < *opts.LargerThan:
		return LargerSize, nil
	}
	if opts.Include != nil {
		if found, err := opts.Include.Match(o.Key); err != nil || !found {
			return IncludeRegex, err
		}
	}
	if why, err := l.Excluded(o.Key); err != nil || why != "" {
		return why, err
	}
	if keep, err := l.ask(o); err != nil || !keep {
		return Callback, err
	}
	return "", nil
}

func (l *Listed) ask(o storage.Object) (bool, error) {
	if l.opts.Func == nil {
		return true, nil
	}
	l.callback.Lock()
	defer l.callback.Unlock()
	keep, err := l.opts.Func(o)
	if err != nil {
		return false, &CallbackError{o.Key, err}
	}
	return keep, nil
}

// Excluded returns the name of the first filter that excludes a key, or the empty Reason.
// These filters also protect what only the target has. Those that include keys do not:
// Options.Include does not matter here. The error is that of Reject.
func (l *Listed) Excluded(key string) (why plan.Reason, err error) {
	if re := l.opts.Exclude; re != nil {
		if found, err := re.Match(key); err != nil || found {
			return ExcludeRegex, err
		}
	}
	if l.opts.Globs != nil && l.opts.Globs.Excludes(key) {
		return ExcludeGlob, nil
	}
	if l.opts.Ignore != nil {
		switch excluded, err := l.opts.Ignore.Excludes(key); {
		case err != nil:
			return IgnoreFile, &IgnoreError{err}
		case excluded:
			return IgnoreFile, nil
		}
	}
	return "", nil
}

// Prunes reports that every key that begins with prefix is excluded. prefix ends in a
// slash. If it returns false, all of them may nevertheless be excluded.
func (l *Listed) Prunes(prefix string) bool {
	if l.opts.Globs != nil && l.opts.Globs.Prunes(prefix) {
		return true
	}
	if l.opts.Ignore == nil {
		return false
	}
	pruned, err := l.opts.Ignore.Prunes(prefix)
	return err == nil && pruned // the error comes again for the keys
}

// IncludePrefix returns the common prefix of all keys that Options.Include keeps. It is
// empty if the prefix is unknown.
func (l *Listed) IncludePrefix() string {
	if l.opts.Include == nil {
		return ""
	}
	return l.opts.Include.Prefix()
}

// GlobPrefix returns the common prefix of all keys that Options.Globs do not exclude. It
// is empty if the prefix is unknown.
func (l *Listed) GlobPrefix() string {
	if l.opts.Globs == nil {
		return ""
	}
	return l.opts.Globs.Prefix()
}
