package bucket

import (
	"context"
	"strings"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/request"
)

// An Examiner asks a bucket what a run need not know and its user may want to. None of its
// requests changes anything, and each method makes one request unless it says otherwise.
// Errors are as those of a Store.
type Examiner struct{ store *Store }

// Examiner returns the Examiner of the store.
func (s *Store) Examiner() Examiner { return Examiner{s} }

// Directory reports whether the bucket is a directory bucket.
func (e Examiner) Directory() bool { return e.store.access.Directory }

// AWS reports whether requests go to AWS.
func (e Examiner) AWS() bool { return address.IsPartition(e.store.access.Wire.Server()) }

// An Identity is who signs requests.
type Identity = account.Identity

// Identity returns who signs the requests; the zero Identity is nobody. If the server is
// AWS, its Security Token Service is asked for the name. If that fails, the rest of the
// Identity is valid. No request is made otherwise.
func (e Examiner) Identity(ctx context.Context) (Identity, error) {
	id, err := e.store.access.Wire.Identity(ctx)
	return id, e.fail(ctx, err)
}

// Regions returns the region that is configured, and the one that requests go to, because
// the server said that the bucket is there. It makes no request.
func (e Examiner) Regions() (configured, current string) { return e.store.access.Wire.Regions() }

// An Answer is what any answer about a bucket tells.
type Answer = request.BucketAnswer

// Ask makes the cheapest request that there is. A refusal is an answer, too; err is why
// there was none.
func (e Examiner) Ask(ctx context.Context) (Answer, error) {
	a, err := e.store.access.Wire.HeadBucket(ctx)
	if err != nil && a.Took > 0 {
		err = nil
	}
	return a, e.fail(ctx, err)
}

// A Page is one page of a listing as the server answered it. It is not checked.
type Page struct {
	Objects []storage.Object // under their full keys
	// Next, if it is not empty, names the page behind.
	Next string
}

// Page asks for n objects below the prefix: the first ones, those behind a full key, or
// those of Page.Next.
func (e Examiner) Page(ctx context.Context, n int, after, next string) (Page, error) {
	a := e.store.access
	p, err := a.Wire.ListObjectsV2(ctx, request.ListRequest{Prefix: a.Prefix, After: after, Token: next, MaxKeys: n})
	page := Page{Objects: p.Objects}
	if p.Truncated {
		page.Next = p.Token
	}
	return page, e.fail(ctx, err)
}

// Prefix is what all keys of the store begin with.
func (e Examiner) Prefix() string { return e.store.access.Prefix }

// Relative returns the key of the store for a full key. It reports false for one that is
// not below the prefix.
func (e Examiner) Relative(full string) (string, bool) {
	return strings.CutPrefix(full, e.store.access.Prefix)
}

// FirstVersion asks for one version below the prefix. It reports whether there is any.
func (e Examiner) FirstVersion(ctx context.Context) (bool, error) {
	a := e.store.access
	p, err := a.Wire.ListObjectVersions(ctx, request.VersionsRequest{Prefix: a.Prefix, MaxKeys: 1})
	return len(p.Versions) > 0, e.fail(ctx, err)
}

// versioningEnabled is the state of a bucket that keeps versions.
const versioningEnabled = "Enabled"

// Versioning returns "Enabled", "Suspended" or, if versions were never kept, nothing.
func (e Examiner) Versioning(ctx context.Context) (string, error) {
	if e.Directory() {
		return "", nil
	}
	status, err := e.store.access.Wire.GetBucketVersioning(ctx)
	return status, e.fail(ctx, err)
}

// ObjectLock reports whether objects can be locked, and how new ones are locked by
// default: "GOVERNANCE", "COMPLIANCE" or, if they are not, nothing.
func (e Examiner) ObjectLock(ctx context.Context) (enabled bool, mode string, err error) {
	if e.Directory() {
		return false, "", nil
	}
	enabled, mode, err = e.store.access.Wire.GetObjectLockConfiguration(ctx)
	return enabled, mode, e.fail(ctx, err)
}

func (e Examiner) fail(ctx context.Context, err error) error {
	return e.store.access.Fail(ctx, "ask", "", err)
}

// PartitionOf returns the part of AWS in which a bucket of a region is, as ARNs name it.
func PartitionOf(bucket, region string) string { return address.PartitionOf(bucket, region) }

// Skew returns how far the clock of the server is ahead of that of this machine, and the
// largest error of that. It reports false if the answer does not tell. The server tells
// whole seconds, and the answer was on its way for a part of its time.
func Skew(a Answer) (skew, uncertainty time.Duration, known bool) {
	if a.Date.IsZero() || a.Took <= 0 {
		return 0, 0, false
	}
	// The answer was made in [Arrived-Took, Arrived], at Date or up to a second later.
	middle := a.Arrived.Add(-a.Took / 2)
	return a.Date.Add(time.Second / 2).Sub(middle), a.Took/2 + time.Second/2, true
}
