package s3sync

import (
	"context"
	"fmt"

	"s3sync/internal/location"
	"s3sync/internal/rules"
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
	case !one && (l.Local() || cfg.Target.Store != nil):
		return nil, nil
	case one && cfg.sourceList() != "":
		return nil, fault(&rules.Fault{Field: "Source.URL", Other: cfg.sourceList(), Reason: "is one object, which needs no list as"})
	case one && cfg.Delete.Enable:
		return nil, fault(&rules.Fault{Field: "Source.URL", Other: "Delete.Enable", Reason: "is one object, which cannot be combined with"})
	}
	o := &single.Object{Name: single.NameOf(l), Source: l}
	if cfg.Target.Store != nil {
		return o, nil
	}
	target, err := location.Parse(cfg.Target.URL)
	switch {
	case err != nil:
		return nil, err
	case !one: // a prefix, and only one object can be written to a file
		return nil, fault(rules.Target(target, false))
	}
	o.Target = single.DestinationOf(target, o.Name)
	return o, nil
}
