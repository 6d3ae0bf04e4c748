// Package retry retries operations that failed for a temporary reason.
package retry

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"s3sync/storage"
)

// A Policy bounds retries.
type Policy struct {
	// Count is the number of attempts after the first one; 0 means no retries.
	Count int
	// Interval is the pause before each retry.
	Interval time.Duration
}

// An ExhaustedError says that every attempt failed, the last one with Err. An enclosing
// Do or List does not retry it, so attempts do not multiply.
type ExhaustedError struct {
	Attempts int
	Err      error // of the last attempt
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("%v (after %d attempts)", e.Err, e.Attempts)
}

// Unwrap makes the last failure visible to errors.Is and errors.AsType.
func (e *ExhaustedError) Unwrap() error { return e.Err }

// Do calls f until it succeeds, fails with an error that is not [storage.Retryable], or
// has failed Count+1 times. The last case gives an [*ExhaustedError] unless Count is 0.
// onRetry, if not nil, is called for each failure that is followed by another attempt,
// with the number of the failed attempt, from 1. If ctx is cancelled during a pause, or
// during an attempt whose failure would be retried, Do returns the cause of ctx.
func Do(ctx context.Context, policy Policy, onRetry func(attempt int, err error), f func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if err := again(ctx, policy, attempt, onRetry, err); err != nil {
			return err
		}
	}
}

// List yields the objects of a listing of the range r, which list starts. If a listing
// fails and Do would retry it, List starts a listing after the last yielded object, so
// none is missing or repeated. That is correct only for listings in ascending order of
// the key. The number of attempts starts again after every object. The sequence is
// single-use if list's sequences are.
func List(ctx context.Context, policy Policy, onRetry func(attempt int, err error),
	list func(storage.Range) iter.Seq2[storage.Object, error], r storage.Range,
) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		r := r
		for attempt := 1; ; attempt++ {
			var failure error
			last, progress := "", false
			for o, err := range list(r) {
				if err != nil {
					failure = err
					break
				}
				if !yield(o, nil) {
					return
				}
				last, progress = o.Key, true
			}
			if failure == nil {
				return
			}
			if progress {
				attempt = 1
				r.From = last + "\x00" // the least key above last
			}
			if err := again(ctx, policy, attempt, onRetry, failure); err != nil {
				yield(storage.Object{}, err)
				return
			}
			if r.To != "" && r.From >= r.To {
				return // the whole range was listed
			}
		}
	}
}

// Versions is [List] for a listing of versions, where several versions have the same
// key. It starts again at the key of the last yielded version, and skips the versions
// before and including it. If that version no longer exists, the listing fails.
func Versions(ctx context.Context, policy Policy, onRetry func(attempt int, err error),
	list func(storage.Range) iter.Seq2[storage.Object, error], r storage.Range,
) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var last storage.Object
		some := false // whether last was yielded
		for attempt := 1; ; attempt++ {
			var failure error
			behind, progress := !some, false
			for v, err := range list(r) {
				if err != nil {
					failure = err
					break
				}
				if !behind {
					behind = v.Key == last.Key && v.VersionID == last.VersionID
					if !behind && v.Key != last.Key {
						break
					}
					continue
				}
				if !yield(v, nil) {
					return
				}
				last, some, progress = v, true, true
			}
			switch {
			case failure == nil && behind:
				return
			case failure == nil:
				failure = &storage.Error{Op: "list", Key: last.Key, Err: errVersionGone}
			}
			if progress {
				attempt, r.From = 1, last.Key
			}
			if err := again(ctx, policy, attempt, onRetry, failure); err != nil {
				yield(storage.Object{}, err)
				return
			}
		}
	}
}

var errVersionGone = errors.New("the version at which a listing that broke could go on is gone")

// again decides about a failed attempt: it pauses and returns nil if there is to be
// another attempt. Otherwise it returns the final error.
func again(ctx context.Context, policy Policy, attempt int, onRetry func(int, error), err error) error {
	if !storage.Retryable(err) {
		return err
	}
	if _, ok := errors.AsType[*ExhaustedError](err); ok {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if attempt > policy.Count {
		if policy.Count == 0 {
			return err
		}
		return &ExhaustedError{Attempts: attempt, Err: err}
	}
	if onRetry != nil {
		onRetry(attempt, err)
	}
	timer := time.NewTimer(policy.Interval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
