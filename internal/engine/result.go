package engine

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"s3sync/internal/report"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// A Result is the result for one range of keys. It holds everything that a later phase
// needs to know of the range: what was done, whether deleting is safe, and the
// target-only objects. It can be written as JSON, except for these objects.
type Result struct {
	// Range is the range that was covered. It ends where the unit was stopped, if it
	// was. The rest begins there.
	Range storage.Range
	// Stopped: the unit was stopped at Range.To.
	Stopped bool
	// DryRun: nothing was written, so that only a dry run may use it for deletions.
	DryRun bool
	// Stats count the objects of the range.
	Stats report.Stats
	// Status counts the findings of a report.
	Status report.StatusCounts
	// Failures are the first failed objects, at most 1,000.
	Failures []report.Failure
	// Incomplete: a part of the range was not processed, because it could not be
	// listed or because the unit ended early.
	Incomplete bool
	// Unsafe: an object was not transferred, so that the target may lack it, or a
	// warning about the whole run counts as a failure.
	Unsafe bool
	// OtherwiseUnsafe: it is Unsafe for another reason than objects that failed, so that it
	// stays Unsafe although these succeed later.
	OtherwiseUnsafe bool
	// Found is how many keys the source has, before filters, but without what patterns
	// and ignore files exclude and protect from deletion. Held is how many keys
	// the target listed, and Added how many new ones were written.
	Found, Held, Added int64
	// Protected are keys that the source has but cannot list. They and the keys below
	// them are not deleted, whatever range these are in.
	Protected []string

	// Settings is Options.Fingerprint of the run that made the result.
	Settings string

	// engine made the result. Only it knows the ignore files as they were then.
	engine *Engine
	// extraneous are the target-only objects; nil if there are none.
	extraneous *heldSpool
}

// Extraneous yields the target-only objects of the range, in order of the key. It may
// be repeated until Close.
func (r *Result) Extraneous() iter.Seq2[storage.Object, error] {
	if r.extraneous == nil {
		return func(func(storage.Object, error) bool) {}
	}
	return r.extraneous.All()
}

// SetExtraneous sets the target-only objects of a result from elsewhere, in order of
// the key. They are kept in memory up to a few MiB, then in a temporary file. The caller
// closes the result.
func (r *Result) SetExtraneous(objects iter.Seq2[storage.Object, error]) error {
	if r.extraneous == nil {
		r.extraneous = &heldSpool{Spool: spool.New(0)}
	}
	for o, err := range objects {
		if err == nil {
			err = r.extraneous.Append(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Join adds the result of the range that begins where r ends, so that r is the result of
// both. Of the target-only objects those of r stay: the caller sets them. The failures of
// both are kept, up to the number that a result has.
func (r *Result) Join(next *Result) error {
	switch {
	case r.Range.To == "" || r.Range.To != next.Range.From:
		return fmt.Errorf("a result of the keys up to %q cannot be joined with one of those from %q", r.Range.To, next.Range.From)
	case r.Settings != next.Settings || r.DryRun != next.DryRun:
		return errors.New("the results are of runs with different settings")
	}
	r.Range.To, r.Stopped = next.Range.To, next.Stopped
	r.Stats.Add(&next.Stats)
	r.Status.Add(&next.Status)
	r.Failures = append(r.Failures, next.Failures[:min(len(next.Failures), max(0, report.MaxFailures-len(r.Failures)))]...)
	r.Incomplete = r.Incomplete || next.Incomplete
	r.Unsafe = r.Unsafe || next.Unsafe
	r.OtherwiseUnsafe = r.OtherwiseUnsafe || next.OtherwiseUnsafe
	r.Found, r.Held, r.Added = r.Found+next.Found, r.Held+next.Held, r.Added+next.Added
	r.Protected = append(r.Protected, next.Protected...)
	if r.engine != next.engine {
		r.engine = nil
	}
	return nil
}

// Close drops the target-only objects. It may be called again, and after the end of the
// run.
func (r *Result) Close() error {
	if r.extraneous == nil {
		return nil
	}
	s := r.extraneous
	r.extraneous = nil
	return s.Close()
}

// A heldSpool is the spool of a result. It is closed with the result, or else with the
// engine.
type heldSpool struct {
	*spool.Spool

	by *spools // nil for a result from elsewhere
}

func (s *heldSpool) Close() error {
	if s.by != nil {
		s.by.drop(s.Spool)
	}
	return s.Spool.Close()
}

// spools are the spools of the results that are not closed yet. The results themselves
// are not kept, so memory does not grow with the number of units whose results were
// closed, or list nothing. Its methods may be called concurrently.
type spools struct {
	mu   sync.Mutex
	open map[*spool.Spool]struct{}
}

// hold returns the spool of a result, or nil if the spool is empty.
func (h *spools) hold(s *spool.Spool) *heldSpool {
	if s.Len() == 0 {
		_ = s.Close() // it has no file
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = map[*spool.Spool]struct{}{}
	}
	h.open[s] = struct{}{}
	return &heldSpool{s, h}
}

func (h *spools) drop(s *spool.Spool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, s)
}

// close closes all that are open.
func (h *spools) close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var err error
	for s := range h.open {
		err = errors.Join(err, s.Close())
	}
	clear(h.open)
	return err
}

var errTooManyProtected = errors.New("too many entries of the source cannot be listed: nothing is deleted")

func anyExtraneous(results []*Result) bool {
	return slices.ContainsFunc(results, func(r *Result) bool { return r.extraneous != nil && r.extraneous.Len() > 0 })
}

// tiling returns results in order of their ranges, or fails if they do not tile the
// whole. If a range is missing, its target-only objects are not known. If it is there
// twice, its objects count twice.
func tiling(whole storage.Range, results []*Result) ([]*Result, error) {
	results = slices.SortedFunc(slices.Values(results), inOrder)
	if len(results) == 0 {
		return nil, fmt.Errorf("%w: there are no results of the run", ErrDeleteRefused)
	}
	from, open := whole.From, true
	for _, r := range results {
		switch {
		case r.Range.Intersect(whole) != r.Range:
			return nil, fmt.Errorf("%w: a result is of keys outside of the run, from %q to %q", ErrDeleteRefused, r.Range.From, r.Range.To)
		case !open || r.Range.From < from:
			return nil, fmt.Errorf("%w: the key %q is in the ranges of two results", ErrDeleteRefused, r.Range.From)
		case r.Range.From > from:
			return nil, fmt.Errorf("%w: no result is of the keys from %q to %q", ErrDeleteRefused, from, r.Range.From)
		}
		from, open = r.Range.To, r.Range.To != ""
	}
	if from != whole.To {
		return nil, fmt.Errorf("%w: no result is of the keys from %q to %q", ErrDeleteRefused, from, whole.To)
	}
	return results, nil
}

// inOrder compares results by the start of their ranges. A range without keys comes
// first.
func inOrder(a, b *Result) int {
	switch order := strings.Compare(a.Range.From, b.Range.From); {
	case order != 0 || a.Range.Empty() == b.Range.Empty():
		return order
	case a.Range.Empty():
		return -1
	}
	return 1
}
