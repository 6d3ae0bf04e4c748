package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"s3sync/internal/spool"
	"s3sync/storage"
)

// A directory cannot hold every key under its own name: "/a" and "a//b" become
// "a" and "a/b" (storage.KeyMapper). Such a stray key stands elsewhere in the
// order of the source than its file in the order of the target, so the join
// cannot pair them. Strays are therefore sorted by their mapped key, and paired
// after the join with what only the target seemed to have. What finds its pair
// there is not doomed.

// straySep separates the mapped key from the key in a stray's sort key. It
// cannot occur in a mapped key, and sorts below everything that can.
const straySep = "\x00"

func (s *syncer) addStray(mapped string, o storage.Object) error {
	o.Key = mapped + straySep + o.Key
	s.strayed = true
	return s.strays.Add(o)
}

// strayItems yields the strays beside their target twins, and leaves in the
// doomed spool what is still without a twin. It returns a single-use iterator.
func (s *syncer) strayItems(ctx context.Context) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		keep := spool.New(0)
		more, err := s.pairStrays(ctx, keep, yield)
		if err == nil {
			s.doomed, keep = keep, s.doomed
		}
		if err = errors.Join(err, keep.Close()); err != nil && more {
			yield(item{}, err)
		}
	}
}

// pairStrays appends to keep what is still doomed. It returns false if yield
// wants no more.
func (s *syncer) pairStrays(ctx context.Context, keep *spool.Spool, yield func(item, error) bool) (bool, error) {
	next, stop := iter.Pull2(s.doomed.All())
	defer stop()
	target, err, more := next()
	last := ""
	for o, serr := range s.strays.Sorted() {
		if serr != nil {
			return true, serr
		}
		mapped, key, _ := strings.Cut(o.Key, straySep)
		for ; more && err == nil && target.Key < mapped; target, err, more = next() {
			if kerr := keep.Append(target); kerr != nil {
				return true, kerr
			}
		}
		if err != nil {
			return true, err
		}
		o.Key = key
		it := item{source: o, stray: true, mapped: mapped}
		if more && target.Key == mapped {
			it.target, it.exists = target, true
			target, err, more = next()
		}
		taken, terr := s.taken(ctx, &it, last)
		if terr != nil {
			return true, terr
		}
		last = mapped
		if !taken && !yield(it, nil) {
			return false, nil
		}
	}
	for ; more && err == nil; target, err, more = next() {
		if kerr := keep.Append(target); kerr != nil {
			return true, kerr
		}
	}
	return true, err
}

// taken reports whether another source key owns the place of a stray, and warns
// if so: the two fold to one file, and the first one stays. It finds the twin of a
// stray whose place was not listed, because it is not in the range of the run.
func (s *syncer) taken(ctx context.Context, it *item, last string) (bool, error) {
	collision := it.mapped == last
	if !collision && !it.exists && !s.cfg.Check.Overwrite && !strings.HasSuffix(it.mapped, "/") {
		// The place was not among what only the target has. If something is
		// there now, a source key of that very name put it there.
		info, err := s.target.Stat(ctx, it.mapped, storage.StatOptions{})
		switch {
		case err == nil && !s.keys.Contains(it.mapped):
			it.target, it.exists = info.Object, true
			collision, err = s.inSource(ctx, it.mapped)
		case err == nil:
			collision = true
		case storage.Gone(err):
			err = nil
		}
		if err != nil {
			return false, err
		}
	}
	if collision {
		s.leaveOut(it, &storage.Error{Op: "put", Key: it.key(), Err: fmt.Errorf(
			"%w: another key already has the file %q", storage.ErrUnstorable, it.mapped)})
	}
	return collision, nil
}

func (s *syncer) inSource(ctx context.Context, key string) (bool, error) {
	_, err := s.source.Stat(ctx, key, storage.StatOptions{})
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil, err
}
