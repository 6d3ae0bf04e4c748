package audit

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/checksum"
	"s3sync/internal/manifest"
	"s3sync/storage"
)

// check looks at one key. Only a failure that concerns all objects is an error.
func (a *auditor) check(ctx context.Context, j job) error {
	if len(j.entries) == 0 {
		a.find(Finding{Kind: Additional, Key: j.key, Why: "the manifest does not have it"})
		return nil
	}
	last := len(j.entries) - 1
	for i := range j.entries[:last] {
		if e := &j.entries[i]; e.Done.Held() && !a.opts.BySourceKey {
			if err := a.checkVersion(ctx, j.key, e); err != nil {
				return err
			}
		}
	}
	switch e := &j.entries[last]; {
	case e.Done == manifest.Deleted && j.now != nil:
		a.find(Finding{Kind: Additional, Key: j.key, Why: "the run deleted it, and it is there"})
	case e.Done == manifest.Deleted:
	case !e.Done.Held():
		a.count(&a.result.Uncovered)
	case isDirectory(j.key) && a.side.Caps.Files:
		// A directory of files is listed only by what is in it.
	case j.now == nil:
		a.find(Finding{Kind: Missing, Key: j.key, Why: "the store does not have it"})
	default:
		return a.compare(ctx, e, j.now, "")
	}
	return nil
}

func isDirectory(key string) bool { return strings.HasSuffix(key, "/") }

// checkVersion looks at a version that is not the last one of its key.
func (a *auditor) checkVersion(ctx context.Context, key string, e *manifest.Entry) error {
	if e.Target == nil || e.Target.VersionID == "" {
		return nil
	}
	id := e.Target.VersionID
	info, err := a.side.Stat(ctx, key, key, storage.StatOptions{VersionID: id})
	switch {
	case storage.Gone(err):
		a.find(Finding{Kind: Missing, Key: key, VersionID: id, Why: "the version is gone"})
		return nil
	case err != nil:
		return a.failed(ctx, key, id, err)
	}
	info.Key, info.VersionID = key, id
	return a.compare(ctx, e, &info.Object, id)
}

// failed tells that an object could not be looked at.
func (a *auditor) failed(ctx context.Context, key, version string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	a.find(Finding{Kind: Failed, Key: key, VersionID: version, Why: err.Error()})
	return nil
}

// compare compares an object of the store with an entry. version is empty for the current
// version.
func (a *auditor) compare(ctx context.Context, e *manifest.Entry, now *storage.Object, version string) error {
	find := func(kind Kind, format string, args ...any) error {
		a.find(Finding{Kind: kind, Key: now.Key, VersionID: version, Why: fmt.Sprintf(format, args...)})
		return nil
	}
	if now.Size != e.Size {
		return find(Different, "it has %d bytes, and had %d", now.Size, e.Size)
	}
	if e.Size == 0 { // there is only one such content
		a.count(&a.result.ByContent)
		return nil
	}
	if a.opts.Read || a.side.Caps.Files {
		return a.compareContent(ctx, e, now, version)
	}
	etags := etagsOf(e)
	for _, etag := range etags {
		if etag != "" && (now.ETag == etag || checksum.MatchETags(now.ETag, etag) == checksum.Equal) {
			a.count(&a.result.ByETag)
			return nil
		}
	}
	info, err := a.side.Stat(ctx, now.Key, now.Key, storage.StatOptions{Checksums: true, VersionID: version, Listed: now})
	if err != nil {
		return a.failed(ctx, now.Key, version, err)
	}
	verdict, why := byChecksum(e, &info)
	switch verdict {
	case checksum.Equal:
		a.count(&a.result.ByChecksum)
		return nil
	case checksum.Different:
		return find(Different, "%s", why)
	case checksum.Unknown:
	}
	if !info.ETagNotDigest {
		for _, etag := range etags {
			if checksum.MatchETags(now.ETag, etag) == checksum.Different {
				return find(Different, "its ETag is %s, and was %s", now.ETag, etag)
			}
		}
	}
	return find(Unknown, "its ETag is %q, and was %q; only reading it can tell whether the content is the same", now.ETag, etags[0])
}

// verified reports whether the run showed that the ETags of an entry are digests.
func verified(e *manifest.Entry) bool {
	return slices.Contains(e.Verified, "etag")
}

// etagsOf returns the ETags of the target and the source of an entry.
func etagsOf(e *manifest.Entry) (etags [2]string) {
	if e.Target != nil {
		etags[0] = e.Target.ETag
	}
	if e.Source != nil {
		etags[1] = e.Source.ETag
	}
	return etags
}

// byChecksum compares the additional checksums of an object with those of an entry.
func byChecksum(e *manifest.Entry, info *storage.Info) (verdict checksum.Verdict, why string) {
	for _, told := range recorded(e) {
		algorithm, value, _ := strings.Cut(told, ":")
		now, ok := info.Checksum(storage.ChecksumAlgorithm(algorithm))
		switch {
		case !ok || partsOf(now.Value) != partsOf(value):
		case now.Value == value:
			return checksum.Equal, ""
		case partsOf(value) == "":
			return checksum.Different, fmt.Sprintf("its %s checksum is %s, and was %s", algorithm, now.Value, value)
		}
	}
	return checksum.Unknown, ""
}

// recorded returns the additional checksums of an entry, after their algorithms. The
// SHA-256 of the content is one of them.
func recorded(e *manifest.Entry) (sums []string) {
	for _, o := range []*manifest.Object{e.Target, e.Source} {
		if o != nil && o.Checksum != "" {
			sums = append(sums, o.Checksum)
		}
	}
	if e.SHA256 != "" {
		sums = append(sums, "SHA256:"+base64Of(e.SHA256))
	}
	return sums
}

// partsOf returns the number of parts that a checksum of parts ends in.
func partsOf(value string) string {
	_, parts, _ := strings.Cut(value, "-")
	return parts
}
