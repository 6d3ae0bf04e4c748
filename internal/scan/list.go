package scan

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"

	"s3sync/internal/extsort"
	"s3sync/internal/join"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
)

// objects is a listing.
type objects = iter.Seq2[storage.Object, error]

// listSource yields the source objects that belong to the range, until the scan is
// stopped.
func (s *Scanner) listSource(ctx context.Context) objects {
	ranges := []storage.Range{s.opts.Range}
	if s.mapsInto(s.opts.Range) {
		ranges = append(s.target.MappedInto(s.opts.Range), s.opts.Range)
		slices.SortFunc(ranges, func(a, b storage.Range) int { return strings.Compare(a.From, b.From) })
	}
	all := s.untilStopped(s.listed(ctx, ranges))
	if !s.opts.PointInTime.IsZero() {
		return s.snapshot(all)
	}
	return all
}

// mapsInto reports whether keys outside of a range can be mapped into it.
func (s *Scanner) mapsInto(r storage.Range) bool {
	return s.target.Maps() && r != (storage.Range{})
}

// listed yields the objects, or versions, that the source has in some ranges and that
// belong to the range of the scan.
func (s *Scanner) listed(ctx context.Context, ranges []storage.Range) objects {
	list := func(r storage.Range) objects { return s.list(ctx, s.source, storage.ListOptions{Range: r}) }
	if !s.opts.PointInTime.IsZero() {
		list = func(r storage.Range) objects { return s.source.Versions(ctx, r) }
	}
	if !s.mapsInto(s.result.Range) {
		return list(ranges[0])
	}
	return func(yield func(storage.Object, error) bool) {
		for _, r := range ranges {
			for o, err := range list(r) {
				if err == nil && !s.belongs(o.Key) {
					continue
				}
				if !yield(o, err) || err != nil {
					return
				}
			}
		}
	}
}

// belongs reports whether a source object belongs to the range of the scan, or to the
// scanned part of it. An object without a key in the target belongs to the range of its
// own key.
func (s *Scanner) belongs(key string) bool {
	mapped, _ := s.target.MapKey(key) // also for a key that cannot be written
	if mapped == "" {
		mapped = key
	}
	return s.result.Range.Contains(mapped)
}

// untilStopped yields a listing until the scan is stopped. A stop takes effect between
// two keys of the range: keys outside of it are mapped into it in no order, so a scan
// could not continue among them.
func (s *Scanner) untilStopped(all objects) objects {
	return func(yield func(storage.Object, error) bool) {
		last, some := "", false
		for o, err := range all {
			if err == nil && s.opts.Range.Contains(o.Key) {
				if some && o.Key != last && s.stops() {
					s.stopAt(o.Key)
					break
				}
				last, some = o.Key, true
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
		s.sourceEnded = true
	}
}

// takeBehind adds the source objects whose keys come after the stop and whose mapped
// keys come before it.
func (s *Scanner) takeBehind(ctx context.Context) error {
	if !s.result.Stopped || !s.target.Maps() {
		return nil
	}
	behind := storage.Range{From: s.result.Range.To}
	var ranges []storage.Range
	for _, r := range s.target.MappedInto(s.result.Range) {
		if r = r.Intersect(behind); r.To == "" || r.From < r.To {
			ranges = append(ranges, r)
		}
	}
	all := s.listed(ctx, ranges)
	if !s.opts.PointInTime.IsZero() {
		all = s.snapshot(all)
	}
	for o, err := range all {
		if err != nil {
			return s.source.Wrap(err)
		}
		p := Pair{Pair: plan.Pair{Source: o}}
		s.place(&p)
		if p.TargetKey == "" || p.TargetKey == o.Key {
			continue
		}
		if err := s.remap(&p); err != nil {
			return err
		}
	}
	return nil
}

// listTarget yields the objects of the target, or nothing if it is not listed.
func (s *Scanner) listTarget(ctx context.Context) objects {
	if !s.opts.ListTarget {
		return nil
	}
	return join.Asking(func(asked func() bool) objects {
		return s.list(ctx, s.target, storage.ListOptions{Range: s.opts.Range, Asked: asked})
	})
}

// counted calls Options.Listed when a listing has ended without an error.
func (s *Scanner) counted(all objects) objects {
	if s.opts.Listed == nil {
		return all
	}
	return func(yield func(storage.Object, error) bool) {
		var n, bytes int64
		for o, err := range all {
			if !yield(o, err) || err != nil {
				return
			}
			n++
			bytes += o.Size
		}
		s.opts.Listed(n, bytes)
	}
}

// list yields a range of a side in order of the key. A temporary failure is retried:
// after the last key seen if the store lists in order, otherwise from the start.
func (s *Scanner) list(ctx context.Context, of *side.Side, opts storage.ListOptions) objects {
	opts.Problem = func(p storage.Problem) {
		if s.opts.Problem != nil {
			s.opts.Problem(of, p)
		}
	}
	if of == s.source && !s.target.Maps() {
		opts.Skip = s.opts.Skip
	}
	if of.Caps.Ordered {
		return of.List(ctx, opts)
	}
	return listSorted(ctx, of, opts)
}

// listSorted yields the objects of a side whose store lists in no order. The listing
// must be complete before it can be sorted; the sort uses bounded memory and a
// temporary file. After a temporary failure the listing starts again from the
// beginning, because no key marks its position. The objects of the failed attempt are
// dropped.
func listSorted(ctx context.Context, of *side.Side, opts storage.ListOptions) objects {
	return func(yield func(storage.Object, error) bool) {
		var sorter *extsort.Sorter
		err := of.Retry(ctx, "", func(ctx context.Context) (err error) {
			sorter, err = collect(ctx, of.Store.List(ctx, opts))
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

// collect reads a whole listing into a sorter. The caller closes the sorter.
func collect(ctx context.Context, all objects) (*extsort.Sorter, error) {
	sorter := extsort.New(0)
	for o, err := range all {
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

// snapshot yields the source as it was at Options.PointInTime, from the listing of its
// versions: for each key the newest version up to that time that Options.Keep keeps. A
// key whose version is a delete marker is skipped. It keeps one key in memory.
func (s *Scanner) snapshot(versions objects) objects {
	return func(yield func(storage.Object, error) bool) {
		decided, some := "", false // the previous key, and whether its version is found
		for v, err := range versions {
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if some && v.Key == decided || v.ModTime.After(s.opts.PointInTime) {
				continue
			}
			keep, err := s.keeps(v)
			if err != nil {
				yield(storage.Object{}, err)
				return
			}
			if !keep {
				continue
			}
			decided, some = v.Key, true
			if !v.DeleteMarker && !yield(v, nil) {
				return
			}
		}
	}
}

func (s *Scanner) keeps(v storage.Object) (bool, error) {
	if s.opts.Keep == nil {
		return true, nil
	}
	return s.opts.Keep(v)
}
