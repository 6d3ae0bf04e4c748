// Package scan lists both sides of a sync and pairs their objects, for one range of
// keys. It sorts listings, shows a source as it was at a point in time, and finds the
// counterparts of objects that the target holds under another key.
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

// ErrDirectoryData says that an object has data although its key can only be the key of
// a directory in a target of files.
var ErrDirectoryData = errors.New("a key that ends in / is that of a directory, which holds no data")

// Options say what is scanned.
type Options struct {
	// Range limits the pairs. Its keys are those under which the target lists objects:
	// if the target maps keys (storage.KeyMapper), a source object belongs to the range
	// of its mapped key, or of its own key if the mapped key is empty. So ranges
	// without a common key share no object and no file. The zero Range contains all
	// keys.
	Range storage.Range
	// PointInTime, if not zero, shows the source as it was then. The source must
	// keep versions.
	PointInTime time.Time
	// Keep reports whether a version counts if PointInTime is set. If it does not, the
	// next older version is used. Keep is called in the order of the listing, but
	// neither for versions after that time nor for those that follow the version that
	// counts. Nil keeps all versions. An error of Keep ends Pairs.
	Keep func(storage.Object) (bool, error)
	// ListTarget lists the target. Otherwise no object has a counterpart.
	ListTarget bool
	// KeepTargetOnly lets TakeTargetOnly return the target-only objects.
	KeepTargetOnly bool
	// Problem, if not nil, is called for everything that a side could not list. See
	// storage.ListOptions.
	Problem func(*side.Side, storage.Problem)
	// Skip, if not nil, is that of storage.ListOptions for the source. A target that maps
	// keys needs all of them.
	Skip func(prefix string) bool
	// Listed, if not nil, is called once, when the listing of the source has ended
	// without an error. It receives the number of objects in the range and their bytes.
	Listed func(objects, bytes int64)
	// Stop, if closed, ends the scan before the next key of the source: see Result. At
	// least one key is scanned.
	Stop <-chan struct{}
}

// A Pair is a source object and its counterpart, if there is one.
type Pair struct {
	plan.Pair
	// Err, if not nil, says why the target cannot hold the source object:
	// ErrDirectoryData or storage.ErrUnstorable. For pairs of Remapped it may also be
	// the failure of a store that was asked.
	Err error
}

// A Result is the result of a scan.
type Result struct {
	// Range is Options.Range up to the key at which the scan stopped, if Stopped.
	Range   storage.Range
	Stopped bool
	// Found is the number of source keys in the range, without the empty key. Held is
	// the number of keys that the target listed in the range.
	Found, Held int64
}

// A Scanner scans one range once: the consumer ranges over Pairs and then, if
// AnyRemapped is true, over Remapped. It is not safe for concurrent use. It calls the
// functions of Options in the goroutine of the consumer.
type Scanner struct {
	opts           Options
	source, target *side.Side
	result         Result

	// sourceEnded: the listing of the source has ended.
	sourceEnded bool
	// plain counts the source objects that are files of their own key in a target that
	// maps keys. missing counts those that the target did not list.
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

// Result returns the result. Pairs and, if AnyRemapped is true, Remapped must have
// ended.
func (s *Scanner) Result() Result { return s.result }

// TakeTargetOnly returns the target-only objects in order of the key, if
// Options.KeepTargetOnly is set. Pairs and, if AnyRemapped is true, Remapped must have
// ended. It is called once. The caller closes the spool.
func (s *Scanner) TakeTargetOnly() *spool.Spool {
	taken := s.targetOnly
	s.targetOnly = nil
	return taken
}

// Pairs yields the source objects of the range with their counterparts, except those
// that the target holds under another key: Remapped yields these. Target-only objects
// are kept for TakeTargetOnly. Pairs come in ascending order of the key, as soon as
// both listings have reached it. Memory does not grow with their number. If a side
// fails, the error is the last element and names the side. Pairs returns a single-use
// iterator.
func (s *Scanner) Pairs(ctx context.Context) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for p, err := range join.Sorted(s.counted(s.listSource(ctx)), s.listTarget(ctx)) {
			if err == nil && s.ends(&p) {
				break
			}
			var pair Pair
			var now bool
			switch {
			case err == nil:
				now, err = s.take(&p, &pair)
			case p.InSource:
				err = s.source.Wrap(err)
			default:
				err = s.target.Wrap(err)
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

// ends reports whether the scan ends before a pair, because it is stopped. It may also
// end at a target-only key after the last key of the source.
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

// take makes a pair of both sides, and reports whether it is yielded now. p is zero.
func (s *Scanner) take(both *join.Pair, p *Pair) (now bool, err error) {
	if both.InTarget {
		s.result.Held++
	}
	if !both.InSource {
		if s.opts.KeepTargetOnly || s.target.Maps() {
			err = s.targetOnly.Append(both.Target)
		}
		return false, err
	}
	p.Source, p.Target, p.Exists, p.TargetKey = both.Source, both.Target, both.InTarget, both.Key
	if both.Key == "" {
		return true, nil
	}
	if s.target.Maps() {
		s.place(p)
		if p.TargetKey != both.Key && p.TargetKey != "" {
			return false, s.remap(p)
		}
		s.countPlain(p)
	}
	s.result.Found++
	return true, nil
}

// place sets the key under which the target lists an object, or would list it if it
// could hold it.
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
// prefix. It is r if the target holds such keys under keys with another prefix.
func Limit(r storage.Range, prefix string, target *side.Side) storage.Range {
	if mapped, err := target.MapKey(prefix); err != nil || mapped != prefix {
		return r
	}
	return r.Intersect(storage.Prefixed(prefix))
}
