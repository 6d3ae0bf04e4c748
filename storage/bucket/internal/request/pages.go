package request

import (
	"net/url"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// MaxPageSize bounds what is asked for, whatever the user sets.
const MaxPageSize = 1 << 15

// A ListRequest is one request of a listing. Directory buckets take neither After
// nor RestoreStatus.
type ListRequest struct {
	Prefix, Delimiter string
	After             string // lists what is behind that text
	Token             string // of the page before; empty is the first page
	MaxKeys           int
	// RestoreStatus asks whether archived objects can be read. That saves requests;
	// without it the objects tell when they are read.
	RestoreStatus bool
}

// A ListPage is a page of a listing. Its objects are under their full keys, in the
// order of the answer, and each of them is complete.
type ListPage struct {
	Objects  []storage.Object
	Prefixes []string // with a delimiter, those that stand for all keys below
	// Truncated: there are further pages. Token names the next one.
	Truncated bool
	Token     string
}

// A VersionsRequest is one request of a listing of versions.
type VersionsRequest struct {
	Prefix        string
	From          VersionMarker
	MaxKeys       int
	RestoreStatus bool // as in ListRequest
}

// A VersionMarker is where a page of versions begins: behind a version of a key, or
// behind the key.
type VersionMarker struct{ Key, VersionID string }

// A VersionsPage is a page of a listing of versions and delete markers, under their
// full keys and in the order of the answer. Each of them is complete.
type VersionsPage struct {
	Versions  []storage.Object
	Truncated bool
	Next      VersionMarker
}

// DecodeKey is a key as a listing has it.
func DecodeKey(key string, encoded bool) (string, error) {
	if !encoded {
		return key, nil
	}
	// A blank is "+" in this encoding, and "+" is %2B.
	decoded, err := url.QueryUnescape(key)
	if err != nil {
		return "", failure.Garbled("key %q is not URL-encoded", key)
	}
	return decoded, nil
}
