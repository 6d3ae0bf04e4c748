// Package history finds the versions of a source that a target lacks. Both sides list
// versions by key and from the newest to the oldest; a [Group] holds what they list
// for one key. The caller writes the missing versions of a group from the oldest to
// the newest and one after the other, because that makes their order in the target.
package history

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"s3sync/internal/side"
	"s3sync/storage"
)

// Options say which versions are compared, and how they are recognized.
type Options struct {
	Range storage.Range
	// AllMarkers syncs every delete marker as a version. Otherwise only one that is
	// the newest entry of its key counts, as Group.Marker.
	AllMarkers bool
	// IgnoreArchived: the target may lack versions that are archived.
	IgnoreArchived bool
	// MayLeaveOut: the target may lack versions that Keep kept, for another reason
	// than that they are archived. Then the listings do not show which of several
	// versions of the same bytes the target has, and it is asked.
	MayLeaveOut bool
	// Keep reports whether a version or delete marker of the source is used. It is
	// called for every one in the order of the listing, also for those of an empty
	// key, from the goroutine that ranges over Groups. An error ends Groups.
	Keep func(storage.Object) (bool, error)
	// Stop, if it is closed, ends Groups before the next key of the source, which
	// Stopped returns then. At least one key is processed.
	Stop <-chan struct{}
}

// A Planner compares the versions of two sides. Both must keep versions. Versions may
// be called concurrently for different groups.
type Planner struct {
	opts           Options
	source, target *side.Side

	stopped   bool
	stoppedAt string
}

// New returns a Planner for two sides.
func New(opts Options, source, target *side.Side) *Planner {
	return &Planner{opts: opts, source: source, target: target}
}

// A Group holds the versions of one key on both sides. It is not for concurrent use.
type Group struct {
	Key string
	// Marker is the newest entry of the source, if that is a delete marker and
	// Options.AllMarkers is not set. It is to be written after all versions.
	Marker *storage.Object
	// Deleted: the newest entry of the target is a delete marker.
	Deleted bool

	// source and target are the versions to compare: without delete markers unless all
	// of them are synced.
	source, target *list
}

// Close removes temporary files.
func (g *Group) Close() error { return errors.Join(g.source.close(), g.target.close()) }

// Visible reports whether the target has a current object under the key.
func (g *Group) Visible() bool { return g.target.len() > 0 && !g.Deleted }

// empty reports whether there is nothing to be synced.
func (g *Group) empty() bool { return g.source.len() == 0 && g.Marker == nil }

// Groups yields the groups of all keys for which the source has something to sync, in
// order of the key. The consumer closes each group; Groups closes the one at which it
// stops. A failure of a side is the last element, and names the side. It returns a
// single-use iterator.
func (h *Planner) Groups(ctx context.Context) iter.Seq2[*Group, error] {
	return func(yield func(*Group, error) bool) {
		source := newCursor(h.source.Name, h.source.Versions(ctx, h.opts.Range))
		defer source.stop()
		target := newCursor(h.target.Name, h.target.Versions(ctx, h.opts.Range))
		defer target.stop()
		err := source.advance()
		if err == nil {
			err = target.advance()
		}
		for some := false; err == nil && source.ok; some = true {
			if some && h.stops() {
				h.stopped, h.stoppedAt = true, source.head.Key
				return
			}
			var g *Group
			if g, err = h.group(source, target); err != nil {
				break
			}
			if g.empty() {
				err = g.Close()
				continue
			}
			if !yield(g, nil) {
				_ = g.Close() // the consumer ended for another reason
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (h *Planner) stops() bool {
	select {
	case <-h.opts.Stop:
		return true
	default:
		return false
	}
}

// Stopped returns the key before which Groups ended because of Options.Stop, and
// whether it did. It may be called only after Groups has ended.
func (h *Planner) Stopped() (key string, stopped bool) { return h.stoppedAt, h.stopped }

// group reads the next key of the source from both listings.
func (h *Planner) group(source, target *cursor) (*Group, error) {
	key := source.head.Key
	g := &Group{Key: key, source: newList(key), target: newList(key)}
	if err := h.fill(g, source, target); err != nil {
		return nil, errors.Join(err, g.Close())
	}
	return g, nil
}

func (h *Planner) fill(g *Group, source, target *cursor) error {
	for newest := true; source.ok && source.head.Key == g.Key; newest = false {
		if err := h.addSource(g, source.head, newest); err != nil {
			return err
		}
		if err := source.advance(); err != nil {
			return err
		}
	}
	for newest := true; target.ok && target.head.Key <= g.Key; {
		if target.head.Key == g.Key {
			if err := h.addTarget(g, target.head, newest); err != nil {
				return err
			}
			newest = false
		}
		if err := target.advance(); err != nil {
			return err
		}
	}
	return nil
}

// addSource adds a version of the source if Options.Keep keeps it.
func (h *Planner) addSource(g *Group, v storage.Object, newest bool) error {
	if h.opts.Keep != nil {
		if keep, err := h.opts.Keep(v); err != nil || !keep {
			return err
		}
	}
	switch {
	case h.compares(v):
		return g.source.add(v)
	case newest:
		g.Marker = &v
	}
	return nil
}

// addTarget adds a version of the target, if the source has any.
func (h *Planner) addTarget(g *Group, v storage.Object, newest bool) error {
	g.Deleted = g.Deleted || newest && v.DeleteMarker
	if g.empty() || !h.compares(v) {
		return nil
	}
	return g.target.add(v)
}

// compares reports whether an entry is compared as a version.
func (h *Planner) compares(v storage.Object) bool { return !v.DeleteMarker || h.opts.AllMarkers }

// A cursor is a position in a listing of versions.
type cursor struct {
	side string
	next func() (storage.Object, error, bool)
	stop func()
	head storage.Object
	ok   bool
}

func newCursor(side string, list iter.Seq2[storage.Object, error]) *cursor {
	next, stop := iter.Pull2(list)
	return &cursor{side: side, next: next, stop: stop}
}

// advance goes to the next entry. Keys that do not ascend are an error, because other
// keys would count as missing.
func (c *cursor) advance() error {
	v, err, ok := c.next()
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", c.side, err)
	case ok && c.ok && v.Key < c.head.Key:
		return fmt.Errorf("%s: versions out of order: key %q after %q", c.side, v.Key, c.head.Key)
	}
	c.head, c.ok = v, ok
	return nil
}
