package compare

import (
	"context"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
)

// A comparison is the comparison of one pair. It is not shared.
type comparison struct {
	c *Comparer
	d Decision
}

// A result is the result of one step of a comparison.
type result struct {
	// Match is the verdict, with the checksums that it is based on, if any.
	checksum.Match

	reason plan.Reason
	err    error // why the verdict is Unknown
}

func equal(why plan.Reason) result {
	return result{Match: checksum.Match{Verdict: checksum.Equal}, reason: why}
}

func different(why plan.Reason) result {
	return result{Match: checksum.Match{Verdict: checksum.Different}, reason: why}
}

// A place is where one of the two objects is.
type place struct {
	*side.Side

	key     string
	version string          // empty for the current one
	known   *storage.Object // in the decision
}

func (x *comparison) source() place {
	p := &x.d.Pair
	return place{x.c.source, p.Key(), p.Source.VersionID, &p.Source}
}

func (x *comparison) target() place {
	p := &x.d.Pair
	return place{x.c.target, p.TargetKey, "", &p.Target}
}

func (x *comparison) isSource(p place) bool { return p.Side == x.c.source }

// decide fills the decision. listed is the result of comparing the listings.
func (x *comparison) decide(ctx context.Context, listed result) error {
	r, err := listed, error(nil)
	if r.Verdict == checksum.Different {
		r, err = x.askFirst(ctx)
	}
	if err == nil && r.Verdict == checksum.Unknown {
		r, err = x.contents(ctx)
	}
	switch {
	case storage.Gone(err) && !x.d.Pair.Exists:
		r = different(plan.ReasonNew)
	case err != nil:
		return err
	}
	x.d.Verdict, x.d.Reason, x.d.Err = r.Verdict, r.reason, r.err
	x.d.Digests.Algorithm, x.d.Digests.Source, x.d.Digests.Target = string(r.Algorithm), r.Source, r.Target
	return nil
}

// askFirst requests the target object of an object that counts as different, and
// applies the mode again.
func (x *comparison) askFirst(ctx context.Context) (result, error) {
	mode := x.c.opts.Mode
	_, err := x.ask(ctx, x.target(), storage.StatOptions{Checksums: mode.Contents(), Parts: x.partsWanted()})
	switch {
	case storage.Gone(err):
	case err != nil:
		return result{}, err
	case x.d.TargetInfo.Directory && x.c.isDirectory(&x.d.Pair):
		return equal(plan.ReasonSame), nil
	}
	r := mode.decide(&x.d.Pair)
	if x.c.opts.Cache != nil {
		x.d.Pair, r = x.c.remembered(x.d.Pair, r)
	}
	return r, nil
}

// contents compares contents: by digests, and then, with ReadBoth, by bytes.
func (x *comparison) contents(ctx context.Context) (r result, err error) {
	if x.c.source.Caps.Files || x.c.target.Caps.Files {
		r, err = x.files(ctx)
	} else {
		r, err = x.buckets(ctx)
	}
	if err == nil && r.Verdict == checksum.Unknown && x.c.opts.ReadBoth {
		return x.readBoth(ctx)
	}
	return r, err
}

// buckets compares two objects, neither of which is a file.
func (x *comparison) buckets(ctx context.Context) (result, error) {
	algorithm, target := x.c.opts.Algorithm, x.d.TargetInfo
	if target == nil {
		var err error
		if target, err = x.ask(ctx, x.target(), storage.StatOptions{Checksums: true, Parts: x.partsWanted()}); err != nil {
			return result{}, err
		}
	}
	if target.Size != x.d.Pair.Source.Size {
		return different(plan.ReasonSize), nil
	}
	if err := missingDigest(x.c.target.Name, target, algorithm); err != nil {
		return x.incomparable(err), nil // whatever the source is
	}
	source, err := x.ask(ctx, x.source(), storage.StatOptions{Checksums: true, Parts: x.partsWanted()})
	if err != nil {
		return result{}, err
	}
	return compareInfos(algorithm, source, target), nil
}

// partsWanted returns whether to request the parts of both objects. If both have the
// same number of parts, their sizes decide whether different ETags mean different
// contents.
func (x *comparison) partsWanted() storage.PartsQuery {
	n, ok := checksum.ParseETag(x.d.Pair.Source.ETag)
	m, ok2 := checksum.ParseETag(x.d.Pair.Target.ETag)
	if x.c.opts.Mode.Contents() && ok && ok2 && n == m && n > 1 {
		return storage.InferParts
	}
	return storage.NoParts
}

// ask requests the info of an object, and puts it into the decision.
func (x *comparison) ask(ctx context.Context, p place, opts storage.StatOptions) (*storage.Info, error) {
	opts.VersionID = p.version
	info, err := p.Stat(ctx, x.d.Pair.Key(), p.key, opts)
	if err != nil {
		return nil, x.failed(p, err)
	}
	if x.isSource(p) {
		x.d.SourceInfo = &info
		p.known.ETag, p.known.Size = info.ETag, info.Size
	} else {
		x.d.TargetInfo = &info
		*p.known, x.d.Pair.Exists = info.Object, true
	}
	return &info, nil
}

// failed adds the side to the error of a request for an object. If a target object is
// gone, it records that the object does not exist.
func (x *comparison) failed(p place, err error) error {
	if x.isSource(p) {
		return p.WrapGone(err)
	}
	if storage.Gone(err) {
		x.d.Pair.Exists = false
	}
	return p.Wrap(err)
}

// incomparable returns the result that nothing can be compared.
func (x *comparison) incomparable(err error) result {
	return result{Match: toldChecksums(x.c.opts.Algorithm, x.d.SourceInfo, x.d.TargetInfo), err: err}
}
