package compare

import (
	"math/rand/v2"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// A Cache knows what earlier runs found out about the objects of a pair of sides. It knows
// only of objects that are, by all that it is given of them, what they were then. Its methods
// may be called concurrently.
type Cache interface {
	// Has reports whether a file has a digest of this value in some form. The algorithm is
	// empty for an ETag.
	Has(file *storage.Object, a checksum.Algorithm, value string) bool
	// Fill sets the values of those digests of a file that it knows, and reports whether
	// these are all.
	Fill(file *storage.Object, digests []checksum.Computed) bool
	// Keep remembers digests of a file. file describes it as it was opened, after that
	// time.
	Keep(file *storage.Object, after time.Time, digests []checksum.Computed)
	// Touched reports whether a file was uploaded when it had another time of modification.
	Touched(file *storage.Object) bool
	// Copied reports whether the target was written and verified as a copy of the source.
	Copied(source, target *storage.Object) bool
}

// maxSkew is by how much the clocks of a server and its clients can differ. S3 refuses
// requests from clocks that differ by more.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
const maxSkew = 15 * time.Minute

// remembered applies the Cache to a pair about which the listings decided, or not. It only
// adds transfers to what times decide. Where contents are compared, it may decide that they
// are equal; then p has the ETag that is remembered of a file.
func (c *Comparer) remembered(p plan.Pair, listed result) (plan.Pair, result) {
	cache := c.opts.Cache
	switch {
	case !p.Exists:
	case listed.Verdict == checksum.Equal:
		// The times of both sides are those of two clocks. So a file that changed soon
		// after it was uploaded can look older than its copy.
		if listed.reason == plan.ReasonSame && c.opts.Mode.times() && c.source.Caps.Files && p.Source.Size == p.Target.Size &&
			p.Source.ModTime.After(p.Target.ModTime.Add(-maxSkew)) && cache.Touched(&p.Source) {
			return p, different(plan.ReasonTouched)
		}
	case listed.Verdict != checksum.Unknown || !c.opts.Mode.ETags() || p.Source.Size != p.Target.Size:
	case c.source.Caps.Files && !c.target.Caps.Files:
		if c.trusts() && cache.Has(&p.Source, "", p.Target.ETag) {
			p.Source.ETag = p.Target.ETag
			return p, equal(plan.ReasonSameETag)
		}
	case c.target.Caps.Files && !c.source.Caps.Files:
		if c.trusts() && cache.Has(&p.Target, "", p.Source.ETag) {
			p.Target.ETag = p.Source.ETag
			return p, equal(plan.ReasonSameETag)
		}
	case !c.source.Caps.Files && cache.Copied(&p.Source, &p.Target):
		return p, equal(plan.ReasonSameCopy)
	}
	return p, listed
}

// trusts reports whether the Cache is used, and not verified by reading the file.
func (c *Comparer) trusts() bool {
	return c.opts.VerifyCache <= 0 || rand.Float64()*100 >= c.opts.VerifyCache
}

// cached returns the remembered digests of a file, or nil if not all are known.
func (x *comparison) cached(file place, forms []form) []string {
	cache := x.c.opts.Cache
	if cache == nil || !file.known.File.Known() || !x.c.trusts() || !x.oneFile() {
		return nil
	}
	digests := digestsOf(forms, nil)
	if !cache.Fill(x.fileOf(file, file.known), digests) {
		return nil
	}
	values := make([]string, len(digests))
	for i, d := range digests {
		values[i] = d.Value
	}
	return values
}

// keep remembers digests that were computed of a file.
func (x *comparison) keep(file place, opened *storage.Object, after time.Time, forms []form, values []string) {
	if cache := x.c.opts.Cache; cache != nil && values != nil && x.oneFile() {
		cache.Keep(x.fileOf(file, opened), after, digestsOf(forms, values))
	}
}

// oneFile reports whether only one side has files. Their keys are those of the Cache.
func (x *comparison) oneFile() bool { return x.c.source.Caps.Files != x.c.target.Caps.Files }

// fileOf returns an object under the key by which the Cache knows it.
func (x *comparison) fileOf(p place, o *storage.Object) *storage.Object {
	if o.Key == p.key {
		return o
	}
	named := *o
	named.Key = p.key
	return &named
}

func digestsOf(forms []form, values []string) []checksum.Computed {
	digests := make([]checksum.Computed, len(forms))
	for i, f := range forms {
		digests[i] = checksum.Computed{Algorithm: f.algorithm, Form: f.Form}
		if values != nil {
			digests[i].Value = values[i]
		}
	}
	return digests
}
