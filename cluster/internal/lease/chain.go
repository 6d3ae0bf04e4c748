package lease

import (
	"context"
	"fmt"
	"slices"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
)

// A chain is everything that the accepted leases of a range did.
type chain struct {
	ref    job.Ref // of the last checkpoint
	last   *truth.Checkpoint
	copied job.Ref // the last checkpoint of PhaseCopy
	done   bool    // of PhaseCopy
	keys   job.Keys
	cursor job.Key // of PhaseCopy
	leases int64
	// result is that of all copies, with what sweeps changed, and without its target-only
	// objects.
	result     *s3sync.RangeResult
	counters   job.Counters
	candidates []job.Ref
	failures   []job.Ref // that are left, and those of the deletions
	evidence   []job.Ref
	big        int64 // bytes of the failures that are big objects which were begun
	notes      []string
}

// chain reads the checkpoints of a range, from the last one back to the first.
func (w *work) chain(ctx context.Context, ref job.Ref) (*chain, error) {
	ch := &chain{ref: ref}
	var all []*truth.Checkpoint
	var refs []job.Ref
	for at := ref; at != (job.Ref{}); {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		w.env.beat(job.Progress{Checkpoint: ref})
		c, err := w.store.Checkpoint(ctx, at)
		if err != nil {
			return nil, err
		}
		if c.Spec != w.run.Spec.SHA256 {
			return nil, fmt.Errorf("%w: %q is of another spec", ErrStop, at.Key)
		}
		all, refs = append(all, c), append(refs, at)
		at = c.Previous
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%w: a range has no result", ErrStop)
	}
	ch.last = all[0]
	slices.Reverse(all)
	slices.Reverse(refs)
	for i, c := range all {
		if err := ch.add(c, refs[i]); err != nil {
			return nil, err
		}
	}
	return ch, nil
}

// add adds the next checkpoint.
func (ch *chain) add(c *truth.Checkpoint, ref job.Ref) error {
	ch.leases++
	ch.counters = ch.counters.Plus(c.Counters)
	ch.evidence = append(ch.evidence, c.Evidence...)
	for _, note := range c.Notes {
		if !slices.Contains(ch.notes, note) && len(ch.notes) < maxNotes {
			ch.notes = append(ch.notes, note)
		}
	}
	switch c.Phase {
	case job.PhaseCopy:
		return ch.addCopy(c, ref)
	case job.PhaseSweep:
		return ch.addSweep(c, ref)
	default:
		if !ch.done {
			return outOfOrder(ref)
		}
		ch.failures = append(ch.failures, c.Failures...)
		return nil
	}
}

func outOfOrder(ref job.Ref) error {
	return fmt.Errorf("state store: %w: %q does not follow the checkpoint that it names", truth.ErrDamaged, ref.Key)
}

func (ch *chain) addCopy(c *truth.Checkpoint, ref job.Ref) error {
	first := ch.copied == (job.Ref{})
	if !first && (ch.done || ch.cursor != c.Keys.From || ch.counters.Deleted != 0) {
		return outOfOrder(ref)
	}
	if first {
		ch.keys.From = c.Keys.From
	}
	ch.copied, ch.done, ch.cursor, ch.keys.To = ref, c.Done, c.Cursor, c.Keys.To
	for i := range c.Units {
		u := &c.Units[i]
		ch.candidates = append(ch.candidates, u.Candidates...)
		ch.failures = append(ch.failures, u.Failures...)
		ch.big += u.Big
		ch.evidence = append(ch.evidence, u.Evidence...)
		if ch.result == nil {
			ch.result = u.RangeResult()
		} else if err := ch.result.Join(u.RangeResult()); err != nil {
			return fmt.Errorf("state store: %w: %q: %w", truth.ErrDamaged, ref.Key, err)
		}
	}
	return nil
}

func (ch *chain) addSweep(c *truth.Checkpoint, ref job.Ref) error {
	if !ch.done || !c.Done || c.Change == nil {
		return outOfOrder(ref)
	}
	ch.failures, ch.big = slices.Clone(c.Failures), 0
	r, change := ch.result, c.Change
	r.Found, r.Held, r.Added = r.Found+change.Found, r.Held+change.Held, r.Added+change.Added
	r.OtherwiseUnsafe = r.OtherwiseUnsafe || change.Unsafe
	r.Unsafe = r.OtherwiseUnsafe || ch.counters.Failed > 0
	return nil
}

// chains reads the ranges of results, in order of their keys.
func (w *work) chains(ctx context.Context, results []job.Ref) ([]*chain, error) {
	all := make([]*chain, 0, len(results))
	for _, ref := range results {
		ch, err := w.chain(ctx, ref)
		if err != nil {
			return nil, err
		}
		all = append(all, ch)
	}
	slices.SortFunc(all, func(a, b *chain) int {
		if a.keys.From < b.keys.From {
			return -1
		}
		return 1
	})
	return all, nil
}

// gap says which keys have not one result, or nothing.
func (w *work) gap(chains []*chain) string {
	whole := job.KeysOf(w.spec.Settings.Range)
	at, open := whole.From, true
	for _, ch := range chains {
		switch {
		case !open || ch.keys.From < at:
			return fmt.Sprintf("the keys from %v are in two results", ch.keys)
		case ch.keys.From > at:
			return fmt.Sprintf("the keys from %v have no result", job.Keys{From: at, To: ch.keys.From})
		case !ch.done:
			return fmt.Sprintf("the keys from %v are not done", job.Keys{From: ch.cursor, To: ch.keys.To})
		}
		at, open = ch.keys.To, ch.keys.To != ""
	}
	if at != whole.To || open && whole.To == "" {
		return fmt.Sprintf("the keys from %v have no result", job.Keys{From: at, To: whole.To})
	}
	return ""
}
