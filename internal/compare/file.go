package compare

import (
	"context"
	"slices"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A file has no digests. So the digests that its counterpart in a bucket has are
// computed from the file, in the parts in which the counterpart was written.

// sides returns the file and its counterpart.
func (x *comparison) sides() (file, counterpart place) {
	if x.c.source.Caps.Files {
		return x.source(), x.target()
	}
	return x.target(), x.source()
}

// counterpartInfo returns the info of the counterpart. It is nil if there was no
// request.
func (x *comparison) counterpartInfo() *storage.Info {
	if _, counterpart := x.sides(); x.isSource(counterpart) {
		return x.d.SourceInfo
	}
	return x.d.TargetInfo
}

// files compares a file with an object. It reads the file before it sends a request if
// the listing is likely to be enough: the counterpart was written whole, which its
// ETag in the listing shows, and is not encrypted, which the listing does not show.
func (x *comparison) files(ctx context.Context) (result, error) {
	file, counterpart := x.sides()
	tried, listed := "", counterpart.known.ETag
	parts, ok := checksum.ParseETag(listed)
	if x.c.opts.Algorithm == "" && ok && parts <= 1 && x.counterpartInfo() == nil && !x.c.seenETagNotDigest.Load() {
		tried = listed
		r, err := x.read(ctx, expectedDigests("", &storage.Info{Object: *counterpart.known}, x.c.opts.ChunkSize, true))
		if err != nil || r.Verdict == checksum.Equal || r.reason == plan.ReasonSize {
			return r, err
		}
	}
	info, err := x.askCounterpart(ctx)
	if err != nil {
		return result{}, err
	}
	if info.ETagNotDigest {
		x.c.seenETagNotDigest.Store(true)
	}
	if info.Size != file.known.Size {
		return different(plan.ReasonSize), nil
	}
	if err := missingDigest(counterpart.Name, info, x.c.opts.Algorithm); err != nil {
		return x.incomparable(err), nil
	}
	if tried != "" && info.ETag == tried && !info.ETagNotDigest {
		return different(plan.ReasonETag), nil
	}
	return x.digests(ctx, info)
}

// digests compares the file with an object whose info is known. For nearly all objects
// the parts are inferred from the first one, which can be wrong. So all parts are
// requested before the object counts as different.
func (x *comparison) digests(ctx context.Context, info *storage.Info) (result, error) {
	a, chunk := x.c.opts.Algorithm, x.c.opts.ChunkSize
	expected := expectedDigests(a, info, chunk, false)
	if len(expected) == 0 && a == "" && !checksum.HasDigest(info) {
		return result{err: setting.Errorf("%w: the ETag is no digest of the content, as with KMS or a customer key, "+
			"and the sizes of the parts, which the additional checksum depends on, are not known; %s compares the bytes", ErrIncomparable, readBoth)}, nil
	}
	r, err := x.read(ctx, expected)
	if err != nil || r.Verdict != checksum.Unknown {
		return r, err
	}
	if info.Parts == nil {
		return undecided(a, r.Match), nil
	}
	_, counterpart := x.sides()
	exact, err := x.ask(ctx, counterpart, storage.StatOptions{Checksums: true, Parts: storage.ExactParts})
	switch {
	case err != nil:
		return result{}, err
	case exact.Parts == nil:
		return undecided(a, r.Match), nil
	case exact.ETag != info.ETag || !slices.Equal(exact.Parts, info.Parts):
		r, err = x.read(ctx, expectedDigests(a, exact, chunk, true))
		if err != nil || r.Verdict != checksum.Unknown {
			return r, err
		}
	}
	r.Verdict, r.reason = checksum.Different, digestReason(a, checksum.Different)
	return r, nil
}

// askCounterpart requests the info of the counterpart, and its parts if the digest to
// be compared depends on them.
func (x *comparison) askCounterpart(ctx context.Context) (*storage.Info, error) {
	_, counterpart := x.sides()
	opts := storage.StatOptions{Checksums: true}
	info := x.counterpartInfo() // from the request of Options.AskTarget
	if info == nil {
		if x.likelyInParts(counterpart.known.ETag) {
			opts.Parts = storage.InferParts
		}
		var err error
		if info, err = x.ask(ctx, counterpart, opts); err != nil {
			return nil, err
		}
	}
	if opts.Parts != storage.NoParts || !x.needsParts(info) {
		return info, nil
	}
	opts.Parts = storage.InferParts
	return x.ask(ctx, counterpart, opts)
}

// likelyInParts reports whether the ETag in a listing shows that the parts will be
// needed, which saves a request.
func (x *comparison) likelyInParts(etag string) bool {
	parts, _ := checksum.ParseETag(etag)
	if x.c.opts.Algorithm == "" {
		return parts > 1 && !x.c.seenETagNotDigest.Load()
	}
	return parts > 1 && !checksum.Allows(x.c.opts.Algorithm, checksum.FullObject)
}

// needsParts reports whether the digest to be compared depends on the sizes of the
// parts.
func (x *comparison) needsParts(info *storage.Info) bool {
	if x.c.opts.Algorithm == "" && checksum.HasDigest(info) {
		parts, _ := checksum.ParseETag(info.ETag)
		return parts > 1
	}
	sum, ok := choose(x.c.opts.Algorithm, info)
	return ok && checksum.PartsOf(info, sum) > 1
}

// read computes the expected digests of the file's bytes, all in one go, and returns
// which one matches. The verdict is Unknown if none matches and none is certain.
func (x *comparison) read(ctx context.Context, expected []expectedDigest) (result, error) {
	if len(expected) == 0 {
		return result{}, nil
	}
	forms := make([]form, len(expected))
	for i, e := range expected {
		forms[i] = e.form
	}
	file, _ := x.sides()
	values := x.cached(file, forms)
	if values != nil {
		return x.judge(expected, values), nil
	}
	err := file.Retry(ctx, x.d.Pair.Key(), func(ctx context.Context) (err error) {
		var opened storage.Object
		after := time.Now()
		values, opened, err = digestFile(ctx, x.c.limits, file.Store, file.key, forms)
		if err == nil {
			x.keep(file, &opened, after, forms, values)
		}
		return x.failed(file, err)
	})
	switch {
	case err != nil:
		return result{}, err
	case values == nil:
		return different(plan.ReasonSize), nil
	}
	return x.judge(expected, values), nil
}

// judge compares the digests of a file with the expected ones.
func (x *comparison) judge(expected []expectedDigest, values []string) result {
	var found result
	for i, e := range expected {
		verdict := e.match(values[i])
		if i == 0 || verdict != checksum.Unknown {
			found = x.note(e, verdict, values[i])
		}
		if verdict == checksum.Equal {
			break
		}
	}
	return found
}

// note returns the result of one expected digest, and keeps the digest of the file.
func (x *comparison) note(e expectedDigest, verdict checksum.Verdict, got string) result {
	if verdict == checksum.Equal {
		got = e.value // as the store writes it
	}
	r := result{Match: checksum.Match{Verdict: verdict}, reason: digestReason(e.algorithm, verdict)}
	file, _ := x.sides()
	switch isSource := x.isSource(file); {
	case e.algorithm == "" && isSource:
		x.d.Digests.SourceETag = got
	case e.algorithm == "":
		x.d.Digests.TargetETag = got
	case isSource:
		r.Algorithm, r.Source, r.Target = e.algorithm, got, e.value
	default:
		r.Algorithm, r.Source, r.Target = e.algorithm, e.value, got
	}
	return r
}
