// Package side is one side of a sync: a store, its capabilities, the retry policy for
// its requests, and its name in errors. The stages use stores only through it, so each
// of these rules is in one place.
package side

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"s3sync/internal/retry"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// ErrGone says that a source object was listed but no longer exists.
var ErrGone = errors.New("gone since it was listed")

// Options say how requests to a side are made.
type Options struct {
	// Policy bounds the retries of a request.
	Policy retry.Policy
	// OnRetry, if not nil, is called for each failure that is followed by another
	// attempt. key names the object, and is empty for a listing. It may be called
	// concurrently.
	OnRetry func(key string, err error)
}

// A Side is a store in the role of source or target. Its methods may be called
// concurrently. The fields do not change after New.
type Side struct {
	// Name is "source" or "target".
	Name  string
	Store storage.Store
	Caps  storage.Caps

	opts      Options
	mapper    storage.KeyMapper
	tagger    storage.Tagger
	versioner storage.Versioner
	located   storage.Located
}

// New determines the capabilities of a store.
func New(name string, store storage.Store, opts Options) *Side {
	s := &Side{Name: name, Store: store, Caps: store.Caps(), opts: opts}
	s.mapper, _ = storage.As[storage.KeyMapper](store)
	s.versioner, _ = storage.As[storage.Versioner](store)
	s.located, _ = storage.As[storage.Located](store)
	if s.Caps.Tags {
		s.tagger, _ = storage.As[storage.Tagger](store)
	}
	return s
}

// Wrap adds the name of the side to an error of its store, which does not know its
// role. It returns nil for nil.
func (s *Side) Wrap(err error) error {
	if err == nil {
		return nil
	}
	return &Error{s.Name, err}
}

// An Error is the failure of a request to one side.
type Error struct {
	// Side is "source" or "target".
	Side string
	Err  error
}

func (e *Error) Error() string { return e.Side + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Of returns the side on which a request failed; empty if that is not known.
func Of(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Side
	}
	if errors.Is(err, ErrGone) {
		return "source"
	}
	return ""
}

// WrapGone is Wrap for a request about a listed source object: if the object no longer
// exists, the error is ErrGone.
func (s *Side) WrapGone(err error) error {
	if storage.Gone(err) {
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
	return s.Wrap(err)
}

// Retries reports whether failed requests are retried.
func (s *Side) Retries() bool { return s.opts.Policy.Count > 0 }

// Retry makes a request, and retries it while its failure is temporary. key names the
// object for Options.OnRetry. The error is that of the request, unchanged.
func (s *Side) Retry(ctx context.Context, key string, request func(context.Context) error) error {
	return retry.Do(ctx, s.opts.Policy, s.onRetry(key), request)
}

func (s *Side) onRetry(key string) func(int, error) {
	return func(_ int, err error) {
		if s.opts.OnRetry != nil {
			s.opts.OnRetry(key, err)
		}
	}
}

// RetryUnlessChanged is Retry for a request about an open object. If the object has
// changed, a retry cannot help: the caller must begin the object again.
func (s *Side) RetryUnlessChanged(ctx context.Context, key string, request func(context.Context) error) error {
	var changed error
	err := s.Retry(ctx, key, func(ctx context.Context) error {
		err := request(ctx)
		if errors.Is(err, storage.ErrChanged) {
			changed = err
			return nil
		}
		return err
	})
	if changed != nil {
		return changed
	}
	return err
}

// Stat describes an object, and retries like Retry. name is the key that names the
// object for Options.OnRetry. The error does not name the side.
func (s *Side) Stat(ctx context.Context, name, key string, opts storage.StatOptions) (storage.Info, error) {
	var info storage.Info
	err := s.Retry(ctx, name, func(ctx context.Context) (err error) {
		info, err = s.Store.Stat(ctx, key, opts)
		return err
	})
	return info, err
}

// List yields a range in order of the key, if the store lists in order. A temporary
// failure is retried after the last key seen; a permanent one ends the sequence.
// opts.Asked may be called for each attempt.
func (s *Side) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	list := func(r storage.Range) iter.Seq2[storage.Object, error] {
		opts := opts
		opts.Range = r
		return s.Store.List(ctx, opts)
	}
	return retry.List(ctx, s.opts.Policy, s.onRetry(""), list, opts.Range)
}

// Versions yields the versions of a range. A temporary failure is retried after the
// last version. KeepsVersions must have succeeded before.
func (s *Side) Versions(ctx context.Context, r storage.Range) iter.Seq2[storage.Object, error] {
	list := func(r storage.Range) iter.Seq2[storage.Object, error] {
		return s.versioner.Versions(ctx, storage.ListOptions{Range: r})
	}
	return retry.Versions(ctx, s.opts.Policy, s.onRetry(""), list, r)
}

// KeepsVersions fails unless the store keeps versions. need is the setting that needs
// them, for the error.
func (s *Side) KeepsVersions(ctx context.Context, need setting.Name) error {
	if s.versioner == nil {
		return setting.Errorf("%s: it has no versions, which %s needs", s.Name, need)
	}
	var kept bool
	err := s.Retry(ctx, "", func(ctx context.Context) (err error) {
		kept, err = s.versioner.Versioning(ctx)
		return err
	})
	switch {
	case err != nil:
		return setting.Errorf("%s: whether versioning is enabled, which %s needs, cannot be found out: %w", s.Name, need, err)
	case !kept:
		return setting.Errorf("%s: versioning is not enabled in the bucket, which %s needs", s.Name, need)
	}
	return nil
}

// Maps reports whether the store holds some keys under other names.
func (s *Side) Maps() bool { return s.mapper != nil }

// MapKey returns the key under which the store lists an object written as key. See
// storage.KeyMapper for the error and the result in that case.
func (s *Side) MapKey(key string) (string, error) {
	if s.mapper == nil {
		return key, nil
	}
	return s.mapper.MapKey(key)
}

// MappedInto returns the ranges of keys outside of r that can hold keys mapped into
// r. See storage.KeyMapper.
func (s *Side) MappedInto(r storage.Range) []storage.Range {
	if s.mapper == nil {
		return nil
	}
	return s.mapper.MappedInto(r)
}

// Tagger returns the store as one whose objects have tags, or fails.
func (s *Side) Tagger() (storage.Tagger, error) {
	if s.tagger == nil {
		return nil, fmt.Errorf("%s: its objects have no tags that could be compared", s.Name)
	}
	return s.tagger, nil
}

// StillThere fails if the location of the store was removed or replaced since it was
// opened.
func (s *Side) StillThere(ctx context.Context) error {
	if s.located == nil {
		return nil
	}
	return s.Wrap(s.located.StillThere(ctx))
}
