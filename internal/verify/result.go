package verify

import (
	"cmp"
	"encoding/hex"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// A Result says how a written object was verified. The zero Result is that of an object
// without bytes.
type Result struct {
	// ETag: the ETags of both sides match the bytes that passed, or the ETags of both
	// sides of a server-side copy are equal. Checksum: the same for every requested
	// additional checksum. A side that is a file needs no verification.
	ETag, Checksum bool
	// Why says why neither of them verifies the object, or is nil.
	Why error
	// SourceLacksChecksum: the source has no additional checksum, although its
	// verification was requested (Options.ReadChecksum).
	SourceLacksChecksum bool
	// SHA256 is the SHA-256 of the whole content in hexadecimal digits; empty unless
	// Options.Content asked for it and all bytes passed.
	SHA256 string
	// Digests are the digests of both sides. A side without a digest has the one that
	// was computed from the bytes.
	Digests plan.Digests
}

// Result returns the combined result of both sides. It is called after CheckSource and
// CheckTarget have succeeded. source and written are what the two sides reported.
func (p *Verification) Result(source, written *storage.Info) Result {
	r := p.judge()
	r.SourceLacksChecksum = p.v.opts.ReadChecksum && !p.v.source.Caps.Files && p.source.told.Value == ""
	r.Digests = p.describe()
	if p.content != nil {
		if sum, ok := p.content.PartSum(0); ok {
			r.SHA256 = hex.EncodeToString(sum)
		}
	}
	r.Digests.SourceETag, r.Digests.TargetETag = source.ETag, written.ETag
	if source.ETag == "" && p.target.etag.verified {
		r.Digests.SourceETag = written.ETag
	}
	if written.ETag == "" && p.source.etag.verified {
		r.Digests.TargetETag = source.ETag
	}
	return r
}

// judge combines the outcomes of both sides. Files need no verification: the bytes of a
// source file are the reference, and the verified bytes were written to a target file.
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
		r.Why = cmp.Or(p.source.sum.why, p.target.sum.why, ErrNoChecksum) // of a requested checksum
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
