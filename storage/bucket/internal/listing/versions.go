package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
)

// A versionLister goes through the pages of versions of a range.
type versionLister struct {
	bucket *Bucket
	r      storage.Range
	from   request.VersionMarker
	done   bool
	empty  emptyPages

	last storage.Object // the one before
	any  bool           // there was one
	// inside: the listing begins behind the key after, and not where the range begins.
	inside bool
	after  string
	// mixed: the server lists versions and markers in their common order.
	mixed *atomic.Bool
	full  *fullPage
}

func (l *versionLister) ended() bool { return l.done }

// next fetches a page and returns what of it is in the range.
func (l *versionLister) next(ctx context.Context) ([]storage.Object, error) {
	p, err := l.bucket.versionsRequest(ctx, l.bucket.Prefix, l.from, l.bucket.PageSize)
	switch {
	case err != nil:
		return nil, err
	case !p.Truncated:
		// It may be the last one: see below.
	case p.Next.Key == "":
		return nil, failure.Garbled("it is truncated but names no continuation")
	case p.Next == l.from:
		return nil, failure.Garbled("its continuation is the page itself")
	}
	all, err := l.arrange(ctx, p.Versions)
	if err != nil {
		return nil, err // it may be asked again
	}
	l.from = request.VersionMarker{Key: strings.Clone(p.Next.Key), VersionID: strings.Clone(p.Next.VersionID)}
	if len(all) > 0 && l.any && all[0].Key == l.last.Key && all[0].VersionID == l.last.VersionID {
		all = all[1:] // versitygw goes on with the current version of a key if a page ended with it
	}
	l.full.saw(len(all))
	if !p.Truncated {
		l.done = l.full.mayEnd(l.inside, len(all))
	}
	if !l.done {
		if err := l.bucket.sawPage(&l.empty, len(all)); err != nil {
			return nil, err
		}
	}
	objects, err := l.inRange(all)
	l.last = clone(l.last) // it keeps nothing of the page in memory
	if !p.Truncated {
		l.from = request.VersionMarker{Key: l.last.Key, VersionID: l.last.VersionID}
	}
	return objects, err
}

// inRange checks the entries of a page and returns those in the range.
func (l *versionLister) inRange(all []storage.Object) ([]storage.Object, error) {
	prefix := l.bucket.Prefix
	objects := make([]storage.Object, 0, len(all))
	for _, v := range all {
		rest, ok := strings.CutPrefix(v.Key, prefix)
		if !ok {
			return nil, failure.Garbled("key %q does not begin with %q", v.Key, prefix)
		}
		if l.inside && !l.any && v.Key <= l.after {
			return nil, outOfOrder("behind %q: it begins with key %q", l.after, v.Key)
		}
		if err := l.follows(v); err != nil {
			return nil, err
		}
		l.last, l.any = v, true
		v.Key = rest
		if l.r.To != "" && v.Key >= l.r.To {
			l.done = true
			break
		}
		if l.r.Contains(v.Key) {
			objects = append(objects, v)
		}
	}
	return objects, nil
}

// follows fails if an entry cannot stand behind the one before it.
func (l *versionLister) follows(v storage.Object) error {
	switch {
	case !l.any || v.Key > l.last.Key:
		return nil
	case v.Key < l.last.Key:
		return outOfOrder("in ascending order: key %q after %q", v.Key, l.last.Key)
	case v.VersionID == l.last.VersionID:
		return &failure.Error{Text: fmt.Sprintf("the server lists version %q of key %q twice", v.VersionID, v.Key)}
	case v.Latest:
		return outOfOrder("from the newest version to the oldest: the current version of key %q comes after version %q",
			v.Key, l.last.VersionID)
	}
	return nil
}

// arrange puts the entries of a page into the order of the listing. S3 lists versions and
// delete markers in their common order. Some servers (versitygw) list all markers of a
// page before all versions. Their times do not show the common order, because they are
// whole seconds.
func (l *versionLister) arrange(ctx context.Context, all []storage.Object) ([]storage.Object, error) {
	changes := 0
	for i := range all[min(1, len(all)):] {
		if all[i].DeleteMarker != all[i+1].DeleteMarker {
			changes++
		}
	}
	if changes > 1 {
		l.mixed.Store(true)
	}
	if changes == 0 || l.mixed.Load() {
		return all, nil
	}
	var markers, versions []storage.Object
	for _, v := range all {
		if v.DeleteMarker {
			markers = append(markers, v)
		} else {
			versions = append(versions, v)
		}
	}
	arranged := all[:0:0]
	for len(markers) > 0 || len(versions) > 0 {
		key := firstKey(markers, versions)
		var m, v []storage.Object
		m, markers = cutKey(markers, key)
		v, versions = cutKey(versions, key)
		both, err := l.mix(ctx, m, v)
		if err != nil {
			return nil, err
		}
		arranged = append(arranged, both...)
	}
	return arranged, nil
}

func firstKey(a, b []storage.Object) string {
	if len(b) == 0 || len(a) > 0 && a[0].Key < b[0].Key {
		return a[0].Key
	}
	return b[0].Key
}

// cutKey cuts off the versions of a key at the beginning of a list.
func cutKey(list []storage.Object, key string) (of, rest []storage.Object) {
	n := 0
	for n < len(list) && list[n].Key == key {
		n++
	}
	return list[:n], list[n:]
}

// mix puts the markers of a key between its versions. If the place of a marker is not
// known, mix asks the server for the entry after it.
func (l *versionLister) mix(ctx context.Context, markers, versions []storage.Object) ([]storage.Object, error) {
	if len(markers) == 0 || len(versions) == 0 || len(versions) == 1 && versions[0].Latest {
		return slices.Concat(versions, markers), nil
	}
	at := make([]int, len(markers)) // before which version
	for i, m := range slices.Backward(markers) {
		if m.Latest {
			continue // before the first one
		}
		id, err := l.bucket.versionBehind(ctx, m)
		if err != nil {
			return nil, err
		}
		j := slices.IndexFunc(versions, func(v storage.Object) bool { return v.VersionID == id })
		switch last := i == len(markers)-1; {
		case id == m.VersionID:
			return nil, failure.Garbled("what is behind version %q of key %q is that version", id, m.Key)
		case j >= 0:
			at[i] = j
		case last:
			at[i] = len(versions) // what is behind it is on the next page, if there is any
		case id == markers[i+1].VersionID:
			at[i] = at[i+1]
		default:
			return nil, failure.Garbled("the versions of key %q are not those listed just now", m.Key)
		}
	}
	if !slices.IsSorted(at) {
		return nil, failure.Garbled("the versions of key %q are in no order", markers[0].Key)
	}
	mixed := make([]storage.Object, 0, len(markers)+len(versions))
	for i, m := range markers {
		for len(mixed) < at[i]+i {
			mixed = append(mixed, versions[len(mixed)-i])
		}
		mixed = append(mixed, m)
	}
	return append(mixed, versions[len(mixed)-len(markers):]...), nil
}

// versionBehind asks which version or marker of the same key comes after one. It returns
// no ID if there is none.
func (b *Bucket) versionBehind(ctx context.Context, v storage.Object) (id string, err error) {
	p, err := b.versionsRequest(ctx, v.Key, request.VersionMarker{Key: v.Key, VersionID: v.VersionID}, 1)
	if err != nil || len(p.Versions) == 0 || p.Versions[0].Key != v.Key {
		return "", err
	}
	return p.Versions[0].VersionID, nil
}

// versionsRequest makes one request of a listing of versions, without what the server
// does not know.
func (b *Bucket) versionsRequest(ctx context.Context, prefix string, from request.VersionMarker, size int) (request.VersionsPage, error) {
	return server.OrWithout(b.Server, server.RestoreStatus, failure.MayBeUnknown, func(with bool) (request.VersionsPage, error) {
		return b.Wire.ListObjectVersions(ctx, request.VersionsRequest{Prefix: prefix, From: from, MaxKeys: size, RestoreStatus: with})
	})
}
