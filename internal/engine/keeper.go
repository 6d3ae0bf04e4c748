package engine

import (
	"context"
	"errors"
	"fmt"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/trash"
	"s3sync/internal/verify"
	"s3sync/storage"
)

// errNothingToKeep says that the target has no such object.
var errNothingToKeep = errors.New("there is nothing to keep")

// A keeper keeps old objects of the target.
type keeper interface {
	// keep keeps the object that a listing described, as it is now. When it returns, the
	// object can be restored whatever happens to it. If there is none, the error is
	// errNothingToKeep.
	keep(ctx context.Context, o storage.Object) (keptOld, error)
}

// A keptOld is an object that can be restored.
type keptOld struct {
	old storage.Object
	// trash is where it is in the folder of the run; empty for a version of the target.
	trash string
}

// keeper returns how old objects of the target are kept: as versions, as other names of
// files, or as copies.
func (e *Engine) keeper(ctx context.Context) (keeper, error) {
	opts := e.opts.Trash
	if k, ok := storage.As[storage.Keeper](opts.Store); ok && k.Keeps(e.target.Store) {
		return &fileKeeper{e.target, k, opts.Header.ID + "/"}, nil
	}
	mover, err := NewMover(e.target, e.trash, e.limits, e.warnOfTags, opts.Journal)
	if err != nil {
		return nil, err
	}
	_ = mover.DiscardLeft(ctx, func(string) bool { return true }) // of runs that were killed; else the next run does
	copies := &copyKeeper{e.target, e.trash, mover, opts.Header.ID + "/"}
	if v, ok := storage.As[storage.Versioner](e.target.Store); ok {
		// Whoever may not ask gets copies, which are always right.
		if versioned, err := v.Versioning(ctx); err == nil && versioned {
			return &versionKeeper{e.target, copies}, nil
		}
	}
	return copies, nil
}

// NewMover returns what moves objects with everything that they have from one store to
// another: on the server if it can, else through this program. warn receives
// why tags may be lost. journal, if not nil, knows what is begun and not finished: nothing
// goes on with that, and DiscardLeft removes it.
func NewMover(from, to *side.Side, l *limits.Limits, warn func(error), journal *resume.Journal) (*transfer.Transferrer, error) {
	const part = 8 << 20
	opts := transfer.Options{
		Threshold: part, ChunkSize: part, KeepLayout: true,
		Verify:  verify.Options{ETag: true, Multipart: true, Checksum: true, ChunkSize: part},
		Journal: journal, BeginAnew: true,
	}
	if c, ok := storage.As[storage.Copier](to.Store); ok {
		opts.Copy = to.Caps.MaxCopy > 0 && c.Copies(from.Store)
	}
	return transfer.New(opts, from, to, l, attributes.New(attributes.Options{Warn: warn, NeedTags: true}, from, to))
}

// A copyKeeper copies objects to the trash.
type copyKeeper struct {
	target, trash *side.Side
	mover         *transfer.Transferrer
	folder        string
}

func (k *copyKeeper) keep(ctx context.Context, o storage.Object) (keptOld, error) {
	to := trash.ObjectKey(o.Key)
	a := plan.Action{Kind: plan.Transfer, Pair: plan.Pair{Source: o, TargetKey: k.folder + to}}
	// The bytes are not those that the progress shows.
	result, err := k.mover.Transfer(storage.WithoutMeter(ctx), &a)
	if errors.Is(err, side.ErrGone) {
		return keptOld{}, k.confirmGone(ctx, o.Key)
	}
	if err == nil && !result.Verification.ETag && !result.Verification.Checksum {
		err = k.checkSize(ctx, a.TargetKey, result.Source.Size)
	}
	return keptOld{result.Source, to}, err
}

// confirmGone returns errNothingToKeep if the target does not have an object.
func (k *copyKeeper) confirmGone(ctx context.Context, key string) error {
	return confirmGone(ctx, k.target, key)
}

func confirmGone(ctx context.Context, target *side.Side, key string) error {
	switch _, err := target.Stat(ctx, key, key, storage.StatOptions{}); {
	case storage.Gone(err):
		return errNothingToKeep
	case err != nil:
		return target.Wrap(err)
	}
	return fmt.Errorf("%w: it came and went meanwhile", storage.ErrChanged)
}

// checkSize looks at a copy that no digest verifies, because the server encrypts it in its
// own way.
func (k *copyKeeper) checkSize(ctx context.Context, key string, size int64) error {
	info, err := k.trash.Stat(ctx, key, key, storage.StatOptions{})
	if err == nil && info.Size != size {
		err = fmt.Errorf("%w: the copy has %d bytes of %d", storage.ErrMismatch, info.Size, size)
	}
	return err
}

// A fileKeeper gives files of the target another name in the trash.
type fileKeeper struct {
	target *side.Side
	trash  storage.Keeper
	folder string
}

func (k *fileKeeper) keep(ctx context.Context, o storage.Object) (keptOld, error) {
	to := trash.ObjectKey(o.Key)
	var info storage.Info
	err := k.target.Retry(ctx, o.Key, func(ctx context.Context) (err error) {
		info, err = k.trash.Keep(ctx, k.folder+to, k.target.Store, o.Key, storage.WriteOptions{IfAbsent: true})
		return err
	})
	if storage.Gone(err) {
		return keptOld{}, confirmGone(ctx, k.target, o.Key)
	}
	return keptOld{info.Object, to}, err
}

// A versionKeeper finds the version that the target keeps by itself.
type versionKeeper struct {
	target *side.Side
	copies *copyKeeper
}

func (k *versionKeeper) keep(ctx context.Context, o storage.Object) (keptOld, error) {
	info, err := k.target.Stat(ctx, o.Key, o.Key, storage.StatOptions{})
	switch {
	case storage.Gone(err):
		return keptOld{}, errNothingToKeep
	case err != nil:
		return keptOld{}, k.target.Wrap(err)
	case info.VersionID == "" || info.VersionID == "null":
		// The server may keep no versions of some keys, as MinIO does where prefixes are
		// excluded. Then this one would be replaced. It may also be older than versioning.
		return k.copies.keep(ctx, o)
	}
	return keptOld{old: info.Object}, nil
}
