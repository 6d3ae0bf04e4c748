package s3sync

import (
	"context"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/parallel"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// A file has no digests. Those that its twin in a bucket has are computed of it,
// in the parts in which the twin was written.

// A place of a file or an object in a comparison.
type sideOf struct {
	name   string // for messages
	store  storage.Store
	key    string
	object *storage.Object // in the item
	ask    func(context.Context, storage.StatOptions) (*storage.Info, error)
}

// sides returns the file and its twin.
func (c *comparison) sides() (file, twin sideOf) {
	source := sideOf{"source", c.syncer.source, c.it.key(), &c.it.source, c.askSource}
	target := sideOf{"target", c.syncer.target, c.it.mapped, &c.it.target, c.askTarget}
	if c.sourceLocal {
		return source, target
	}
	return target, source
}

// files compares a file with an object. Reading the file comes before asking the
// server where it is likely to be enough: the twin was written whole, which its
// ETag in the listing tells, and is not encrypted, which it does not.
func (c *comparison) files(ctx context.Context) (finding, error) {
	_, twin := c.sides()
	tried, listed := "", twin.object.ETag
	parts, ok := checksum.ParseETag(listed)
	known := c.sourceLocal && c.target != nil // Check.HeadEachTarget
	if c.algorithm == "" && ok && parts <= 1 && !known && !c.opaque.Load() {
		tried = listed
		info := storage.Info{Object: *twin.object}
		f, err := c.read(ctx, claimsOf(c.algorithm, &info, c.cfg.Transfer.ChunkSize, true))
		if err != nil || f.likeness == same || f.reason == ReasonSize {
			return f, err
		}
	}
	info, err := c.askTwin(ctx)
	if err != nil {
		return finding{}, err
	}
	if info.Opaque {
		c.opaque.Store(true)
	}
	if info.Size != c.fileSize() {
		return finding{likeness: different, reason: ReasonSize}, nil
	}
	if err := lacks(twin.name, info, c.algorithm); err != nil {
		return c.incomparable(err), nil
	}
	if info.ETag == tried && !info.Opaque {
		return finding{likeness: different, reason: ReasonETag}, nil
	}
	return c.check(ctx, info)
}

// check compares the file with an object that a server has told of. Parts that
// are concluded from the first one, as they are for nearly all objects, can be
// wrong: before the object counts as different all of them are asked for.
func (c *comparison) check(ctx context.Context, info *storage.Info) (finding, error) {
	claims := claimsOf(c.algorithm, info, c.cfg.Transfer.ChunkSize, false)
	if len(claims) == 0 && c.algorithm == "" && !hasDigest(info) {
		return finding{err: setting.Errorf("%w: the ETag is no digest of the content, as with KMS or a customer key, "+
			"and the sizes of the parts, which the additional checksum depends on, are not known; %s compares the bytes", errIncomparable, readBoth)}, nil
	}
	f, err := c.read(ctx, claims)
	if err != nil || f.likeness != unsure {
		return f, err
	}
	if info.Parts == nil {
		return c.notFound(f), nil
	}
	_, twin := c.sides()
	exact, err := twin.ask(ctx, storage.StatOptions{Checksums: true, Parts: storage.ExactParts})
	switch {
	case err != nil:
		return finding{}, err
	case exact.Parts == nil:
		return c.notFound(f), nil
	case exact.ETag != info.ETag || !slices.Equal(exact.Parts, info.Parts):
		f, err = c.read(ctx, claimsOf(c.algorithm, exact, c.cfg.Transfer.ChunkSize, true))
		if err != nil || f.likeness != unsure {
			return f, err
		}
	}
	f.likeness, f.reason = different, c.reasonOfOthers()
	return f, nil
}

// notFound is the finding that no way was found in which the digests of an object
// could have been made of the file.
func (c *comparison) notFound(f finding) finding { return undecided(f.sums, c.reasonOfOthers()) }

// reasonOfOthers is why two are different whose digests are.
func (c *comparison) reasonOfOthers() Reason {
	if c.algorithm != "" {
		return ReasonChecksum
	}
	return ReasonETag
}

func (c *comparison) fileSize() int64 {
	file, _ := c.sides()
	return file.object.Size
}

// askTwin asks for the object beside the file, and for its parts if the digest
// to be compared depends on them.
func (c *comparison) askTwin(ctx context.Context) (*storage.Info, error) {
	_, twin := c.sides()
	opts := storage.StatOptions{Checksums: true}
	info := c.target // of Check.HeadEachTarget
	if !c.sourceLocal || info == nil {
		if c.likelyInParts(twin.object.ETag) {
			opts.Parts = storage.InferParts
		}
		var err error
		if info, err = twin.ask(ctx, opts); err != nil {
			return nil, err
		}
	}
	if opts.Parts != storage.NoParts || !c.needsParts(info) {
		return info, nil
	}
	opts.Parts = storage.InferParts
	return twin.ask(ctx, opts)
}

// likelyInParts: what the listing tells is enough to know that the parts will
// be needed, which saves a request.
func (c *comparison) likelyInParts(etag string) bool {
	parts, _ := checksum.ParseETag(etag)
	if c.algorithm == "" {
		return parts > 1 && !c.opaque.Load()
	}
	return parts > 1 && !checksum.Allows(c.algorithm, checksum.FullObject)
}

// needsParts: what is to be compared depends on the sizes of the parts.
func (c *comparison) needsParts(info *storage.Info) bool {
	parts, _ := checksum.ParseETag(info.ETag)
	if c.algorithm == "" && hasDigest(info) {
		return parts > 1
	}
	sum, ok := choose(c.algorithm, info)
	return ok && partsOf(info, sum) > 1
}

// read computes what is claimed of the file's bytes, all in one go, and tells
// which claim holds. It is unsure if none does and none of them is certain.
func (c *comparison) read(ctx context.Context, claims []claim) (f finding, err error) {
	if len(claims) == 0 {
		return finding{}, nil
	}
	err = c.again(ctx, c.it.key(), func(ctx context.Context) (err error) {
		f, err = c.readOnce(ctx, claims)
		return err
	})
	return f, err
}

func (c *comparison) readOnce(ctx context.Context, claims []claim) (finding, error) {
	file, _ := c.sides()
	r, err := file.store.Open(ctx, file.key, storage.OpenOptions{})
	switch {
	case storage.Gone(err) && c.sourceLocal:
		return finding{}, fmt.Errorf("%w: %w", errGone, err)
	case storage.Gone(err):
		c.it.exists = false
		return finding{}, ofSide(file.name, err)
	case err != nil:
		return finding{}, ofSide(file.name, err)
	}
	defer r.Close()
	if r.Info().Size != claims[0].layout.Total() {
		return finding{likeness: different, reason: ReasonSize}, nil
	}
	digests := make([]digest, len(claims))
	for i, claim := range claims {
		if digests[i], err = claim.begin(); err != nil {
			return finding{}, err
		}
	}
	if err := c.digest(ctx, r, claims[0].layout, readSize, digests); err != nil {
		return finding{}, ofSide(file.name, err)
	}
	if err := r.Check(ctx); err != nil {
		return finding{}, ofSide(file.name, err)
	}
	return c.judge(claims, digests)
}

// readSize is how many bytes of a file are read at once.
const readSize = 1 * MiB

// digest reads an object into the digests, several parts of the layout at once, by
// pieces of most bytes.
func (c *comparison) digest(ctx context.Context, r storage.Reader, layout checksum.Layout, most int64, digests []digest) error {
	piece := func(size int64) int64 { return min(size, most) }
	if size := layout.Total(); layout.Len() == 1 {
		buf, err := c.buffers.Get(ctx, int(piece(size)))
		if err != nil {
			return err
		}
		defer buf.Release()
		return digestPart(ctx, r, part{end: size, buf: buf}, digests)
	}
	n := min(layout.Len(), c.cfg.Transfer.ParallelParts)
	return parallel.ForEach(ctx, n, c.cut(ctx, layout, piece), func(ctx context.Context, p part) error {
		defer p.release()
		return digestPart(ctx, r, p, digests)
	})
}

// digestPart reads a part by as much as its buffer holds.
func digestPart(ctx context.Context, r storage.Reader, p part, digests []digest) error {
	for off := p.off; off < p.end; {
		b := p.buf.Bytes()
		b = b[:min(p.end-off, int64(len(b)))]
		if err := r.ReadAt(ctx, b, off); err != nil {
			return err
		}
		for _, d := range digests {
			if err := d.WriteAt(ctx, b, off); err != nil {
				return err
			}
		}
		off += int64(len(b))
	}
	return nil
}

// judge compares the digests of a file with what is claimed of it.
func (c *comparison) judge(claims []claim, digests []digest) (finding, error) {
	var found finding
	for i, claim := range claims {
		holds, err := digests[i].Matches(claim.value)
		if err != nil {
			return finding{}, err
		}
		got, err := digests[i].Value()
		if err != nil {
			return finding{}, err
		}
		f := finding{likeness: unsure, reason: claim.reason(holds)}
		switch {
		case holds:
			f.likeness, got = same, claim.value
		case claim.certain:
			f.likeness = different
		}
		if i == 0 || f.likeness != unsure {
			c.note(&f, claim, got)
			found = f
		}
		if holds {
			break
		}
	}
	return found, nil
}

// note keeps a digest of the file for the log.
func (c *comparison) note(f *finding, claim claim, got string) {
	file, _ := c.sides()
	switch {
	case claim.algorithm == "":
		file.object.ETag = got
	case c.sourceLocal:
		f.sums = sums{string(claim.algorithm), got, claim.value}
	default:
		f.sums = sums{string(claim.algorithm), claim.value, got}
	}
}
