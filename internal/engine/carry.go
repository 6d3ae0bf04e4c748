package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

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
	// discardLeft removes what earlier runs began to write under the keys that want
	// reports, and what no object goes on with.
	discardLeft(ctx context.Context, want func(key string) bool) error
	// writes reports whether anything is written.
	writes() bool
}

// A doer is the carrier of a sync.
type doer struct {
	transferrer *transfer.Transferrer
	attributes  *attributes.Builder
	target      *side.Side
	// unconditional: the server does not know conditions of writes.
	unconditional atomic.Bool
}

func (d *doer) transfer(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	if !a.Guard.Optional {
		return d.transferrer.Transfer(ctx, a)
	}
	if d.unconditional.Load() {
		return d.lookAndTransfer(ctx, a)
	}
	result, err := d.transferrer.Transfer(ctx, a)
	if errors.Is(err, errors.ErrUnsupported) {
		if result, err = d.lookAndTransfer(ctx, a); err == nil {
			d.unconditional.Store(true)
		}
	}
	return result, err
}

// lookAndTransfer is transfer without conditions of the write: the target is looked at before.
func (d *doer) lookAndTransfer(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	plain, g := *a, &a.Guard
	plain.Guard.TargetETag, plain.Guard.TargetAbsent = "", false
	now, err := d.target.Stat(ctx, a.TargetKey, a.TargetKey, storage.StatOptions{})
	gone := storage.Gone(err)
	switch {
	case err != nil && !gone:
		return transfer.Result{}, d.target.Wrap(err)
	case g.TargetAbsent && !gone, g.TargetETag != "" && (gone || now.ETag != g.TargetETag):
		return transfer.Result{}, d.target.Wrap(&storage.Error{Op: "put", Key: a.TargetKey, Err: fmt.Errorf("%w: it changed since it was looked at", storage.ErrPrecondition)})
	}
	return d.transferrer.Transfer(ctx, &plain)
}

// guardTarget adds the condition that the target is as it was seen: absent, or with an ETag.
// A condition that is there already is one that the user asked for, or an earlier look. Files
// have no such conditions.
func guardTarget(g *plan.Guard, absent bool, etag string) {
	if g.TargetETag == "" && !g.TargetAbsent {
		g.TargetETag, g.TargetAbsent, g.Optional = etag, absent, true
	}
}

func (d *doer) setTags(ctx context.Context, a *plan.Action, tags map[string]string) error {
	return d.attributes.SetTags(ctx, a.Pair, tags)
}

func (d *doer) mark(ctx context.Context, a *plan.Action) error { return d.transferrer.Mark(ctx, a) }

func (d *doer) remove(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	return d.target.Store.Delete(ctx, objects, opts)
}

func (d *doer) discardLeft(ctx context.Context, want func(key string) bool) error {
	return d.transferrer.DiscardLeft(ctx, want)
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

func (*foreseer) discardLeft(context.Context, func(string) bool) error { return nil }

func (*foreseer) writes() bool { return false }
