package s3sync

import (
	"context"
	"errors"
	"iter"

	"s3sync/internal/extsort"
	"s3sync/internal/retry"
	"s3sync/storage"
)

// The join needs both sides in order of the key. A store that does not list so
// is listed whole, sorted in bounded memory with the help of a temporary file,
// and only then joined: nothing is transferred before its listing has ended.

// listSorted yields a side whose store lists in no order. A failure that may
// pass begins the listing anew, because it cannot be said what is behind the
// last key; what the attempt has found is forgotten. It returns a single-use
// iterator.
func (s *syncer) listSorted(ctx context.Context, again func(int, error), list func() iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var sorter *extsort.Sorter
		err := retry.Do(ctx, s.policy, again, func(ctx context.Context) (err error) {
			sorter, err = sorted(ctx, list())
			return err
		})
		if err != nil {
			yield(storage.Object{}, err)
			return
		}
		more := true
		for o, serr := range sorter.Sorted() {
			if err = serr; err == nil && ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				break
			}
			if more = yield(o, nil); !more {
				break
			}
		}
		if err = errors.Join(err, sorter.Close()); err != nil && more {
			yield(storage.Object{}, err)
		}
	}
}

// sorted takes in a whole listing. The caller closes what it returns.
func sorted(ctx context.Context, objects iter.Seq2[storage.Object, error]) (*extsort.Sorter, error) {
	sorter := extsort.New(0)
	for o, err := range objects {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err == nil {
			err = sorter.Add(o)
		}
		if err != nil {
			return nil, errors.Join(err, sorter.Close())
		}
	}
	return sorter, nil
}
