package trash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"s3sync/storage"
)

// unfinishedStays is how long nothing is written to a journal without an end until its run
// cannot be running any more.
const unfinishedStays = 7 * 24 * time.Hour

// An Expiry says which runs are too old.
type Expiry struct {
	Now  time.Time
	Keep time.Duration // runs that are older go
	// Own is the id of the run that asks. It stays.
	Own string
}

// Expire removes the runs that are too old, and returns how many they were. A run that did
// not come to its end may be running: it stays for at least a week after it wrote to its
// journal. Expire removes only folders that hold the journal of the run that their name
// tells; everything else in the trash stays. Where versions are kept, the server keeps those.
// A run that cannot be removed does not keep others from being removed.
func Expire(ctx context.Context, store storage.Store, e Expiry) (expired int, err error) {
	var failed []error
	for id, err := range IDs(ctx, store) {
		if err != nil {
			return expired, errors.Join(append(failed, err)...)
		}
		began, _ := IDTime(id)
		if !e.old(began, e.Keep) {
			break // nor are all that follow
		}
		if id == e.Own {
			continue
		}
		removed, err := e.expire(ctx, store, id)
		switch {
		case ctx.Err() != nil:
			return expired, context.Cause(ctx)
		case err != nil:
			failed = append(failed, fmt.Errorf("trash: run %s is not removed: %w", id, err))
		case removed:
			expired++
		}
	}
	return expired, errors.Join(failed...)
}

// old reports whether a time is longer ago than stays.
func (e *Expiry) old(t time.Time, stays time.Duration) bool { return t.Before(e.Now.Add(-stays)) }

// due reports whether a run may be removed. Both its name and its journal must be old,
// because the clock that made the name may have been wrong.
func (e *Expiry) due(ctx context.Context, store storage.Store, id string, journal []piece) (bool, error) {
	_, err := header(ctx, store, id, journal)
	if errors.Is(err, errForeign) || errors.Is(err, fs.ErrNotExist) {
		return false, nil // it is nothing of ours
	}
	if err != nil {
		return false, err
	}
	last := journal[len(journal)-1]
	written := last.ModTime
	for _, p := range journal {
		if p.ModTime.After(written) {
			written = p.ModTime
		}
	}
	if !e.old(written, e.Keep) {
		return false, nil
	}
	end, err := lastLine(ctx, store, last.Key)
	return err == nil && (end != nil || e.old(written, unfinishedStays)), err
}

// expire removes a run: its objects first, and of its journal the header last, so that what
// is left of an interrupted removal still has one.
func (e *Expiry) expire(ctx context.Context, store storage.Store, id string) (removed bool, err error) {
	journal, err := pieces(ctx, store, id)
	if err != nil {
		return false, err
	}
	if due, err := e.due(ctx, store, id, journal); err != nil || !due {
		return false, err
	}
	var keys []string
	for _, p := range journal {
		keys = append(keys, p.Key)
	}
	for _, folder := range []string{id + "/objects/", id + "/long/"} {
		if err := removeAll(ctx, store, folder); err != nil {
			return false, err
		}
	}
	slices.Reverse(keys)
	for batch := range slices.Chunk(append([]string{undoneKey(id)}, keys[:len(keys)-1]...), max(1, store.Caps().DeleteBatch)) {
		if err := remove(ctx, store, batch); err != nil {
			return false, err
		}
	}
	if err := remove(ctx, store, keys[len(keys)-1:]); err != nil {
		return false, err
	}
	if k, ok := storage.As[storage.Keeper](store); ok {
		return true, k.Prune(ctx, id+"/")
	}
	return true, nil
}

// removeAll removes the objects below a prefix.
func removeAll(ctx context.Context, store storage.Store, prefix string) error {
	var batch []string
	for o, err := range store.List(ctx, storage.ListOptions{Range: below(prefix)}) {
		if err != nil {
			return err
		}
		if batch = append(batch, o.Key); len(batch) >= max(1, store.Caps().DeleteBatch) {
			if err := remove(ctx, store, batch); err != nil {
				return err
			}
			batch = nil
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return remove(ctx, store, batch)
}

func remove(ctx context.Context, store storage.Store, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	objects := make([]storage.Object, len(keys))
	for i, key := range keys {
		objects[i].Key = key
	}
	return errors.Join(store.Delete(ctx, objects, storage.DeleteOptions{})...)
}
