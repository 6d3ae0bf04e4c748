package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"s3sync/storage"
)

// A Permit says that the gate let the target-only objects of all ranges of a run be
// deleted. It can be written as JSON, so that the deletions are made elsewhere.
type Permit struct {
	// Settings and DryRun are those of the results.
	Settings string
	DryRun   bool `json:",omitempty"`
	// Objects is how many objects of each result are to be deleted, in order of their
	// ranges. Their sum is at most Delete.Max.
	Objects []int64
	// Stopped, if not empty, is the warning that there are more, because of Delete.Max.
	Stopped string `json:",omitempty"`
	// Protected are the keys that the source has but cannot list, of all results.
	Protected []string `json:",omitempty"`
}

// Permit decides as Delete does, but deletes nothing. If nothing may be deleted, the error
// is an ErrDeleteRefused, also if a listing was not complete or a transfer failed.
func (e *Engine) Permit(ctx context.Context, results []*Result) (*Permit, error) {
	if !e.opts.Delete.Enable {
		return nil, fmt.Errorf("%w: the settings do not ask for it", ErrDeleteRefused)
	}
	results, err := e.permissible(results)
	if err != nil {
		return nil, err
	}
	if why := forbidden(results, e.unsafe.Load()); why != "" {
		return nil, fmt.Errorf("%w: %s", ErrDeleteRefused, why)
	}
	going, of, err := e.judge(ctx, results)
	if err = errors.Join(err, going.Close()); err != nil {
		return nil, err
	}
	p := &Permit{Settings: e.opts.Fingerprint, DryRun: e.opts.DryRun, Objects: of}
	if most := e.opts.Delete.Max; most > 0 {
		left := most
		for i := range of {
			if of[i] > left {
				p.Stopped = errStopped(most).Error()
			}
			of[i] = min(of[i], left)
			left -= of[i]
		}
	}
	for _, r := range results {
		p.Protected = append(p.Protected, r.Protected...)
	}
	return p, nil
}

// DeletePermitted deletes target-only objects of a part of a run, in order of the key, for
// whose whole there is a permit: at most most objects, which the permit must have for a
// range. It looks at both sides right before that: an object that the source has now, or
// that changed, is a warning and is kept. One that is gone counts as deleted, so that
// calling it again deletes and counts the same.
func (e *Engine) DeletePermitted(ctx context.Context, p *Permit, most int64, objects iter.Seq2[storage.Object, error]) error {
	switch {
	case !e.opts.Delete.Enable:
		return fmt.Errorf("%w: the settings do not ask for it", ErrDeleteRefused)
	case p.DryRun && !e.opts.DryRun:
		return fmt.Errorf("%w: the permit is that of a dry run, which transferred nothing", ErrDeleteRefused)
	case p.Settings != e.opts.Fingerprint:
		return errOtherSettings()
	case !slices.ContainsFunc(p.Objects, func(n int64) bool { return most <= n }):
		return fmt.Errorf("%w: the permit is for fewer than %d objects of a range", ErrDeleteRefused, most)
	}
	g := e.gate()
	for _, key := range p.Protected {
		if !g.Protected.Add(key) {
			return errTooManyProtected
		}
	}
	d := &deletion{e: e, look: true, goneCounts: true}
	return d.run(ctx, first(most, e.kept(ctx, &g, objects)))
}

// first returns the first n objects.
func first(n int64, objects iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if n <= 0 {
			return
		}
		for o, err := range objects {
			if n--; !yield(o, err) || err != nil || n == 0 {
				return
			}
		}
	}
}
