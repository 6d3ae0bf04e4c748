package engine

import (
	"context"
	"iter"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// OneBucket is set if source and target may be one bucket under two names, so that one
// side holds the keys of the other.
type OneBucket struct {
	// Names are the names of both sides, for messages. Prefix is the prefix of the
	// target.
	Names, Prefix string
	// Holds reports whether the source's bucket has the same object as the target.
	Holds func(ctx context.Context, o storage.Object) (bool, error)
}

// overlapProbes is how many objects are requested from the source.
const overlapProbes = 10

// checkOneBucket fails if objects that are to be deleted belong to the source, because
// both sides are one bucket. It also fails if it cannot find that out.
func (e *Engine) checkOneBucket(ctx context.Context, objects iter.Seq2[storage.Object, error]) error {
	s := e.opts.OneBucket
	if s == nil {
		return nil
	}
	n := 0
	for o, err := range objects {
		if err != nil {
			return err
		}
		if n++; n > overlapProbes {
			break
		}
		var one bool
		err = e.source.Retry(ctx, o.Key, func(ctx context.Context) (err error) {
			one, err = s.Holds(ctx, o)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case one:
			return setting.Errorf("%w: %s are one bucket under two names, as %q shows, which is in both with the same ETag and time; "+
				"%s would delete the source", ErrDeleteRefused, s.Names, s.Prefix+o.Key, setting.Name("Delete.Enable"))
		case err != nil && e.opts.Delete.AllowOverlap:
			return nil
		case err != nil:
			return setting.Errorf("%w: %s may be one bucket under two names, which the source cannot be asked: %w. "+
				"If they are two buckets, %s permits it", ErrDeleteRefused, s.Names, err, setting.Name("Delete.AllowOverlap"))
		}
	}
	return nil
}
