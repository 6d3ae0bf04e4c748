package verify

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// A Verification gathers the digests of one object's bytes as they pass. They are
// computed in the parts of the source and in those of the target, so that both
// sides can be verified although their digests may differ. Block and Feed may be
// called concurrently for different bytes.
type Verification struct {
	v              *Verifier
	md5            func([]byte) [md5.Size]byte
	source, target digests
}

// digests are what is computed to verify one side.
type digests struct {
	etag outcome
	// etags are computed in every layout that the side may have.
	etags []*checksum.ETag

	sum outcome
	// sums are computed in every form that the checksum may have.
	sums []*checksum.Sum
	told storage.Checksum // what the side says
}

// An outcome says whether one kind of digest verifies one side.
type outcome struct {
	verified bool
	// why it does not, once that is known.
	why error
	// guessed: only a match means anything.
	guessed bool
}

// manyParts is how many parts must be digested at once for checksum.Hasher to be
// worth it.
const manyParts = 8

// Begin prepares the digests of an object that is written in a layout. It may ask
// the source for its checksums and the sizes of its parts.
func (v *Verifier) Begin(ctx context.Context, layout checksum.Layout, source *Source) (*Verification, error) {
	p := &Verification{v: v, md5: md5.Sum}
	if min(layout.Len(), v.limits.ParallelParts()) >= manyParts {
		p.md5 = v.limits.Hasher().MD5
	}
	if err := p.prepareTarget(layout); err != nil {
		return nil, err
	}
	if v.source.Caps.Files {
		return p, nil
	}
	return p, p.prepareSource(ctx, source)
}

// prepareTarget decides what is computed of the object to be written.
func (p *Verification) prepareTarget(layout checksum.Layout) error {
	caps, opts, d := &p.v.target.Caps, &p.v.opts, &p.target
	if caps.Files {
		return nil
	}
	if caps.WantMD5 {
		d.etags = []*checksum.ETag{checksum.NewETag(layout)}
	}
	switch {
	case !opts.ETag:
		d.etag.why = ErrOff
	case caps.DefaultChecksum != "":
		d.etag.why = errNotDigest
	case !caps.WantMD5:
		d.etag.why = ErrOff
	case layout.Multipart() && !opts.Multipart:
		d.etag.why = ErrMultipartOff
	}
	if p.v.written.Algorithm == "" {
		d.sum.why = ErrNoChecksum
		return nil
	}
	sum, err := checksum.NewSum(p.algorithm(), layout, p.v.written.Type)
	if err != nil {
		return err
	}
	d.sums = []*checksum.Sum{sum}
	switch {
	case !opts.Checksum:
		d.sum.why = ErrOff
	case layout.Multipart() && !opts.Multipart && sum.Type() == checksum.Composite:
		d.sum.why = ErrMultipartOff
	}
	return nil
}

// algorithm is that of the checksum that the target keeps. It is empty if there is
// none.
func (p *Verification) algorithm() checksum.Algorithm { return p.v.written.Algorithm }

// Block digests part i of the layout, which begins at off, and returns it with the
// digests that the target wants. It may wait for earlier blocks. Nothing of data is
// kept.
func (p *Verification) Block(ctx context.Context, data []byte, i int, off int64) (storage.Block, error) {
	b := storage.Block{Data: data}
	for _, e := range p.target.etags {
		sum := p.md5(data)
		b.MD5 = sum[:]
		if err := e.SetPart(i, sum); err != nil {
			return b, err
		}
	}
	if p.v.target.Caps.WantSHA256 {
		sum := sha256.Sum256(data)
		b.SHA256 = sum[:]
	}
	for _, sum := range p.target.sums {
		b.Checksum = p.digest(&b)
		if err := sum.SetPart(i, b.Checksum); err != nil {
			return b, err
		}
	}
	return b, p.digestSource(ctx, data, off)
}

// Feed digests bytes that are not a part of their own. It may wait for the bytes
// before them. Nothing of data is kept.
func (p *Verification) Feed(ctx context.Context, data []byte, off int64) error {
	for _, etag := range p.target.etags {
		if err := etag.WriteAt(ctx, data, off); err != nil {
			return err
		}
	}
	for _, sum := range p.target.sums {
		if err := sum.WriteAt(ctx, data, off); err != nil {
			return err
		}
	}
	return p.digestSource(ctx, data, off)
}

// digest is the digest of a block that the target keeps. It is computed only if it
// is not there already.
func (p *Verification) digest(b *storage.Block) []byte {
	switch a := p.algorithm(); {
	case a == checksum.SHA256 && b.SHA256 != nil:
		return b.SHA256
	case a == checksum.MD5 && b.MD5 != nil:
		return b.MD5
	default:
		return checksum.Digest(a, b.Data)
	}
}

// digestSource digests data for the source. The digests that the source shares with
// the target have the data already.
func (p *Verification) digestSource(ctx context.Context, data []byte, off int64) error {
	for _, etag := range p.source.etags {
		if slices.Contains(p.target.etags, etag) {
			continue
		}
		var err error
		if i, ok := wholePart(etag.Layout(), data, off); ok {
			err = etag.SetPart(i, p.md5(data))
		} else {
			err = etag.WriteAt(ctx, data, off)
		}
		if err != nil {
			return err
		}
	}
	for _, sum := range p.source.sums {
		if slices.Contains(p.target.sums, sum) {
			continue
		}
		if err := sum.WriteAt(ctx, data, off); err != nil {
			return err
		}
	}
	return nil
}

// wholePart returns the part of a layout that data is, if it is just one.
func wholePart(l checksum.Layout, data []byte, off int64) (i int, ok bool) {
	if len(data) == 0 {
		return 0, l.Total() == 0
	}
	i = l.Index(off)
	start, size := l.Bounds(i)
	return i, start == off && size == int64(len(data))
}

// Abort wakes everybody who waits in Block or Feed, which then fail with err.
func (p *Verification) Abort(err error) {
	for _, etag := range p.source.etags {
		etag.Abort(err)
	}
	for _, sum := range p.source.sums {
		sum.Abort(err)
	}
}

// CheckSource compares what was read with what the source says of the object. It
// is called before anything is published. The error is a *storage.Error around a
// *MismatchError.
func (p *Verification) CheckSource(info *storage.Info) error { return p.source.check("source", info) }

// CheckTarget compares what was written with what the target answered. Its error is
// that of CheckSource.
func (p *Verification) CheckTarget(info *storage.Info) error {
	if a := p.algorithm(); a != "" && p.target.sum.why == nil {
		p.target.told, _ = info.Checksum(a)
		if p.target.told.Value == "" {
			p.target.sum.why = fmt.Errorf("the target answered no %s checksum", a)
		}
	}
	return p.target.check("target", info)
}

// check compares all digests of a side with what it says of itself.
func (d *digests) check(name string, info *storage.Info) error {
	if d.etag.why == nil && len(d.etags) > 0 {
		d.etag.why = notDigest(info)
	}
	if d.etag.why == nil && len(d.etags) > 0 {
		if err := d.checkETag(name, info); err != nil {
			return err
		}
	}
	if d.sum.why == nil && len(d.sums) > 0 {
		return d.checkSum(name, info)
	}
	return nil
}

// notDigest is why an ETag says nothing about the bytes of its object, or nil.
func notDigest(info *storage.Info) error {
	_, ok := checksum.ParseETag(info.ETag)
	switch {
	case info.ETag == "":
		return errNoETag
	case info.ETagNotDigest:
		return errNotDigest
	case !ok:
		return errOtherETag
	}
	return nil
}

func (d *digests) checkETag(name string, info *storage.Info) error {
	var got string
	for _, etag := range d.etags {
		var err error
		if got, err = etag.Sum(); err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if got == info.ETag {
			d.etag.verified = true
			return nil
		}
	}
	if parts, _ := checksum.ParseETag(info.ETag); parts == 0 && d.etags[0].Layout().Multipart() {
		d.etag.why = errOwnETag // as of an object that was written whole, which none in parts has on S3
		return nil
	}
	return d.etag.mismatch("", info.Key, fmt.Sprintf("the %s's ETag is %s", name, info.ETag), got)
}

func (d *digests) checkSum(name string, info *storage.Info) error {
	var got string
	for _, sum := range d.sums {
		matches, err := sum.Matches(d.told.Value)
		if err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if matches {
			d.sum.verified = true
			return nil
		}
		if got, err = sum.Value(); err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
	}
	told := fmt.Sprintf("the %s's %s checksum is %s", name, d.told.Algorithm, d.told.Value)
	return d.sum.mismatch(d.told.Algorithm, info.Key, told, got)
}

// mismatch is the failure of a comparison, unless it means nothing.
func (o *outcome) mismatch(a checksum.Algorithm, key, told, got string) error {
	if o.guessed {
		o.why = ErrUnknownLayout
		return nil
	}
	return &storage.Error{Op: "verify", Key: key, Err: &MismatchError{a, fmt.Sprintf(
		"%v: %s, that of the bytes that passed is %s", storage.ErrMismatch, told, got)}}
}
