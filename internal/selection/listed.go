// Package selection decides which objects are looked at any further: first by what a
// listing tells of each of them, later by what a request must be made for.
package selection

import (
	"fmt"
	"sync"
	"time"

	"s3sync/internal/pattern"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// The filters of what a listing tells, as [Listed.Reject] names them, in the order in
// which they are asked.
const (
	MtimeBefore  plan.Reason = "mtime-before"
	MtimeAfter   plan.Reason = "mtime-after"
	SmallerSize  plan.Reason = "smaller-size"
	LargerSize   plan.Reason = "larger-size"
	IncludeRegex plan.Reason = "include-regex"
	ExcludeRegex plan.Reason = "exclude-regex"
	Callback     plan.Reason = plan.ReasonCallback
)

// Options say which objects are kept by what a listing tells. The zero value of a
// field keeps every object.
type Options struct {
	ModifiedBefore time.Time       // keep what was modified strictly before
	ModifiedAfter  time.Time       // keep what was modified at or after
	SmallerThan    *int64          // keep what has fewer bytes
	LargerThan     *int64          // keep what has as many bytes or more
	Include        *pattern.Regexp // keep the keys in which it is found
	Exclude        *pattern.Regexp // keep the keys in which it is not found
	// Func keeps the objects that it returns true for. It is asked last, and never
	// about two objects at once.
	Func func(storage.Object) (bool, error)
}

// A Listed selects objects by what a listing tells. Its methods may be called
// concurrently.
type Listed struct {
	opts     Options
	callback sync.Mutex // held during Options.Func
}

// NewListed returns the selection that opts describe.
func NewListed(opts Options) *Listed { return &Listed{opts: opts} }

// A CallbackError is a failure of Options.Func, which ends the run.
type CallbackError struct {
	Key string
	Err error
}

func (e *CallbackError) Error() string { return fmt.Sprintf("filter callback on %q: %v", e.Key, e.Err) }

func (e *CallbackError) Unwrap() error { return e.Err }

// Reject returns the name of the first filter that an object or version does not
// pass, or the empty Reason if it is kept. The time of modification counts in whole
// milliseconds, which is the most that S3 tells; what is finer is cut off. The error
// is a *CallbackError, or says that a regular expression could not be matched, which
// is a failure of this object alone; the name is then that of the filter that failed.
func (l *Listed) Reject(o storage.Object) (why plan.Reason, err error) {
	opts := &l.opts
	modified := o.ModTime.Truncate(time.Millisecond)
	switch {
	case !opts.ModifiedBefore.IsZero() && !modified.Before(opts.ModifiedBefore):
		return MtimeBefore, nil
	case !opts.ModifiedAfter.IsZero() && modified.Before(opts.ModifiedAfter):
		return MtimeAfter, nil
	case o.DeleteMarker: // which has no size
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
	if excluded, err := l.Excluded(o.Key); err != nil || excluded {
		return ExcludeRegex, err
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

// Excluded reports whether Options.Exclude leaves a key out.
func (l *Listed) Excluded(key string) (bool, error) {
	if l.opts.Exclude == nil {
		return false, nil
	}
	return l.opts.Exclude.Match(key)
}

// Prefix returns what every key begins with that Options.Include keeps. It is empty
// if that is not known.
func (l *Listed) Prefix() string {
	if l.opts.Include == nil {
		return ""
	}
	return l.opts.Include.Prefix()
}
