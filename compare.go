package s3sync

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// An update check by ETag or additional checksum asks whether two objects hold
// the same bytes. Digests answer that, but only those that were made in the same
// way: an object that is written in parts has others than one that is not, and
// some encryption makes ETags that are no digests. So a comparison looks for
// digests of both sides that can be compared, asks the stores no more than it
// needs, and computes those of files.

// errIncomparable: the object is left out, because neither its likeness nor its
// difference can be shown. WarnAsError does not make it an error.
var errIncomparable = errors.New("cannot be compared")

// errUndecided: the two may be the same or not, because their digests were made in
// other ways. Such an object is transferred, which is safe, and a report says that
// it does not know.
var errUndecided = errors.New("cannot be told to be the same or not")

// readBoth is what helps where digests do not tell.
const readBoth = setting.Name("Check.ReadBoth")

// A finding is the answer of a comparison.
type finding struct {
	likeness likeness // unsure if the digests do not tell; err says why
	reason   Reason
	err      error
	sums     sums
}

// A comparison is one item under an update check.
type comparison struct {
	*syncer

	it *item
	// algorithm is that of the additional checksums to be compared; empty for
	// ETags.
	algorithm checksum.Algorithm
	// What the stores told; nil if they were not asked.
	source, target *storage.Info
}

func (s *syncer) comparison(it *item) *comparison {
	algorithm, _ := s.cfg.Check.digests()
	return &comparison{syncer: s, it: it, algorithm: algorithm}
}

// run applies the update check to what the listings told, then to the target
// object itself where the options or the key ask for it, and then to contents.
func (c *comparison) run(ctx context.Context) (finding, error) {
	check := &c.cfg.Check
	l, why := check.decide(c.it)
	directory := c.mapper != nil && isDirectory(c.it.mapped)
	if l == different && (check.asks() || directory) {
		_, digests := check.digests()
		_, err := c.askTarget(ctx, storage.StatOptions{Checksums: digests, Parts: c.partsWanted()})
		switch {
		case storage.Gone(err):
		case err != nil:
			return finding{}, err
		case directory && c.target.Directory:
			return finding{likeness: same, reason: ReasonSame}, nil
		}
		l, why = check.decide(c.it)
	}
	if l != unsure {
		return finding{likeness: l, reason: why}, nil
	}
	f, err := c.contents(ctx)
	if err == nil && f.likeness == unsure && check.ReadBoth {
		f, err = c.readBoth(ctx)
	}
	if storage.Gone(err) && !c.it.exists {
		return finding{likeness: different, reason: ReasonNew}, nil
	}
	return f, err
}

func (c *comparison) contents(ctx context.Context) (finding, error) {
	if c.sourceLocal || c.targetLocal {
		return c.files(ctx)
	}
	return c.buckets(ctx)
}

// buckets compares two objects, neither of which is a file.
func (c *comparison) buckets(ctx context.Context) (finding, error) {
	target := c.target
	if target == nil {
		var err error
		if target, err = c.askTarget(ctx, storage.StatOptions{Checksums: true, Parts: c.partsWanted()}); err != nil {
			return finding{}, err
		}
	}
	if target.Size != c.it.source.Size {
		return finding{likeness: different, reason: ReasonSize}, nil
	}
	if err := lacks("target", target, c.algorithm); err != nil {
		return c.incomparable(err), nil // whatever the source is
	}
	source, err := c.askSource(ctx, storage.StatOptions{Checksums: true, Parts: c.partsWanted()})
	if err != nil {
		return finding{}, err
	}
	return compareInfos(c.algorithm, source, target), nil
}

// partsWanted: the parts of two objects tell whether other ETags mean other
// contents, if there are as many of them on both sides.
func (c *comparison) partsWanted() storage.PartsQuery {
	n, ok := checksum.ParseETag(c.it.source.ETag)
	m, ok2 := checksum.ParseETag(c.it.target.ETag)
	if _, digests := c.cfg.Check.digests(); digests && ok && ok2 && n == m && n > 1 {
		return storage.InferParts
	}
	return storage.NoParts
}

// askTarget asks for the target object, which the item is told of. If it fails
// because there is none, the item does not exist any more.
func (c *comparison) askTarget(ctx context.Context, opts storage.StatOptions) (*storage.Info, error) {
	info, err := c.stat(ctx, c.syncer.target, c.it.mapped, opts)
	switch {
	case storage.Gone(err):
		c.it.exists = false
		return nil, ofTarget(err)
	case err != nil:
		return nil, ofTarget(err)
	}
	c.target, c.it.target, c.it.exists = info, info.Object, true
	return info, nil
}

// askSource asks for the source object, which the item is told of.
func (c *comparison) askSource(ctx context.Context, opts storage.StatOptions) (*storage.Info, error) {
	opts.VersionID = c.it.source.VersionID
	info, err := c.stat(ctx, c.syncer.source, c.it.key(), opts)
	switch {
	case storage.Gone(err):
		return nil, fmt.Errorf("%w: %w", errGone, err)
	case err != nil:
		return nil, ofSource(err)
	}
	c.source, c.it.told = info, info
	c.it.source.ETag, c.it.source.Size = info.ETag, info.Size
	return info, nil
}

func (c *comparison) stat(ctx context.Context, store storage.Store, key string, opts storage.StatOptions) (*storage.Info, error) {
	var info storage.Info
	err := c.again(ctx, c.it.key(), func(ctx context.Context) (err error) {
		info, err = store.Stat(ctx, key, opts)
		return err
	})
	return &info, err
}

// incomparable is the finding that nothing can be compared.
func (c *comparison) incomparable(err error) finding {
	return finding{err: err, sums: sumsOf(c.algorithm, c.source, c.target)}
}

// lacks is why nothing can be compared with an object, or nil.
func lacks(side string, info *storage.Info, algorithm checksum.Algorithm) error {
	switch {
	case algorithm != "":
		if _, ok := info.Checksum(algorithm); !ok {
			return fmt.Errorf("%w: the %s has no %s checksum", errIncomparable, side, algorithm)
		}
	case !hasDigest(info) && len(info.Checksums) == 0:
		return setting.Errorf("%w: the %s's ETag is no digest of its content, as with KMS or a customer key, "+
			"and it has no additional checksum; %s compares the bytes", errIncomparable, side, readBoth)
	}
	return nil
}

// hasDigest reports whether the ETag says something about the content.
func hasDigest(info *storage.Info) bool {
	_, ok := checksum.ParseETag(info.ETag)
	return ok && !info.Opaque
}

// sumsOf are the checksums of an algorithm, as far as they are known.
func sumsOf(a checksum.Algorithm, source, target *storage.Info) sums {
	found := sums{algorithm: string(a)}
	if source != nil {
		sum, _ := source.Checksum(a)
		found.source = sum.Value
	}
	if target != nil {
		sum, _ := target.Checksum(a)
		found.target = sum.Value
	}
	return found
}

// compareInfos compares what two stores tell: additional checksums of an
// algorithm, or ETags if it is empty. Where these were made in different ways,
// all others are evidence.
func compareInfos(a checksum.Algorithm, source, target *storage.Info) finding {
	switch {
	case source.Size != target.Size:
		return finding{likeness: different, reason: ReasonSize}
	case source.Size == 0:
		return finding{likeness: same, reason: ReasonEmpty}
	}
	if err := cmp.Or(lacks("target", target, a), lacks("source", source, a)); err != nil {
		return finding{err: err, sums: sumsOf(a, source, target)}
	}
	etags := unsure
	if hasDigest(source) && hasDigest(target) {
		etags = matchETags(source.ETag, target.ETag)
		if etags == unsure && sameParts(source, target) {
			etags = different
		}
	}
	if a == "" {
		return byETag(etags, source, target)
	}
	f := bySum(a, source, target)
	if f.likeness != unsure {
		return f
	}
	if etags == same {
		return finding{likeness: same, reason: ReasonSameETag}
	}
	switch other := bySums(source, target); {
	case other.likeness == same:
		return other
	case etags == different, other.likeness == different:
		f.likeness, f.reason = different, ReasonChecksum
		return f
	}
	return undecided(f.sums, ReasonChecksum)
}

// sameParts reports whether two objects are known to be in the same parts.
func sameParts(source, target *storage.Info) bool {
	return len(source.Parts) > 1 && slices.Equal(source.Parts, target.Parts)
}

// undecided is the finding that digests differ and need not mean anything.
func undecided(found sums, why Reason) finding {
	what := "ETags"
	if why == ReasonChecksum {
		what = "checksums"
	}
	return finding{reason: why, sums: found, err: setting.Errorf("%w: the %s were made of other parts, or of parts that are not known, "+
		"and no checksum of all bytes is on both sides; %s compares the bytes", errUndecided, what, readBoth)}
}

func byETag(etags likeness, source, target *storage.Info) finding {
	switch etags {
	case same:
		return finding{likeness: same, reason: ReasonSameETag}
	case different:
		return finding{likeness: different, reason: ReasonETag}
	case unsure:
	}
	f := bySums(source, target)
	if f.likeness != unsure {
		return f
	}
	if !hasDigest(source) || !hasDigest(target) {
		return finding{err: setting.Errorf("%w: not both ETags are digests of the contents, as with KMS or a customer key, "+
			"and the additional checksums are not of the same kind; %s compares the bytes", errIncomparable, readBoth)}
	}
	return undecided(sums{}, ReasonETag)
}

// bySums compares all additional checksums. One that differs outweighs those
// that are equal.
func bySums(source, target *storage.Info) finding {
	var found finding
	for _, sum := range source.Checksums {
		f := bySum(sum.Algorithm, source, target)
		if f.likeness == different {
			return f
		}
		if found.likeness == unsure {
			found = f
		}
	}
	return found
}

// bySum compares the checksums of one algorithm, if both sides have it.
func bySum(a checksum.Algorithm, source, target *storage.Info) finding {
	x, ok := source.Checksum(a)
	y, ok2 := target.Checksum(a)
	if !ok || !ok2 {
		return finding{}
	}
	f := finding{sums: sums{string(a), x.Value, y.Value}}
	m, ok := kindOf(a, source, x)
	n, ok2 := kindOf(a, target, y)
	if !ok || !ok2 {
		return f
	}
	f.likeness = matchSums(a, m, n)
	if f.likeness == unsure && m.parts > 1 && m.parts == n.parts && m.known && n.known && sameParts(source, target) {
		f.likeness = different
	}
	switch f.likeness {
	case same:
		f.reason = ReasonSameChecksum
	case different:
		f.reason = ReasonChecksum
	case unsure:
	}
	return f
}

// A kind is a checksum and how it was made.
type kind struct {
	value string
	parts int // 0 for the checksum of all bytes
	known bool
}

// kindOf tells how a checksum of an object was made. It is false for what is no
// checksum.
func kindOf(a checksum.Algorithm, info *storage.Info, sum storage.Checksum) (k kind, ok bool) {
	parts, ok := checksum.ParseValue(a, sum.Value)
	k = kind{value: sum.Value, parts: parts}
	inParts, _ := checksum.ParseETag(info.ETag)
	switch t := sum.Type; {
	case parts > 0:
		k.known = t != checksum.FullObject
	case t == checksum.Composite:
		if inParts > 0 { // some answers leave the number out
			k = kind{fmt.Sprint(sum.Value, "-", inParts), inParts, true}
		}
	default:
		k.known = t == checksum.FullObject || inParts == 0 || !checksum.Allows(a, checksum.Composite)
	}
	return k, ok
}

// matchSums compares two checksums of one algorithm. Composites that differ tell
// nothing: the parts may be of other sizes.
func matchSums(a checksum.Algorithm, x, y kind) likeness {
	switch {
	case x.value == y.value && (x.parts == y.parts || !x.known || !y.known):
		return same
	case !x.known || !y.known:
		return unsure
	case x.parts == 0 && y.parts == 1:
		return is(onePartSum(a, x.value) == y.value)
	case x.parts == 1 && y.parts == 0:
		return is(onePartSum(a, y.value) == x.value)
	case x.parts <= 1 && y.parts <= 1:
		return different
	}
	return unsure
}

// onePartSum is the checksum of an object written in one part, from the one
// that it has if it is written whole.
func onePartSum(a checksum.Algorithm, whole string) string {
	digest, err := base64.StdEncoding.DecodeString(whole)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(checksum.Digest(a, digest)) + "-1"
}
