package wire

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/page"
	"s3sync/storage/bucket/internal/request"
)

// ListObjectsV2 is that of Client.
func (s *sdkRequests) ListObjectsV2(ctx context.Context, r request.ListRequest) (request.ListPage, error) {
	in := &s3.ListObjectsV2Input{
		Bucket: &s.bucket, Prefix: optional(r.Prefix), Delimiter: optional(r.Delimiter), RequestPayer: s.payer,
		MaxKeys:           aws.Int32(int32(min(r.MaxKeys, request.MaxPageSize))), //nolint:gosec // bounded
		ContinuationToken: optional(r.Token),
	}
	if !s.dialect.Directory {
		// Control characters cannot stand in XML: names come URL-encoded.
		in.EncodingType = types.EncodingTypeUrl
		in.StartAfter = optional(r.After)
		in.OptionalObjectAttributes = restoreStatus(r.RestoreStatus)
	}
	out, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return request.ListPage{}, s.translator.classify(err)
	}
	// A body without a listing in it is decoded to nothing at all. It must not
	// pass for an empty listing.
	if out.IsTruncated == nil {
		return request.ListPage{}, failure.Garbled("it is no listing")
	}
	page := request.ListPage{
		Objects:   make([]storage.Object, len(out.Contents)),
		Truncated: *out.IsTruncated, Token: aws.ToString(out.NextContinuationToken),
	}
	for i := range out.Contents {
		if err := readEntry(&page.Objects[i], &out.Contents[i], out.EncodingType); err != nil {
			return request.ListPage{}, err
		}
	}
	for _, common := range out.CommonPrefixes {
		p, err := decodeKey(common.Prefix, out.EncodingType)
		if err != nil {
			return request.ListPage{}, err
		}
		page.Prefixes = append(page.Prefixes, p)
	}
	return page, nil
}

// restoreStatus is the optional attribute of a listing that is asked for.
func restoreStatus(ask bool) []types.OptionalObjectAttributes {
	if !ask {
		return nil
	}
	return []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
}

// readEntry reads one object of a listing.
func readEntry(o *storage.Object, e *types.Object, encoding types.EncodingType) (err error) {
	if o.Key, err = decodeKey(e.Key, encoding); err != nil {
		return err
	}
	switch {
	case o.Key == "" || e.Size == nil || *e.Size < 0 || e.LastModified == nil:
		return failure.Garbled("the entry of key %q is not complete", o.Key)
	case len(aws.ToString(e.ETag)) > answer.MaxETag:
		return failure.Garbled("the ETag of key %q has %d bytes", o.Key, len(*e.ETag))
	}
	o.Size, o.ModTime, o.ETag = *e.Size, *e.LastModified, unquoted(e.ETag)
	o.Archived, o.MaybeArchived = archival(types.StorageClass(e.StorageClass), e.RestoreStatus)
	return nil
}

// decodeKey is a key as a listing has it.
func decodeKey(key *string, encoding types.EncodingType) (string, error) {
	return request.DecodeKey(aws.ToString(key), encoding == types.EncodingTypeUrl)
}

// archival reports whether an object in a listing can be read.
func archival(class types.StorageClass, r *types.RestoreStatus) (archived, maybe bool) {
	if !page.IsArchive(string(class)) {
		return false, false
	}
	var restore page.Restore
	if r != nil {
		restore = page.Restore{Known: true, InProgress: aws.ToBool(r.IsRestoreInProgress), Expiry: aws.ToTime(r.RestoreExpiryDate)}
	}
	return restore.Archival(time.Now())
}

// ListObjectVersions is that of Client.
func (s *sdkRequests) ListObjectVersions(ctx context.Context, r request.VersionsRequest) (request.VersionsPage, error) {
	var entries entryTags
	out, err := s.client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{
		Bucket: &s.bucket, Prefix: optional(r.Prefix), RequestPayer: s.payer,
		KeyMarker: optional(r.From.Key), VersionIdMarker: optional(r.From.VersionID),
		MaxKeys:                  aws.Int32(int32(min(r.MaxKeys, request.MaxPageSize))), //nolint:gosec // bounded
		EncodingType:             types.EncodingTypeUrl,
		OptionalObjectAttributes: restoreStatus(r.RestoreStatus),
	}, entries.watch)
	switch {
	case err != nil:
		return request.VersionsPage{}, s.translator.classify(err)
	case out.IsTruncated == nil: // as in ListObjectsV2
		return request.VersionsPage{}, failure.Garbled("it is no listing")
	}
	page := request.VersionsPage{Truncated: *out.IsTruncated, Next: request.VersionMarker{VersionID: aws.ToString(out.NextVersionIdMarker)}}
	if page.Next.Key, err = decodeKey(out.NextKeyMarker, out.EncodingType); err != nil {
		return request.VersionsPage{}, err
	}
	page.Versions, err = versionsIn(out, entries.tags)
	return page, err
}

// versionsIn returns the entries of a page as they stand in the answer. The SDK
// puts versions and delete markers into two lists; tags tell the order they had.
func versionsIn(out *s3.ListObjectVersionsOutput, tags []elementTag) ([]storage.Object, error) {
	if n := len(out.Versions) + len(out.DeleteMarkers); n != len(tags) {
		return nil, failure.Garbled("it has %d entries, of which %d can be read", len(tags), n)
	}
	versions, markers := out.Versions, out.DeleteMarkers
	all := make([]storage.Object, 0, len(tags))
	for _, tag := range tags {
		var v storage.Object
		var err error
		switch {
		case tag == markerTag && len(markers) > 0:
			v, err = markerOf(&markers[0], out.EncodingType)
			markers = markers[1:]
		case tag == versionTag && len(versions) > 0:
			v, err = versionOf(&versions[0], out.EncodingType)
			versions = versions[1:]
		default:
			err = failure.Garbled("its versions and delete markers cannot be told apart")
		}
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func versionOf(e *types.ObjectVersion, encoding types.EncodingType) (storage.Object, error) {
	if e.Size == nil || *e.Size < 0 {
		return storage.Object{}, failure.Garbled("the entry of key %q has no size", aws.ToString(e.Key))
	}
	if len(aws.ToString(e.ETag)) > answer.MaxETag {
		return storage.Object{}, failure.Garbled("the ETag of key %q has %d bytes", aws.ToString(e.Key), len(*e.ETag))
	}
	v, err := newVersion(e.Key, e.VersionId, e.LastModified, e.IsLatest, encoding)
	v.Size, v.ETag = *e.Size, unquoted(e.ETag)
	v.Archived, v.MaybeArchived = archival(types.StorageClass(e.StorageClass), e.RestoreStatus)
	return v, err
}

func markerOf(e *types.DeleteMarkerEntry, encoding types.EncodingType) (storage.Object, error) {
	v, err := newVersion(e.Key, e.VersionId, e.LastModified, e.IsLatest, encoding)
	v.DeleteMarker = true
	return v, err
}

func newVersion(key, id *string, modTime *time.Time, latest *bool, encoding types.EncodingType) (storage.Object, error) {
	full, err := decodeKey(key, encoding)
	if err != nil {
		return storage.Object{}, err
	}
	if full == "" || aws.ToString(id) == "" || modTime == nil || latest == nil {
		return storage.Object{}, failure.Garbled("the entry of version %q of key %q is not complete", aws.ToString(id), full)
	}
	return storage.Object{Key: full, ModTime: *modTime, VersionID: *id, Latest: *latest}, nil
}
