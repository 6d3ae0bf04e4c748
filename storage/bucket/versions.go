package bucket

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
)

var _ storage.Versioner = (*Store)(nil)

// Versioning asks whether versioning is enabled, which it is not where it is
// suspended.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html
func (s *Store) Versioning(ctx context.Context) (bool, error) {
	if s.directory {
		return false, nil
	}
	lctx, cancel := s.limited(ctx)
	defer cancel()
	out, err := s.sdk.GetBucketVersioning(lctx, &s3.GetBucketVersioningInput{Bucket: &s.opts.Bucket})
	if err != nil {
		return false, s.fail(ctx, "list", "", s.client.classify(err))
	}
	return out.Status == types.BucketVersioningStatusEnabled, nil
}

// Versions yields the versions and delete markers of a range in the order in which
// the server lists them: by key, and those of one key from the newest to the
// oldest. It is checked and fetched ahead as List is.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (s *Store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	if s.opts.single != "" {
		return s.singleVersions(ctx, opts)
	}
	return s.paged(ctx, func() pager {
		return &versionLister{store: s, r: opts.Range, from: versionPage{key: s.startAfter(opts.From)}}
	})
}

// A versionPage is where a page of versions begins: behind a version of a key, or
// behind the key.
type versionPage struct{ key, versionID string }

// A versionLister goes through the pages of versions of a range.
type versionLister struct {
	store *Store
	r     storage.Range
	from  versionPage
	done  bool
	empty emptyPages

	last version // the one before
	any  bool    // there was one
	// mixed: the server was seen to list versions and markers among each other.
	mixed bool
}

// A version is an entry of a listing, and its key in the bucket.
type version struct {
	full string
	storage.Object
}

func (l *versionLister) ended() bool { return l.done }

// next fetches a page and returns what of it is in the range.
func (l *versionLister) next(ctx context.Context) ([]storage.Object, error) {
	out, tags, err := l.store.versionsRequest(ctx, l.store.opts.Prefix, l.from, l.store.opts.MaxKeys)
	if err != nil {
		return nil, err
	}
	if out.IsTruncated == nil { // as in lister.next
		return nil, garbled("it is no listing")
	}
	key, err := decodeKey(out.NextKeyMarker, out.EncodingType)
	if err != nil {
		return nil, err
	}
	next := versionPage{key: key, versionID: aws.ToString(out.NextVersionIdMarker)}
	switch {
	case !*out.IsTruncated:
		l.done = true
	case key == "":
		return nil, garbled("it is truncated but names no continuation")
	case next == l.from:
		return nil, garbled("its continuation is the page itself")
	}
	l.from = next
	all, err := versionsIn(out, tags)
	if err != nil {
		return nil, err
	}
	if all, err = l.arrange(ctx, all); err != nil {
		return nil, err
	}
	if len(all) > 0 && l.any && all[0].full == l.last.full && all[0].VersionID == l.last.VersionID {
		all = all[1:] // versitygw goes on with the current version of a key if a page ended with it
	}
	if !l.done {
		if err := l.store.sawPage(&l.empty, len(all)); err != nil {
			return nil, err
		}
	}
	return l.inRange(all)
}

// inRange checks the entries of a page and returns those in the range.
func (l *versionLister) inRange(all []version) ([]storage.Object, error) {
	prefix := l.store.opts.Prefix
	objects := make([]storage.Object, 0, len(all))
	for _, v := range all {
		rest, ok := strings.CutPrefix(v.full, prefix)
		if !ok {
			return nil, garbled("key %q does not begin with %q", v.full, prefix)
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
			objects = append(objects, v.Object)
		}
	}
	return objects, nil
}

// follows fails if an entry cannot stand behind the one before it.
func (l *versionLister) follows(v version) error {
	switch {
	case !l.any || v.full > l.last.full:
		return nil
	case v.full < l.last.full:
		return &failure{text: fmt.Sprintf("the server does not list in ascending order: key %q after %q", v.full, l.last.full)}
	case v.VersionID == l.last.VersionID:
		return &failure{text: fmt.Sprintf("the server lists version %q of key %q twice", v.VersionID, v.full)}
	case v.Latest:
		return &failure{text: fmt.Sprintf("the server does not list from the newest version to the oldest: "+
			"the current version of key %q comes after version %q", v.full, l.last.VersionID)}
	}
	return nil
}

// versionsIn returns the entries of a page as they stand in the answer. The SDK
// puts versions and delete markers into two lists; tags tell the order they had.
func versionsIn(out *s3.ListObjectVersionsOutput, tags []elementTag) ([]version, error) {
	if n := len(out.Versions) + len(out.DeleteMarkers); n != len(tags) {
		return nil, garbled("it has %d entries, of which %d can be read", len(tags), n)
	}
	versions, markers := out.Versions, out.DeleteMarkers
	all := make([]version, 0, len(tags))
	for _, tag := range tags {
		var v version
		var err error
		switch {
		case tag == markerTag && len(markers) > 0:
			v, err = markerOf(&markers[0], out.EncodingType)
			markers = markers[1:]
		case tag == versionTag && len(versions) > 0:
			v, err = versionOf(&versions[0], out.EncodingType)
			versions = versions[1:]
		default:
			err = garbled("its versions and delete markers cannot be told apart")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func versionOf(e *types.ObjectVersion, encoding types.EncodingType) (version, error) {
	if e.Size == nil || *e.Size < 0 {
		return version{}, garbled("the entry of key %q has no size", aws.ToString(e.Key))
	}
	if len(aws.ToString(e.ETag)) > maxETag {
		return version{}, garbled("the ETag of key %q has %d bytes", aws.ToString(e.Key), len(*e.ETag))
	}
	v, err := newVersion(e.Key, e.VersionId, e.LastModified, e.IsLatest, encoding)
	v.Size, v.ETag = *e.Size, unquoted(e.ETag)
	v.Archived, v.MaybeArchived = archival(string(e.StorageClass), e.RestoreStatus)
	return v, err
}

func markerOf(e *types.DeleteMarkerEntry, encoding types.EncodingType) (version, error) {
	v, err := newVersion(e.Key, e.VersionId, e.LastModified, e.IsLatest, encoding)
	v.DeleteMarker = true
	return v, err
}

func newVersion(key, id *string, modTime *time.Time, latest *bool, encoding types.EncodingType) (version, error) {
	full, err := decodeKey(key, encoding)
	if err != nil {
		return version{}, err
	}
	if full == "" || aws.ToString(id) == "" || modTime == nil || latest == nil {
		return version{}, garbled("the entry of version %q of key %q is not complete", aws.ToString(id), full)
	}
	return version{full, storage.Object{ModTime: *modTime, VersionID: *id, Latest: *latest}}, nil
}

// arrange puts the entries of a page into the order of the listing. S3 lists
// versions and delete markers among each other. Some servers (versitygw) put all
// markers of a page before all versions. Times do not tell then how they were
// mixed: they are whole seconds.
func (l *versionLister) arrange(ctx context.Context, all []version) ([]version, error) {
	changes := 0
	for i := range all[min(1, len(all)):] {
		if all[i].DeleteMarker != all[i+1].DeleteMarker {
			changes++
		}
	}
	l.mixed = l.mixed || changes > 1
	if changes == 0 || l.mixed {
		return all, nil
	}
	var markers, versions []version
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
		var m, v []version
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

func firstKey(a, b []version) string {
	if len(b) == 0 || len(a) > 0 && a[0].full < b[0].full {
		return a[0].full
	}
	return b[0].full
}

// cutKey cuts off the versions of a key at the beginning of a list.
func cutKey(list []version, key string) (of, rest []version) {
	n := 0
	for n < len(list) && list[n].full == key {
		n++
	}
	return list[:n], list[n:]
}

// mix puts the markers of a key between its versions. Where it is not known where
// a marker stands the server is asked what comes behind it.
func (l *versionLister) mix(ctx context.Context, markers, versions []version) ([]version, error) {
	if len(markers) == 0 || len(versions) == 0 || len(versions) == 1 && versions[0].Latest {
		return slices.Concat(versions, markers), nil
	}
	at := make([]int, len(markers)) // before which version
	for i, m := range slices.Backward(markers) {
		if m.Latest {
			continue // before the first one
		}
		id, err := l.store.versionBehind(ctx, m)
		if err != nil {
			return nil, err
		}
		j := slices.IndexFunc(versions, func(v version) bool { return v.VersionID == id })
		switch last := i == len(markers)-1; {
		case id == m.VersionID:
			return nil, garbled("what is behind version %q of key %q is that version", id, m.full)
		case j >= 0:
			at[i] = j
		case last:
			at[i] = len(versions) // what is behind it is on the next page, if there is any
		case id == markers[i+1].VersionID:
			at[i] = at[i+1]
		default:
			return nil, garbled("the versions of key %q are not those listed just now", m.full)
		}
	}
	if !slices.IsSorted(at) {
		return nil, garbled("the versions of key %q are in no order", markers[0].full)
	}
	mixed := make([]version, 0, len(markers)+len(versions))
	for i, m := range markers {
		for len(mixed) < at[i]+i {
			mixed = append(mixed, versions[len(mixed)-i])
		}
		mixed = append(mixed, m)
	}
	return append(mixed, versions[len(mixed)-len(markers):]...), nil
}

// versionBehind asks which version or marker of its key comes behind one. It
// returns no ID if there is none.
func (s *Store) versionBehind(ctx context.Context, v version) (id string, err error) {
	out, tags, err := s.versionsRequest(ctx, v.full, versionPage{v.full, v.VersionID}, 1)
	if err != nil {
		return "", err
	}
	if out.IsTruncated == nil {
		return "", garbled("it is no listing")
	}
	found, err := versionsIn(out, tags)
	if err != nil || len(found) == 0 || found[0].full != v.full {
		return "", err
	}
	return found[0].VersionID, nil
}

// versionsRequest is one request of a listing of versions. It also returns in
// which order the entries stand in the answer.
func (s *Store) versionsRequest(ctx context.Context, prefix string, from versionPage, size int) (
	*s3.ListObjectVersionsOutput, []elementTag, error,
) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	in := &s3.ListObjectVersionsInput{
		Bucket: &s.opts.Bucket, Prefix: optional(prefix), RequestPayer: s.payer,
		KeyMarker: optional(from.key), VersionIdMarker: optional(from.versionID),
		MaxKeys:      aws.Int32(int32(min(cmp.Or(size, maxPage), 1<<15))), //nolint:gosec // bounded
		EncodingType: types.EncodingTypeUrl,
	}
	var entries entryTags
	out, err := orWithout(&s.features, lackRestoreStatus, refuses, func(with bool) (*s3.ListObjectVersionsOutput, error) {
		in.OptionalObjectAttributes = restoreStatus(with)
		out, err := s.sdk.ListObjectVersions(ctx, in, entries.watch)
		return out, s.client.classify(err)
	})
	if err != nil {
		return nil, nil, err
	}
	return out, entries.tags, nil
}
