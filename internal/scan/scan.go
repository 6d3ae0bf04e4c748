// Package scan lists both sides of a sync and pairs what they have, for one range of
// keys. It puts listings in order, shows a source as it was at some time, and finds
// the counterparts of objects that the target holds under another key.
package scan

import (
	"context"
	"errors"
	"iter"
	"time"

	"s3sync/internal/extsort"
	"s3sync/internal/join"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// ErrDirectoryData says that the target keeps files, that the key of an object can only
// be the key of a directory, and that the object has data.
var ErrDirectoryData = errors.New("a key that ends in / is that of a directory, which holds no data")

// Options say what is listed.
type Options struct {
	// Range limits what is paired. Its keys are those under which the target lists
	// objects: where the target maps keys (storage.KeyMapper), a source object
	// belongs to the range that contains its mapped key, or its own key if that is
	// empty. So ranges that have no key in common have no object and no file in
	// common, and the zero Range is everything.
	Range storage.Range
	// PointInTime, if not zero, shows the source as it was then. The source must
	// keep versions.
	PointInTime time.Time
	// Keep reports whether a version counts where PointInTime is set; an older one
	// takes the place of one that does not. It is asked in the order of the listing,
	// about no version that is younger or comes behind the one that counts. Nil
	// keeps everything. An error of it ends Pairs.
	Keep func(storage.Object) (bool, error)
	// ListTarget lists the target. Otherwise no object has a counterpart.
	ListTarget bool
	// KeepTargetOnly lets TargetOnly return what only the target has.
	KeepTargetOnly bool
	// Problem, if not nil, is told what a side could not list. See
	// storage.ListOptions.
	Problem func(*side.Side, storage.Problem)
	// Listed, if not nil, is called once, when the listing of the source has ended
	// without an error: with how many objects of the range it has, and how many bytes
	// these are.
	Listed func(objects, bytes int64)
	// Stop, if it is closed, ends the scan before the next key of the source: see
	// Result. At least one key is looked at.
	Stop <-chan struct{}
}

// A Pair is an object of the source, perhaps with its counterpart.
type Pair struct {
	plan.Pair
	// Err, if not nil, says why the target cannot hold the source object:
	// ErrDirectoryData or storage.ErrUnstorable. Of what Remapped yields it may also
	// be the failure of a store, which keeps from finding that out.
	Err error
}

// A Result is what a scan found.
type Result struct {
	// Range is Options.Range up to the key at which the scan stopped, if Stopped.
	Range   storage.Range
	Stopped bool
	// Found is how many keys of the source belong to the range, except an empty one.
	// Held is how many keys of the range the target listed.
	Found, Held int64
}

// A Scanner scans one range once: the consumer ranges over Pairs and then, if there
// is AnyRemapped, over Remapped. It is not for concurrent use, and calls the functions
// of Options from the goroutine of the consumer.
type Scanner struct {
	opts           Options
	source, target *side.Side
	result         Result

	// sourceEnded: the listing of the source came to its end.
	sourceEnded bool
	// plain counts the source objects that are files of their own key in a target
	// that maps keys, and missing those of them that the target did not list.
	plain, missing int64

	targetOnly *spool.Spool
	// remapped holds the source objects that the target holds under another key, if
	// anyRemapped.
	remapped    *extsort.Sorter
	anyRemapped bool
}

// New returns a Scanner that has listed nothing yet. The caller closes it.
func New(opts Options, source, target *side.Side) *Scanner {
	return &Scanner{
		opts: opts, source: source, target: target, result: Result{Range: opts.Range},
		targetOnly: spool.New(0), remapped: extsort.New(0),
	}
}

// Close removes temporary files.
func (s *Scanner) Close() error {
	var err error
	if s.targetOnly != nil {
		err = s.targetOnly.Close()
	}
	return errors.Join(err, s.remapped.Close())
}

// Result returns what was found. Pairs and, if there is AnyRemapped, Remapped must
// have come to their end.
func (s *Scanner) Result() Result { return s.result }

// TakeTargetOnly returns what only the target has, in order of the key, if
// Options.KeepTargetOnly is set. Pairs and, if there is AnyRemapped, Remapped must
// have come to their end. The caller closes the spool. It is called once.
func (s *Scanner) TakeTargetOnly() *spool.Spool {
	taken := s.targetOnly
	s.targetOnly = nil
	return taken
}

// Pairs yields the source objects of the range beside their counterparts, except
// those that the target holds under another key: they wait for Remapped. What only
// the target has is kept for TakeTargetOnly. Pairs come in ascending order of the key,
// and as soon as both sides are known to have reached it; memory does not grow with
// their number. A failure of a side is the last element, and names the side. It
// returns a single-use iterator.
func (s *Scanner) Pairs(ctx context.Context) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for p, err := range join.Sorted(s.counted(s.listSource(ctx)), s.listTarget(ctx)) {
			if err == nil && s.ends(&p) {
				break
			}
			var pair Pair
			var now bool
			if err == nil {
				pair, now, err = s.take(&p)
			}
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if now && !yield(pair, nil) {
				return
			}
		}
		if err := s.takeBehind(ctx); err != nil {
			yield(Pair{}, err)
		}
	}
}

// ends reports whether the scan ends before a pair, because it is stopped. What the
// target alone has behind the last key of the source ends it, too.
func (s *Scanner) ends(p *join.Pair) bool {
	if !s.result.Stopped && s.sourceEnded && !p.InSource && s.result.Held > 0 && s.stops() {
		s.stopAt(p.Key)
	}
	return s.result.Stopped && p.Key >= s.result.Range.To
}

func (s *Scanner) stops() bool {
	select {
	case <-s.opts.Stop:
		return true
	default:
		return false
	}
}

func (s *Scanner) stopAt(key string) { s.result.Range.To, s.result.Stopped = key, true }

// take takes in a pair, and reports whether it is yielded now.
func (s *Scanner) take(both *join.Pair) (p Pair, now bool, err error) {
	if both.InTarget {
		s.result.Held++
	}
	if !both.InSource {
		if s.opts.KeepTargetOnly || s.target.Maps() {
			err = s.targetOnly.Append(both.Target)
		}
		return p, false, err
	}
	p.Pair = plan.Pair{Source: both.Source, Target: both.Target, Exists: both.InTarget, TargetKey: both.Key}
	if both.Key == "" {
		return p, true, nil
	}
	if s.target.Maps() {
		s.place(&p)
		if p.TargetKey != both.Key && p.TargetKey != "" {
			return p, false, s.remap(&p)
		}
		s.countPlain(&p)
	}
	s.result.Found++
	return p, true, nil
}

// place finds the key under which the target lists an object, or would if it could
// hold it.
func (s *Scanner) place(p *Pair) {
	p.TargetKey, p.Err = s.target.MapKey(p.Key())
	if p.Err == nil && plan.IsDirectory(p.Key()) && p.Source.Size > 0 {
		p.Err = ErrDirectoryData
	}
}

func (s *Scanner) countPlain(p *Pair) {
	if p.Err == nil && !plan.IsDirectory(p.Key()) {
		s.plain++
		if !p.Exists {
			s.missing++
		}
	}
}

// Limit returns the part of r that can hold objects whose source keys begin with
// prefix. It is r if the target holds such keys under others that do not begin so.
func Limit(r storage.Range, prefix string, target *side.Side) storage.Range {
	if mapped, err := target.MapKey(prefix); err != nil || mapped != prefix {
		return r
	}
	return r.Intersect(storage.Prefixed(prefix))
}
