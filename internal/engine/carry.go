package engine

import (
	"context"

	"s3sync/internal/attributes"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// A carrier carries out actions. A dry run has a carrier that only returns what their
// results would be. This is the only difference from a sync.
type carrier interface {
	// transfer transfers an object.
	transfer(ctx context.Context, a *plan.Action) (transfer.Result, error)
	// setTags replaces the tags of a target object.
	setTags(ctx context.Context, a *plan.Action, tags map[string]string) error
	// mark adds a delete marker.
	mark(ctx context.Context, a *plan.Action) error
	// remove deletes like the Delete of storage.Store.
	remove(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error
	// writes reports whether anything is written.
	writes() bool
}

// A doer is the carrier of a sync.
type doer struct {
	transferrer *transfer.Transferrer
	attributes  *attributes.Builder
	target      *side.Side
}

func (d *doer) transfer(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	return d.transferrer.Transfer(ctx, a)
}

func (d *doer) setTags(ctx context.Context, a *plan.Action, tags map[string]string) error {
	return d.attributes.SetTags(ctx, a.Pair, tags)
}

func (d *doer) mark(ctx context.Context, a *plan.Action) error { return d.transferrer.Mark(ctx, a) }

func (d *doer) remove(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	return d.target.Store.Delete(ctx, objects, opts)
}

func (*doer) writes() bool { return true }

// A foreseer is the carrier of a dry run. Every action succeeds, except as transfer
// says.
type foreseer struct {
	transferrer *transfer.Transferrer
	// read receives the number of bytes that would be read.
	read func(n int64)
}

// transfer fails if an object that may be archived cannot be read. A sync finds that
// out when it reads the object. Nothing is verified, so the digests of the result are
// those that the decision is based on.
func (f *foreseer) transfer(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	if err := f.transferrer.Readable(ctx, a); err != nil {
		return transfer.Result{}, err
	}
	f.read(a.Source.Size)
	return transfer.Result{Source: a.Source, Target: a.Target, Verification: verify.Result{Digests: a.Digests}}, nil
}

func (*foreseer) setTags(context.Context, *plan.Action, map[string]string) error { return nil }

func (*foreseer) mark(context.Context, *plan.Action) error { return nil }

func (*foreseer) remove(_ context.Context, objects []storage.Object, _ storage.DeleteOptions) []error {
	return make([]error, len(objects))
}

func (*foreseer) writes() bool { return false }
