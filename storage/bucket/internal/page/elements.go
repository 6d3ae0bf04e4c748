package page

import "strings"

// A field is what an element stands for.
type field uint8

const (
	unknown field = iota
	// Elements with text in them.
	anyText   // not needed, but nothing else than text
	anyNumber // likewise
	anyBool   // likewise
	encoding
	truncated
	token
	nextKey
	nextVersionID
	prefix // of common prefixes
	key
	etag
	size
	modTime
	class
	versionID
	latest
	restoring
	restoreExpiry
	deletionKey
	deletionCode
	deletionMessage
	// Elements with elements in them.
	object
	version
	marker
	commonPrefixes
	owner
	restoreStatus
	deleted
	refused
)

// An element is one that documents are known to have.
type element struct {
	name  string
	field field
	inner []element // of an element with elements in it
}

// A document is what an answer consists of.
type document struct {
	roots    []string
	inner    []element
	versions bool
}

// Names are compared without regard to case, as the AWS SDK for Go does. Elements that
// have no row are skipped.
var (
	ownerElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "ID", field: anyText},
		{name: "DisplayName", field: anyText},
	}
	restoreElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "IsRestoreInProgress", field: restoring},
		{name: "RestoreExpiryDate", field: restoreExpiry},
	}
	prefixElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "Prefix", field: prefix},
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
	objectElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "Key", field: key},
		{name: "LastModified", field: modTime},
		{name: "ETag", field: etag},
		{name: "ChecksumAlgorithm", field: anyText},
		{name: "ChecksumType", field: anyText},
		{name: "Size", field: size},
		{name: "StorageClass", field: class},
		{name: "Owner", field: owner, inner: ownerElements},
		{name: "RestoreStatus", field: restoreStatus, inner: restoreElements},
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ObjectVersion.html
	versionElements = append([]element{ //nolint:gochecknoglobals // a table, never written to
		{name: "VersionId", field: versionID},
		{name: "IsLatest", field: latest},
	}, objectElements...)
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteMarkerEntry.html
	markerElements = []element{ //nolint:gochecknoglobals // a table, never written to
		{name: "Key", field: key},
		{name: "VersionId", field: versionID},
		{name: "IsLatest", field: latest},
		{name: "LastModified", field: modTime},
		{name: "Owner", field: owner, inner: ownerElements},
	}
	objectsDocument = document{ //nolint:gochecknoglobals // a table, never written to
		roots: []string{"ListBucketResult"},
		inner: []element{
			{name: "Contents", field: object, inner: objectElements},
			{name: "CommonPrefixes", field: commonPrefixes, inner: prefixElements},
			{name: "EncodingType", field: encoding},
			{name: "IsTruncated", field: truncated},
			{name: "NextContinuationToken", field: token},
			{name: "ContinuationToken", field: anyText},
			{name: "Delimiter", field: anyText},
			{name: "KeyCount", field: anyNumber},
			{name: "MaxKeys", field: anyNumber},
			{name: "Name", field: anyText},
			{name: "Prefix", field: anyText},
			{name: "StartAfter", field: anyText},
		},
	}
	// The second name of the document is that of some other servers.
	versionsDocument = document{ //nolint:gochecknoglobals // a table, never written to
		roots:    []string{"ListVersionsResult", "ListBucketVersionsResult"},
		versions: true,
		inner: []element{
			{name: "Version", field: version, inner: versionElements},
			{name: "DeleteMarker", field: marker, inner: markerElements},
			{name: "CommonPrefixes", field: commonPrefixes, inner: prefixElements},
			{name: "EncodingType", field: encoding},
			{name: "IsTruncated", field: truncated},
			{name: "NextKeyMarker", field: nextKey},
			{name: "NextVersionIdMarker", field: nextVersionID},
			{name: "Delimiter", field: anyText},
			{name: "KeyMarker", field: anyText},
			{name: "MaxKeys", field: anyNumber},
			{name: "Name", field: anyText},
			{name: "Prefix", field: anyText},
			{name: "VersionIdMarker", field: anyText},
		},
	}
)

// find returns the row of a name. exact reports whether the name is written as there, or
// is certainly unknown.
func find(rows []element, name string) (row *element, exact bool) {
	for i := range rows {
		if rows[i].name == name {
			return &rows[i], true
		}
	}
	for i := range rows {
		if strings.EqualFold(rows[i].name, name) {
			return &rows[i], false
		}
	}
	return nil, true
}
