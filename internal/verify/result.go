package verify

import (
	"cmp"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// A Result is what was verified of an object that was written. The zero Result is
// that of something without bytes.
type Result struct {
	// ETag: the ETags of both sides were computed from the bytes that passed, or those
	// of a server-side copy are equal. Checksum: the same of every additional checksum
	// that was asked for. A side that is a file needs no verification.
	ETag, Checksum bool
	// Why is why neither of them verifies the object, or nil.
	Why error
	// SourceLacksChecksum: the source has no additional checksum, although their
	// verification was asked for (Options.ReadChecksum).
	SourceLacksChecksum bool
	// Digests are those of both sides. A side that keeps none has the one that was
	// computed of the bytes that passed.
	Digests plan.Digests
}

// Result sums up what was verified of an object on both sides together. It is
// called after CheckSource and CheckTarget have succeeded. source and written are
// what the two sides told.
func (p *Verification) Result(source, written *storage.Info) Result {
	r := p.judge()
	r.SourceLacksChecksum = p.v.opts.ReadChecksum && !p.v.source.Caps.Files && p.source.told.Value == ""
	r.Digests = p.describe()
	r.Digests.SourceETag, r.Digests.TargetETag = source.ETag, written.ETag
	if source.ETag == "" && p.target.etag.verified {
		r.Digests.SourceETag = written.ETag
	}
	if written.ETag == "" && p.source.etag.verified {
		r.Digests.TargetETag = source.ETag
	}
	return r
}

// judge combines the outcomes of both sides. Files need no verification: those of
// the source are what others are compared with, and those of the target are what
// the verified bytes were written to.
func (p *Verification) judge() Result {
	r := Result{ETag: true, Checksum: true}
	wanted := 0
	sides := [...]struct {
		*digests
		file, wantsSum bool
	}{
		{&p.source, p.v.source.Caps.Files, p.v.reads},
		{&p.target, p.v.target.Caps.Files, p.v.written.Algorithm != "" && p.v.opts.Checksum},
	}
	for _, s := range sides {
		if s.file {
			continue
		}
		r.ETag = r.ETag && s.etag.verified
		if s.wantsSum {
			wanted++
			r.Checksum = r.Checksum && s.sum.verified
		}
		if !s.etag.verified && !s.sum.verified && r.Why == nil {
			r.Why = cmp.Or(s.etag.why, s.sum.why)
		}
	}
	r.Checksum = r.Checksum && wanted > 0
	if !r.ETag && !r.Checksum && r.Why == nil {
		r.Why = cmp.Or(p.source.sum.why, p.target.sum.why, ErrNoChecksum) // of a checksum that was asked for
	}
	return r
}

// describe returns the additional checksums of both sides.
func (p *Verification) describe() plan.Digests {
	source, target := p.source.told, p.target.told
	switch {
	case source.Value == "" && p.target.sum.verified:
		source = target
	case target.Value == "" && p.source.sum.verified:
		target = source
	}
	d := plan.Digests{Algorithm: string(source.Algorithm), Source: source.Value, Target: target.Value}
	if p.v.written.Algorithm != "" {
		d.Algorithm = string(p.v.written.Algorithm)
	}
	if source.Algorithm != "" && target.Algorithm != "" && source.Algorithm != target.Algorithm {
		d.Source = string(source.Algorithm) + ":" + source.Value
	}
	return d
}
