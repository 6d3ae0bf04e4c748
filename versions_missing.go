package s3sync

import (
	"context"
	"errors"
	"iter"

	"s3sync/internal/extsort"
	"s3sync/internal/join"
	"s3sync/storage"
)

// Which versions does the target have? Mostly the listings tell: what it has of a
// key is what the source had at first. If not, each version of the target is asked
// which one of the source it was, which stands in its metadata.

// A standing says how a version of the source stands.
type standing int

const (
	present standing = iota // the target has it
	// passed: the target lacks it, but has a younger one. Written now it would
	// become the current one.
	passed
	missing
)

// standings yields the versions of the source from the oldest to the newest, and
// how each stands.
func (s *syncer) standings(ctx context.Context, g *group) iter.Seq2[versionStanding, error] {
	return func(yield func(versionStanding, error) bool) {
		n, ok, err := s.beginsWith(g)
		switch {
		case err != nil:
			yield(versionStanding{}, err)
		case ok && (n == g.source.len() || !s.leavesOutVersions()):
			g.after(n, yield)
		default:
			s.askStandings(ctx, g, yield)
		}
	}
}

// leavesOutVersions reports whether versions may be left out that were listed. Then
// the listings do not tell which of several versions of the same bytes the target
// has.
func (s *syncer) leavesOutVersions() bool { return len(s.contents) > 0 || s.cfg.Preprocess != nil }

type versionStanding struct {
	storage.Object
	standing
}

// beginsWith reports whether what the target has is how the source's history
// begins, as far as listings tell, and how many of its versions that are. Archived
// versions that are to be left out may be lacking.
func (s *syncer) beginsWith(g *group) (n int64, ok bool, err error) {
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
		case (v.Archived || v.MaybeArchived) && s.cfg.IgnoreArchived:
		default:
			return 0, false, nil
		}
		n++
	}
	return n, !more && err == nil, err
}

// sameVersion compares what listings tell.
func sameVersion(a, b storage.Object) bool {
	if a.DeleteMarker || b.DeleteMarker {
		return a.DeleteMarker && b.DeleteMarker
	}
	return a.Size == b.Size && matchETags(a.ETag, b.ETag) == same
}

// after yields the versions if the target has the first n of them.
func (g *group) after(n int64, yield func(versionStanding, error) bool) {
	for v, err := range g.source.oldestFirst() {
		standing := missing
		if n > 0 {
			standing = present
			n--
		}
		if !yield(versionStanding{v, standing}, err) || err != nil {
			return
		}
	}
}

// askStandings asks the target for each of its versions.
func (s *syncer) askStandings(ctx context.Context, g *group, yield func(versionStanding, error) bool) {
	k, err := s.ask(ctx, g)
	if err != nil {
		yield(versionStanding{}, err)
		return
	}
	defer func() { _ = k.places.Close() }() // it is read whole, or of no use any more
	for p, err := range join.Sorted(g.source.placed(), k.places.Sorted()) {
		v := versionStanding{p.Source, missing}
		v.Key = g.key
		switch {
		case p.InTarget:
			v.standing = present
		case p.Key < k.last && v.DeleteMarker && k.earlier > 0:
			v.standing = present
			k.earlier--
		case p.Key < k.last:
			v.standing = passed
		case v.DeleteMarker && k.markers > 0:
			v.standing = present
			k.markers--
		case !v.DeleteMarker:
			k.markers = 0
		}
		if !yield(v, err) || err != nil {
			return
		}
	}
}

// knownVersions are what a target has of a source.
type knownVersions struct {
	// places are those of its versions in the history of the source.
	places *extsort.Sorter
	// last is the largest of them, empty if there is none.
	last string
	// earlier and markers are how many delete markers the target has before that
	// version and behind it, or in all if there is none. Nothing tells which ones of
	// the source they are, so they are taken for those that stand likewise: none is
	// written again and again.
	earlier, markers int
}

// ask finds the versions that the target has. Its memory is bounded: what is
// known is sorted by the version IDs of the source, joined with the source, and
// sorted back by place.
func (s *syncer) ask(ctx context.Context, g *group) (k *knownVersions, err error) {
	k = &knownVersions{places: extsort.New(historyMemory)}
	origins, versions := extsort.New(historyMemory), extsort.New(historyMemory)
	defer func() {
		err = errors.Join(err, origins.Close(), versions.Close())
		if err != nil {
			err = errors.Join(err, k.places.Close())
		}
	}()
	for t, terr := range g.target.placed() {
		if terr != nil {
			return k, terr
		}
		id, err := s.originOf(ctx, g.key, t)
		if err != nil {
			return k, err
		}
		if id == "" {
			continue
		}
		if err := origins.Add(storage.Object{Key: id, VersionID: t.Key}); err != nil {
			return k, err
		}
	}
	for v, serr := range g.source.placed() {
		if serr != nil {
			return k, serr
		}
		if err := versions.Add(storage.Object{Key: v.VersionID, VersionID: v.Key}); err != nil {
			return k, err
		}
	}
	inTarget := ""
	for p, jerr := range join.Sorted(versions.Sorted(), firsts(origins.Sorted())) {
		if jerr != nil {
			return k, jerr
		}
		if !p.InSource || !p.InTarget {
			continue
		}
		if err := k.places.Add(storage.Object{Key: p.Source.VersionID}); err != nil {
			return k, err
		}
		if p.Source.VersionID > k.last {
			k.last, inTarget = p.Source.VersionID, p.Target.VersionID
		}
	}
	for t, terr := range g.target.placed() {
		if terr != nil {
			return k, terr
		}
		switch {
		case !t.DeleteMarker:
		case t.Key > inTarget:
			k.markers++
		default:
			k.earlier++
		}
	}
	return k, nil
}

// originOf asks which version of the source a version of the target was. It
// returns no ID if that is not known, or the version is none any more.
func (s *syncer) originOf(ctx context.Context, key string, t storage.Object) (id string, err error) {
	if t.DeleteMarker {
		return "", nil
	}
	var info storage.Info
	err = s.again(ctx, key, func(ctx context.Context) (err error) {
		info, err = s.target.Stat(ctx, key, storage.StatOptions{VersionID: t.VersionID})
		return ofTarget(err)
	})
	if storage.Gone(err) {
		return "", nil
	}
	return mark(info.Metadata, originVersionID), err
}

// firsts leaves out objects whose key is that of the one before.
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
