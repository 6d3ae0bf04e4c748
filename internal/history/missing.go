package history

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"s3sync/internal/attributes"
	"s3sync/internal/checksum"
	"s3sync/internal/extsort"
	"s3sync/internal/join"
	"s3sync/storage"
)

// This file finds out which versions the target has. Usually the listings show it: the
// versions of the target are the oldest ones of the source. If not, the target is
// asked for the metadata of each of its versions, which names the version of the
// source.

// ErrOutOfOrder is why versions in the state OutOfOrder are not written.
var ErrOutOfOrder = errors.New("the target lacks versions or delete markers that are older than a version it has; " +
	"written now they would be the newest, so they are skipped")

// A State is the state of a version of the source in the target.
type State int

const (
	// Present: the target has it.
	Present State = iota
	// OutOfOrder: the target lacks it, but already has a newer one. If it were written
	// now, it would become the newest.
	OutOfOrder
	// Missing: the target lacks it, and has no newer one.
	Missing
)

// String returns the state as words.
func (s State) String() string {
	switch s {
	case Present:
		return "present"
	case OutOfOrder:
		return "out of order"
	case Missing:
		return "missing"
	}
	return fmt.Sprintf("State(%d)", int(s))
}

// A Version is a version or delete marker of the source.
type Version struct {
	storage.Object
	State State
}

// Versions yields the versions of the source from the oldest to the newest, with their
// states. It asks the target for its versions, with one request for each, only if the
// listings do not decide. A failure is the last element.
func (h *Planner) Versions(ctx context.Context, g *Group) iter.Seq2[Version, error] {
	return func(yield func(Version, error) bool) {
		n, ok, err := h.beginsWith(g)
		switch {
		case err != nil:
			yield(Version{}, err)
		case ok && (n == g.source.len() || !h.opts.MayLeaveOut):
			g.after(n, yield)
		default:
			h.askStates(ctx, g, yield)
		}
	}
}

// beginsWith reports whether, by the listings, the target has exactly the oldest
// versions of the source. n is how many versions of the source these are. The target
// may lack archived versions if Options.IgnoreArchived is set.
func (h *Planner) beginsWith(g *Group) (n int64, ok bool, err error) {
	next, stop := iter.Pull2(g.target.oldestFirst())
	defer stop()
	t, err, more := next()
	for v, serr := range g.source.oldestFirst() {
		switch {
		case serr != nil:
			return 0, false, serr
		case err != nil:
			return 0, false, err
		case !more:
			return n, true, nil
		case sameVersion(v, t):
			t, err, more = next()
		case (v.Archived || v.MaybeArchived) && h.opts.IgnoreArchived:
		default:
			return 0, false, nil
		}
		n++
	}
	return n, !more && err == nil, err
}

// sameVersion compares two versions by the facts of the listings.
func sameVersion(a, b storage.Object) bool {
	if a.DeleteMarker || b.DeleteMarker {
		return a.DeleteMarker && b.DeleteMarker
	}
	return a.Size == b.Size && checksum.MatchETags(a.ETag, b.ETag) == checksum.Equal
}

// after yields the versions if the target has the first n of them.
func (g *Group) after(n int64, yield func(Version, error) bool) {
	for v, err := range g.source.oldestFirst() {
		state := Missing
		if n > 0 {
			state = Present
			n--
		}
		if !yield(Version{v, state}, err) || err != nil {
			return
		}
	}
}

// askStates asks the target for each of its versions.
func (h *Planner) askStates(ctx context.Context, g *Group, yield func(Version, error) bool) {
	k, err := h.ask(ctx, g)
	if err != nil {
		yield(Version{}, err)
		return
	}
	defer func() { _ = k.places.Close() }() // it was read, or is no longer needed
	for p, err := range join.Sorted(g.source.placed(), k.places.Sorted()) {
		v := Version{p.Source, Missing}
		v.Key = g.Key
		switch {
		case p.InTarget:
			v.State = Present
		case p.Key < k.last && v.DeleteMarker && k.earlier > 0:
			v.State = Present
			k.earlier--
		case p.Key < k.last:
			v.State = OutOfOrder
		case v.DeleteMarker && k.markers > 0:
			v.State = Present
			k.markers--
		case !v.DeleteMarker:
			k.markers = 0
		}
		if !yield(v, err) || err != nil {
			return
		}
	}
}

// knownVersions are the versions of a source that a target has.
type knownVersions struct {
	// places are the places of these versions in the history of the source.
	places *extsort.Sorter
	// last is the largest place, empty if there is none.
	last string
	// earlier and markers count the delete markers of the target before and after the
	// version at last. If there is none, markers counts all. It is not known which
	// delete markers of the source they are. They count as those in the same position,
	// so that no marker is written again and again.
	earlier, markers int
}

// ask finds the versions that the target has. The caller closes places.
func (h *Planner) ask(ctx context.Context, g *Group) (*knownVersions, error) {
	k := &knownVersions{places: extsort.New(listMemory)}
	origins := extsort.New(listMemory)
	err := h.askOrigins(ctx, g, origins)
	var last string
	if err == nil {
		last, err = k.find(g, origins)
	}
	if err == nil {
		err = k.countMarkers(g, last)
	}
	if err = errors.Join(err, origins.Close()); err != nil {
		return nil, errors.Join(err, k.places.Close())
	}
	return k, nil
}

// askOrigins requests each version of the target, to find its origin: the version of
// the source. It adds the known ones to origins: the key is the ID of the source
// version, and the version ID is the place in the target.
func (h *Planner) askOrigins(ctx context.Context, g *Group, origins *extsort.Sorter) error {
	for t, err := range g.target.placed() {
		if err != nil {
			return err
		}
		id, err := h.originOf(ctx, g.Key, t)
		if err != nil {
			return err
		}
		if id == "" {
			continue
		}
		if err := origins.Add(storage.Object{Key: id, VersionID: t.Key}); err != nil {
			return err
		}
	}
	return nil
}

// find finds the places of origins in the history of the source, and returns the place
// in the target of the last one. Memory is bounded: the versions of the source are
// sorted by their IDs, joined with the origins, and sorted back by place.
func (k *knownVersions) find(g *Group, origins *extsort.Sorter) (inTarget string, err error) {
	versions := extsort.New(listMemory)
	defer func() { err = errors.Join(err, versions.Close()) }()
	for v, err := range g.source.placed() {
		if err == nil {
			err = versions.Add(storage.Object{Key: v.VersionID, VersionID: v.Key})
		}
		if err != nil {
			return "", err
		}
	}
	for p, err := range join.Sorted(versions.Sorted(), firsts(origins.Sorted())) {
		if err != nil {
			return "", err
		}
		if !p.InSource || !p.InTarget {
			continue
		}
		if err := k.places.Add(storage.Object{Key: p.Source.VersionID}); err != nil {
			return "", err
		}
		if p.Source.VersionID > k.last {
			k.last, inTarget = p.Source.VersionID, p.Target.VersionID
		}
	}
	return inTarget, nil
}

// countMarkers counts the delete markers of the target before and after a place in it.
func (k *knownVersions) countMarkers(g *Group, place string) error {
	for t, err := range g.target.placed() {
		switch {
		case err != nil:
			return err
		case !t.DeleteMarker:
		case t.Key > place:
			k.markers++
		default:
			k.earlier++
		}
	}
	return nil
}

// originOf returns the ID of the source version of a version of the target. It returns
// no ID if that is not known, or if the version does not exist any more.
func (h *Planner) originOf(ctx context.Context, key string, t storage.Object) (id string, err error) {
	if t.DeleteMarker {
		return "", nil
	}
	var info storage.Info
	err = h.target.Retry(ctx, key, func(ctx context.Context) (err error) {
		info, err = h.target.Store.Stat(ctx, key, storage.StatOptions{VersionID: t.VersionID})
		return h.target.Wrap(err)
	})
	if storage.Gone(err) {
		return "", nil
	}
	return attributes.Mark(info.Metadata, attributes.OriginVersionID), err
}

// firsts skips objects with the same key as the previous one.
func firsts(objects iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		last, some := "", false
		for o, err := range objects {
			if err == nil && some && o.Key == last {
				continue
			}
			last, some = o.Key, true
			if !yield(o, err) {
				return
			}
		}
	}
}
