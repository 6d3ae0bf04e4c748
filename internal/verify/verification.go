package verify

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// A Verification computes the digests of one object's bytes as they pass. It computes
// them for the parts of the source and for those of the target, so both sides can be
// verified even if their digests differ. Block and Feed may be called concurrently for
// different bytes.
//
// It holds the memory for an object in one piece, so that it needs no more.
type Verification struct {
	v              *Verifier
	source, target digests

	// content is the digest of all bytes; nil if nobody wants it.
	content *checksum.Sum

	parts int       // of the written object
	whole blockSums // of the only part
}

// blockSums are the digests of a block that is written.
type blockSums struct {
	md5    [md5.Size]byte
	sha256 [sha256.Size]byte
}

// digests are the digests that are computed to verify one side.
type digests struct {
	etag outcome
	// etags are computed in every possible layout of the side.
	etags []*checksum.ETag
	first checksum.ETag     // memory of the first one
	list  [1]*checksum.ETag // memory of etags

	sum outcome
	// sums are computed in every possible form of the checksum.
	sums []*checksum.Sum
	told storage.Checksum // what the side reports
}

// An outcome says whether one kind of digest verifies one side.
type outcome struct {
	verified bool
	// why says why it does not, once that is known.
	why error
	// guessed: only a match is significant; a mismatch is not.
	guessed bool
}

// Begin prepares p for the digests of an object that is written in a layout. It may ask
// the source for its checksums and the sizes of its parts. p must not be copied.
func (v *Verifier) Begin(ctx context.Context, p *Verification, layout checksum.Layout, source *Source) error {
	*p = Verification{v: v, parts: layout.Len()}
	p.source.etags, p.target.etags = p.source.list[:0], p.target.list[:0]
	if err := p.prepareTarget(layout); err != nil {
		return err
	}
	if v.opts.Content {
		var err error
		if p.content, err = checksum.NewSum(checksum.SHA256, checksum.Whole(layout.Total()), checksum.FullObject); err != nil {
			return err
		}
	}
	if v.source.Caps.Files {
		return nil
	}
	return p.prepareSource(ctx, source)
}

// BeginParts prepares p for the digests of some parts of an object, which are published
// later, when the whole object is verified.
func (v *Verifier) BeginParts(p *Verification, layout checksum.Layout) error {
	*p = Verification{v: v, parts: layout.Len()}
	p.source.etags, p.target.etags = p.source.list[:0], p.target.list[:0]
	return p.prepareTarget(layout)
}

// prepareTarget decides which digests of the written object are computed.
func (p *Verification) prepareTarget(layout checksum.Layout) error {
	caps, opts, d := &p.v.target.Caps, &p.v.opts, &p.target
	if caps.Files {
		return nil
	}
	if caps.WantMD5 {
		d.compute(layout)
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

// compute adds the ETag in a layout to those that are computed.
func (d *digests) compute(layout checksum.Layout) {
	if len(d.etags) == 0 {
		d.first.Begin(layout)
		d.etags = append(d.etags, &d.first)
		return
	}
	d.etags = append(d.etags, checksum.NewETag(layout))
}

// algorithm returns the algorithm of the checksum that the target keeps. It is empty if
// there is none.
func (p *Verification) algorithm() checksum.Algorithm { return p.v.written.Algorithm }

// Block digests part i of the layout, which begins at off, and returns it with the
// digests that the target needs. It may wait for earlier blocks. It does not keep data.
func (p *Verification) Block(ctx context.Context, data []byte, i int, off int64) (storage.Block, error) {
	b := storage.Block{Data: data}
	sums := &p.whole
	if p.parts > 1 {
		sums = new(blockSums)
	}
	switch h, wantMD5, wantSHA256 := p.v.limits.Hasher(), len(p.target.etags) > 0, p.v.target.Caps.WantSHA256; {
	case wantMD5 && wantSHA256:
		sums.md5, sums.sha256 = h.Both(data)
		b.MD5, b.SHA256 = sums.md5[:], sums.sha256[:]
	case wantMD5:
		sums.md5 = h.MD5(data)
		b.MD5 = sums.md5[:]
	case wantSHA256:
		sums.sha256 = sha256.Sum256(data)
		b.SHA256 = sums.sha256[:]
	}
	for _, e := range p.target.etags {
		if err := e.SetPart(i, sums.md5); err != nil {
			return b, err
		}
	}
	for _, sum := range p.target.sums {
		b.Checksum = p.digest(&b)
		if err := sum.SetPart(i, b.Checksum); err != nil {
			return b, err
		}
	}
	if err := p.digestContent(ctx, &b, off); err != nil {
		return b, err
	}
	return b, p.digestSource(ctx, data, off)
}

// digestContent digests a block for the digest of all bytes, unless it has that digest.
func (p *Verification) digestContent(ctx context.Context, b *storage.Block, off int64) error {
	switch {
	case p.content == nil:
		return nil
	case p.parts == 1 && b.SHA256 != nil:
		return p.content.SetPart(0, b.SHA256)
	}
	return p.feedContent(ctx, b.Data, off)
}

// errContentUnknown says that some bytes do not pass.
var errContentUnknown = errors.New("some bytes do not pass")

// feedContent digests bytes for the digest of all bytes, as long as it can become known.
func (p *Verification) feedContent(ctx context.Context, data []byte, off int64) error {
	if p.content == nil {
		return nil
	}
	err := p.content.WriteAt(ctx, data, off)
	if errors.Is(err, errContentUnknown) {
		return nil
	}
	return err
}

// Recorded takes the digests of part i of the layout, instead of its bytes. It reports
// false, and takes nothing, if the bytes are needed: a digest is missing, or the source has
// digests of other parts, or a file is to be digested as a whole. md5 and sum may be nil.
func (p *Verification) Recorded(i int, md5sum, sum []byte) (bool, error) {
	if p.content != nil && p.v.source.Caps.Files {
		return false, nil // to read it again is cheap
	}
	for _, etag := range p.source.etags {
		if !slices.Contains(p.target.etags, etag) {
			return false, nil
		}
	}
	for _, s := range p.source.sums {
		if !slices.Contains(p.target.sums, s) {
			return false, nil
		}
	}
	if len(p.target.etags) > 0 && len(md5sum) != md5.Size || len(p.target.sums) > 0 && len(sum) == 0 {
		return false, nil
	}
	for _, etag := range p.target.etags {
		if err := etag.SetPart(i, [md5.Size]byte(md5sum)); err != nil {
			return false, err
		}
	}
	for _, s := range p.target.sums {
		if err := s.SetPart(i, sum); err != nil {
			return false, err
		}
	}
	if p.content != nil {
		p.content.Abort(errContentUnknown)
	}
	return true, nil
}

// PartDigests returns the digests of part i of the layout that Recorded takes, as far as
// they were computed.
func (p *Verification) PartDigests(i int) (md5sum, sum []byte) {
	for _, etag := range p.target.etags {
		if digest, ok := etag.PartSum(i); ok {
			md5sum = digest[:]
		}
	}
	for _, s := range p.target.sums {
		sum, _ = s.PartSum(i)
	}
	return md5sum, sum
}

// Feed digests bytes that are not a whole part. It may wait for the bytes before them.
// It does not keep data.
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
	if err := p.feedContent(ctx, data, off); err != nil {
		return err
	}
	return p.digestSource(ctx, data, off)
}

// digest returns the digest of a block that the target keeps. It computes the digest
// only if it is missing.
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

// digestSource digests data for the source. Digests that the source shares with the
// target have the data already.
func (p *Verification) digestSource(ctx context.Context, data []byte, off int64) error {
	for _, etag := range p.source.etags {
		if slices.Contains(p.target.etags, etag) {
			continue
		}
		var err error
		if i, ok := wholePart(etag.Layout(), data, off); ok {
			err = etag.SetPart(i, p.v.limits.Hasher().MD5(data))
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

// wholePart returns the part of a layout that consists of data, if there is one.
func wholePart(l checksum.Layout, data []byte, off int64) (i int, ok bool) {
	if len(data) == 0 {
		return 0, l.Total() == 0
	}
	i = l.Index(off)
	start, size := l.Bounds(i)
	return i, start == off && size == int64(len(data))
}

// Abort wakes all callers that wait in Block or Feed. They fail with err.
func (p *Verification) Abort(err error) {
	for _, etag := range p.source.etags {
		etag.Abort(err)
	}
	for _, sum := range p.source.sums {
		sum.Abort(err)
	}
	if p.content != nil {
		p.content.Abort(err)
	}
}

// CheckSource compares the bytes that were read with what the source reports about the
// object. It is called before anything is published. The error is a *storage.Error
// around a *MismatchError.
func (p *Verification) CheckSource(info *storage.Info) error { return p.source.check("source", info) }

// CheckTarget compares the bytes that were written with the target's response. Its
// error is that of CheckSource.
func (p *Verification) CheckTarget(info *storage.Info) error {
	if a := p.algorithm(); a != "" && p.target.sum.why == nil {
		p.target.told, _ = info.Checksum(a)
		if p.target.told.Value == "" {
			p.target.sum.why = fmt.Errorf("the target answered no %s checksum", a)
		}
	}
	return p.target.check("target", info)
}

// check compares all digests of a side with what the side reports.
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

// notDigest returns why an ETag says nothing about the bytes of its object, or nil.
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
	for _, etag := range d.etags {
		matches, err := etag.Matches(info.ETag)
		if err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if matches {
			d.etag.verified = true
			return nil
		}
	}
	if parts, _ := checksum.ParseETag(info.ETag); parts == 0 && d.etags[0].Layout().Multipart() {
		d.etag.why = errOwnETag // the ETag form of an object without parts, which no object with parts has on S3
		return nil
	}
	got, err := d.etags[len(d.etags)-1].Sum()
	if err != nil {
		return &storage.Error{Op: "verify", Key: info.Key, Err: err}
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

// mismatch returns the failure of a comparison, or nil if the mismatch is not
// significant.
func (o *outcome) mismatch(a checksum.Algorithm, key, told, got string) error {
	if o.guessed {
		o.why = ErrUnknownLayout
		return nil
	}
	return &storage.Error{Op: "verify", Key: key, Err: &MismatchError{a, fmt.Sprintf(
		"%v: %s, that of the bytes that passed is %s", storage.ErrMismatch, told, got)}}
}
