// Package undo takes back what a run did, by the journal in its trash. It restores objects
// that the run replaced or deleted, with all that they had, replaces tags by the old ones,
// and removes objects that the run made. What somebody changed since stays as it is.
//
// It may be ended at any time and begun again: what is as before already needs nothing.
package undo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"s3sync/internal/engine"
	"s3sync/internal/limits"
	"s3sync/internal/parallel"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/trash"
	"s3sync/storage"
)

// atOnce is how many objects are undone at once, and memory bounds the parts of those that
// no server copies.
const (
	atOnce = 16
	memory = 256 << 20
)

// Options say what is undone.
type Options struct {
	// Target is the target of the run. Trash holds its journal under ID.
	Target, Trash storage.Store
	ID            string
	// DryRun changes nothing.
	DryRun bool
	// Force also undoes what was changed since the run.
	Force bool
	Retry retry.Policy
	// Report, if not nil, is told of each object. Calls do not overlap.
	Report func(Change)
}

// A What is what an undo does with an object.
type What string

// What an undo does. Kept and Failed have an error.
const (
	Restored What = "restore"   // the run deleted it
	Replaced What = "put back"  // the run overwrote it
	Removed  What = "remove"    // the run made it
	Retagged What = "set tags"  // the run replaced its tags
	Same     What = "unchanged" // it is as before the run
	Kept     What = "keep"      // it was changed since the run
	Failed   What = "fail"
)

// A Change is what an undo did with an object, or would do.
type Change struct {
	What What
	Key  string
	Size int64 // of the object that is restored or removed, in bytes
	Err  error
}

// A Result is what an undo did.
type Result struct {
	Objects map[What]int64
	// Damaged are the parts of the journal that cannot be read, and what else may not be as
	// before.
	Damaged []error
	// Unfinished: the journal has no end, because the run was interrupted, or still runs.
	Unfinished bool
}

// Clean reports whether everything is as before the run.
func (r *Result) Clean() bool {
	return r.Objects[Kept] == 0 && r.Objects[Failed] == 0 && len(r.Damaged) == 0
}

// Run undoes a run. The result is never nil. An error says that it came to no end; objects
// that failed are in the result.
func Run(ctx context.Context, opts Options) (*Result, error) {
	result := &Result{Objects: map[What]int64{}}
	sides := side.Options{Policy: opts.Retry}
	u := &undoer{
		opts: opts, result: result,
		target: side.New("target", opts.Target, sides), trash: side.New("trash", opts.Trash, sides),
	}
	if err := u.prepare(); err != nil {
		return result, err
	}
	err := parallel.ForEach(ctx, atOnce, u.tasks, func(ctx context.Context, t task) error {
		c, err := u.one(ctx, &t)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			c = Change{What: Failed, Key: t.Key, Err: err}
		}
		u.report(c)
		if errors.Is(err, storage.ErrUnusable) {
			return err
		}
		return nil
	})
	if err != nil || opts.DryRun || !result.Clean() {
		return result, err
	}
	key, data := trash.Mark(opts.ID, time.Now())
	return result, u.trash.Retry(ctx, key, func(ctx context.Context) error {
		_, err := opts.Trash.Put(ctx, key, storage.Block{Data: data, Size: int64(len(data))}, storage.WriteOptions{Size: int64(len(data))})
		return u.trash.Wrap(err)
	})
}

// An undoer undoes a run.
type undoer struct {
	opts          Options
	target, trash *side.Side
	keeper        storage.Keeper // of files, else nil
	fromTrash     *transfer.Transferrer
	versions      *transfer.Transferrer // from the target to itself

	mu     sync.Mutex
	result *Result
}

// prepare finds out how objects are moved.
func (u *undoer) prepare() (err error) {
	l := limits.New(limits.Options{Memory: memory, Workers: atOnce, ParallelParts: atOnce})
	if k, ok := storage.As[storage.Keeper](u.opts.Target); ok && k.Keeps(u.opts.Trash) {
		u.keeper = k
	}
	if u.fromTrash, err = engine.NewMover(u.trash, u.target, l, u.warn, nil); err != nil {
		return err
	}
	u.versions, err = engine.NewMover(u.target, u.target, l, u.warn, nil)
	return err
}

// warn notes that something may be lost although no object failed.
func (u *undoer) warn(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.result.Damaged = append(u.result.Damaged, err)
}

func (u *undoer) report(c Change) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.result.Objects[c.What]++
	if u.opts.Report != nil {
		u.opts.Report(c)
	}
}

// A task is an action of the run and what it wrote.
type task struct {
	trash.Line

	// wrote is what the run wrote; nil if that is not known.
	wrote *trash.Object
}

// tasks yields the actions of the run. Those whose result the journal does not tell come
// last.
func (u *undoer) tasks(ctx context.Context) iter.Seq2[task, error] {
	return func(yield func(task, error) bool) {
		open := map[int64]trash.Line{}
		ended := false
		for l, err := range trash.Read(ctx, u.opts.Trash, u.opts.ID) {
			_, damaged := errors.AsType[*trash.PieceError](err)
			switch {
			case damaged:
				u.warn(err)
			case err != nil:
				yield(task{}, err)
				return
			case l.Do != "":
				open[l.N] = l
			case l.N > 0:
				do, ok := open[l.N]
				delete(open, l.N)
				if ok && !yield(task{do, l.Did}, nil) {
					return
				}
			case l.End != nil:
				ended = true
			}
		}
		u.result.Unfinished = !ended
		for _, n := range slices.Sorted(maps.Keys(open)) {
			if !yield(task{Line: open[n]}, nil) {
				return
			}
		}
	}
}

// errChanged says that somebody changed an object since the run.
var errChanged = errors.New("it was changed since the run")

// keep is the change of an object that stays as it is.
func keep(key string, now *storage.Info) Change {
	return Change{What: Kept, Key: key, Size: now.Size, Err: errChanged}
}

// one undoes one action.
func (u *undoer) one(ctx context.Context, t *task) (Change, error) {
	info, err := u.target.Stat(ctx, t.Key, t.Key, storage.StatOptions{})
	now := &info
	switch {
	case storage.Gone(err):
		now = nil
	case err != nil:
		return Change{}, u.target.Wrap(err)
	}
	var c Change
	switch t.Do {
	case trash.Create:
		c, err = u.create(ctx, t, now)
	case trash.Overwrite, trash.Delete:
		c, err = u.restore(ctx, t, now)
	case trash.Tag:
		c, err = u.tag(ctx, t, now)
	}
	if errors.Is(err, storage.ErrPrecondition) && now != nil {
		return keep(t.Key, now), nil
	}
	return c, err
}

// create removes an object that the run made.
func (u *undoer) create(ctx context.Context, t *task, now *storage.Info) (Change, error) {
	switch {
	case now == nil:
		return Change{What: Same, Key: t.Key}, nil
	case !t.wrote.Is(now.Object) && !u.opts.Force:
		return keep(t.Key, now), nil
	}
	c := Change{What: Removed, Key: t.Key, Size: now.Size}
	if u.opts.DryRun {
		return c, nil
	}
	o := now.Object
	o.Key = t.Key
	err := u.target.Retry(ctx, t.Key, func(ctx context.Context) error {
		errs := u.target.Store.Delete(ctx, []storage.Object{o}, storage.DeleteOptions{IfMatch: o.ETag != ""})
		return u.target.Wrap(errs[0])
	})
	return c, err
}

// restore restores an object that the run replaced or deleted.
func (u *undoer) restore(ctx context.Context, t *task, now *storage.Info) (Change, error) {
	c := Change{What: Replaced, Key: t.Key, Size: t.Old.Size}
	if t.Do == trash.Delete {
		c.What = Restored
	}
	if now != nil {
		old := *t.Old
		if t.Trash != "" || now.VersionID != old.Version {
			old.Version = "" // what is restored is another version
		}
		written := t.wrote.Is(now.Object)
		same := old.Is(now.Object) && !written
		if same && t.wrote == nil && old.Version == "" {
			var err error
			if same, err = u.asBefore(ctx, t, now); err != nil {
				return c, err
			}
		}
		switch {
		case same:
			return Change{What: Same, Key: t.Key}, nil
		case !written && !u.opts.Force:
			return keep(t.Key, now), nil
		}
	}
	var kept storage.Info
	var err error
	if t.Trash != "" || u.opts.DryRun {
		kept, err = u.kept(ctx, t)
	}
	switch {
	case errors.Is(err, errKeptChanged) && !u.opts.Force:
		return Change{What: Kept, Key: t.Key, Size: kept.Size, Err: err}, nil
	case err != nil && !errors.Is(err, errKeptChanged):
		return c, err
	case u.opts.DryRun:
		return c, nil
	}
	return c, u.putBack(ctx, t, &kept, now)
}

// tag replaces the tags of an object by the old ones.
func (u *undoer) tag(ctx context.Context, t *task, now *storage.Info) (Change, error) {
	c := Change{What: Retagged, Key: t.Key}
	switch {
	case now == nil:
		return Change{What: Kept, Key: t.Key, Err: fmt.Errorf("%w: it is gone", errChanged)}, nil
	case !t.Old.Is(now.Object) && !u.opts.Force:
		return keep(t.Key, now), nil
	}
	tagger, err := u.target.Tagger()
	if err != nil {
		return c, err
	}
	tags, err := u.tags(ctx, u.target, t.Key, t.Key, "")
	switch {
	case err != nil:
		return c, err
	case maps.Equal(tags, t.Tags):
		return Change{What: Same, Key: t.Key}, nil
	case !maps.Equal(tags, t.NewTags) && !u.opts.Force:
		return keep(t.Key, now), nil
	case u.opts.DryRun:
		return c, nil
	}
	return c, u.target.Retry(ctx, t.Key, func(ctx context.Context) error {
		return u.target.Wrap(tagger.SetTags(ctx, t.Key, t.Tags))
	})
}
