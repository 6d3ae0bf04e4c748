package s3sync

import (
	"context"
	"fmt"

	"s3sync/internal/location"
	"s3sync/internal/side"
	"s3sync/internal/single"
	"s3sync/storage"
)

// findSingle returns the object of a source that is one object, or nil. An object is
// skipped with a note if other keys begin with its key.
func (r *Runner) findSingle(ctx context.Context, source storage.Store) (*single.Object, error) {
	cfg := r.cfg
	if cfg.Source.Store != nil {
		return nil, nil
	}
	l, err := location.Parse(cfg.Source.URL)
	if err != nil {
		return nil, err
	}
	of := side.New("source", source, side.Options{Policy: cfg.retryPolicy(), OnRetry: func(_ string, err error) {
		r.record.Emit(Event{Type: EventRetry, Err: err})
	}})
	one, skipped, err := single.Find(ctx, l, of, cfg.Versioning.Enable || !cfg.Versioning.PointInTime.IsZero())
	if skipped {
		r.record.Emit(Event{Type: EventNote, Note: fmt.Sprintf(
			"the object %q is skipped: other keys begin with its key, which is taken as a prefix", l.Prefix)})
	}
	switch {
	case err != nil:
		return nil, err
	case !one && l.Local():
		return nil, nil
	case !one:
		return nil, cfg.targetFault(false)
	case cfg.Delete.Enable:
		return nil, fault("Source.URL", "Delete.Enable", "is one object, which cannot be combined with")
	}
	o := &single.Object{Name: single.NameOf(l), Source: l}
	if cfg.Target.Store != nil {
		return o, nil
	}
	target, err := location.Parse(cfg.Target.URL)
	o.Target = single.DestinationOf(target, o.Name)
	return o, err
}

// targetFault returns why a target in the file system cannot receive the source, or
// nil: only a single object can be written to a file.
func (c *Config) targetFault(one bool) error {
	l, err := location.Parse(c.Target.URL)
	if err != nil || c.Target.Store != nil || !l.Local() {
		return nil //nolint:nilerr // that is told elsewhere
	}
	if reason := location.TargetFault(l.Path, one); reason != "" {
		return fault("Target.URL", "", reason)
	}
	return nil
}
