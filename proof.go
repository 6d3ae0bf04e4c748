package s3sync

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/setting"
	"s3sync/storage"
)

const algorithmSetting = setting.Name("Verify.Algorithm")

// Reasons why the bytes of an object are not proved.
var (
	errVerifyOff    = errors.New("verification is off")
	errMultipartOff = errors.New("verification of objects written in parts is off")
	errOpaque       = setting.Errorf("its ETag is no digest of its content (encryption with KMS or a customer key, a directory bucket, or a server with ETags of its own kind); additional checksums would prove it: see %s and %s", algorithmSetting, setting.Name("Verify.ReadChecksum"))
	errNoETag       = errors.New("the server gives no ETag")
	errOtherETag    = errors.New("the server gives no ETag that is a digest")
	errOwnETag      = setting.Errorf("the server gives objects in parts an ETag of its own kind, which tells nothing of the parts; "+
		"the ETag of each part matched when it was written; %s would prove the whole where the server keeps it", algorithmSetting)
	errNoChecksum    = errors.New("there is no additional checksum")
	errUnknownLayout = errors.New("the sizes of its parts are not known and cannot be found out")
)

// saysNothing is why an ETag proves nothing of its object, or nil.
func saysNothing(info storage.Info) error {
	_, ok := checksum.ParseETag(info.ETag)
	switch {
	case info.ETag == "":
		return errNoETag
	case info.Opaque:
		return errOpaque
	case !ok:
		return errOtherETag
	}
	return nil
}

// isLayout reports whether it is for its parts that an object is not proved, which
// is a warning.
func isLayout(why error) bool {
	return errors.Is(why, errUnknownLayout) || errors.Is(why, errOtherParts)
}

// A proof gathers the digests of one object's bytes as they pass, cut as the
// source is and as the target will be, so that the digests of both can be
// compared although they may differ. One read serves them all.
type proof struct {
	md5            func([]byte) [md5.Size]byte
	source, target evidence
	wantSHA256     bool
	algorithm      checksum.Algorithm // of the checksum that the target keeps; empty is none
}

// Evidence is what is computed to judge one side.
type evidence struct {
	etag verdict
	// etags are computed in every layout that the side may have.
	etags []*checksum.ETag

	sum verdict
	// sums are computed in every form that the checksum may have.
	sums []*checksum.Sum
	told storage.Checksum // what the side says
}

// A verdict says how far one kind of digest proves what one side holds.
type verdict struct {
	proved bool
	// why there is no proof, once that is known.
	why error
	// guessed: only a match means anything.
	guessed bool
}

// manyParts is how many parts must be digested at once for checksum.Hasher to be
// worth it.
const manyParts = 8

// newProof prepares the digests of an object that is written as plan says.
func (s *syncer) newProof(ctx context.Context, plan checksum.Layout, l *layoutFinder) (*proof, error) {
	p := &proof{md5: md5.Sum, wantSHA256: s.target.Caps().WantSHA256}
	if min(plan.Len(), s.cfg.Transfer.ParallelParts) >= manyParts {
		p.md5 = s.hasher.MD5
	}
	if err := s.prepareTarget(p, plan); err != nil {
		return nil, err
	}
	if s.sourceLocal {
		return p, nil
	}
	return p, s.prepareSource(ctx, p, l)
}

// prepareTarget decides what is computed of the object to be written.
func (s *syncer) prepareTarget(p *proof, plan checksum.Layout) error {
	caps, v := s.target.Caps(), &s.cfg.Verify
	if caps.Files {
		return nil
	}
	if caps.WantMD5 {
		p.target.etags = []*checksum.ETag{checksum.NewETag(plan)}
	}
	switch {
	case !v.ETag:
		p.target.etag.why = errVerifyOff
	case caps.DefaultChecksum != "":
		p.target.etag.why = errOpaque
	case !caps.WantMD5:
		p.target.etag.why = errVerifyOff
	case plan.Multipart() && !v.Multipart:
		p.target.etag.why = errMultipartOff
	}
	opts := s.checksumOptions()
	if opts.Algorithm == "" {
		p.target.sum.why = errNoChecksum
		return nil
	}
	p.algorithm = opts.Algorithm
	sum, err := checksum.NewSum(p.algorithm, plan, opts.Type)
	if err != nil {
		return err
	}
	p.target.sums = []*checksum.Sum{sum}
	switch {
	case !v.Checksum:
		p.target.sum.why = errVerifyOff
	case plan.Multipart() && !v.Multipart && sum.Type() == checksum.Composite:
		p.target.sum.why = errMultipartOff
	}
	return nil
}

// checksumOptions is the additional checksum that written objects get.
func (s *syncer) checksumOptions() storage.Checksum {
	v, caps := &s.cfg.Verify, s.target.Caps()
	c := storage.Checksum{Algorithm: checksum.Algorithm(v.Algorithm)}
	if c.Algorithm == "" && !v.NoExpressChecksum {
		c.Algorithm = caps.DefaultChecksum
	}
	switch a := c.Algorithm; {
	case a == "" || caps.Files:
		return storage.Checksum{}
	case v.FullObject || v.Algorithm == "" || !checksum.Allows(a, checksum.Composite):
		c.Type = checksum.FullObject
	default:
		c.Type = checksum.Composite
	}
	return c
}

// block digests part i of the plan, which begins at off. It may wait for
// earlier blocks, and keeps nothing of data.
func (p *proof) block(ctx context.Context, data []byte, i int, off int64) (storage.Block, error) {
	b := storage.Block{Data: data}
	for _, e := range p.target.etags {
		sum := p.md5(data)
		b.MD5 = sum[:]
		if err := e.SetPart(i, sum); err != nil {
			return b, err
		}
	}
	if p.wantSHA256 {
		sum := sha256.Sum256(data)
		b.SHA256 = sum[:]
	}
	for _, sum := range p.target.sums {
		b.Checksum = p.digest(b)
		if err := sum.SetPart(i, b.Checksum); err != nil {
			return b, err
		}
	}
	return b, p.write(ctx, data, off)
}

// feed digests bytes that are not a part of their own. It may wait for the bytes
// before them.
func (p *proof) feed(ctx context.Context, data []byte, off int64) error {
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
	return p.write(ctx, data, off)
}

// digest is the digest of a block that the target keeps: computed only if it is
// not there already.
func (p *proof) digest(b storage.Block) []byte {
	switch {
	case p.algorithm == checksum.SHA256 && b.SHA256 != nil:
		return b.SHA256
	case p.algorithm == checksum.MD5 && b.MD5 != nil:
		return b.MD5
	}
	return checksum.Digest(p.algorithm, b.Data)
}

// write digests data for the source. What it shares with the target was
// digested there.
func (p *proof) write(ctx context.Context, data []byte, off int64) error {
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

// abort wakes who waits in block.
func (p *proof) abort(err error) {
	for _, etag := range p.source.etags {
		etag.Abort(err)
	}
	for _, sum := range p.source.sums {
		sum.Abort(err)
	}
}

// checkSource compares what was read with what the source says, before anything
// is published.
func (p *proof) checkSource(info storage.Info) error { return p.source.check("source", info) }

// checkTarget compares what was written with what the target answered.
func (p *proof) checkTarget(info storage.Info) error {
	if p.algorithm != "" && p.target.sum.why == nil {
		p.target.told, _ = info.Checksum(p.algorithm)
		if p.target.told.Value == "" {
			p.target.sum.why = fmt.Errorf("the target answered no %s checksum", p.algorithm)
		}
	}
	return p.target.check("target", info)
}

// check compares all digests of a side with what it says of itself.
func (e *evidence) check(side string, info storage.Info) error {
	if e.etag.why == nil && len(e.etags) > 0 {
		e.etag.why = saysNothing(info)
	}
	if e.etag.why == nil && len(e.etags) > 0 {
		if err := e.checkETag(side, info); err != nil {
			return err
		}
	}
	if e.sum.why == nil && len(e.sums) > 0 {
		return e.checkSum(side, info)
	}
	return nil
}

func (e *evidence) checkETag(side string, info storage.Info) error {
	var got string
	for _, etag := range e.etags {
		var err error
		if got, err = etag.Sum(); err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if got == info.ETag {
			e.etag.proved = true
			return nil
		}
	}
	if parts, _ := checksum.ParseETag(info.ETag); parts == 0 && e.etags[0].Layout().Multipart() {
		e.etag.why = errOwnETag // as of an object that was written whole, which none in parts has on S3
		return nil
	}
	return e.etag.mismatch("", info.Key, fmt.Sprintf("the %s's ETag is %s", side, info.ETag), got)
}

func (e *evidence) checkSum(side string, info storage.Info) error {
	var got string
	for _, sum := range e.sums {
		matches, err := sum.Matches(e.told.Value)
		if err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if matches {
			e.sum.proved = true
			return nil
		}
		if got, err = sum.Value(); err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
	}
	return e.sum.mismatch(e.told.Algorithm, info.Key, fmt.Sprintf("the %s's %s checksum is %s", side, e.told.Algorithm, e.told.Value), got)
}

// mismatch is the failure of a comparison, unless it proves nothing.
func (v *verdict) mismatch(a checksum.Algorithm, key, told, got string) error {
	if v.guessed {
		v.why = errUnknownLayout
		return nil
	}
	return &storage.Error{Op: "verify", Key: key, Err: &mismatchError{a, fmt.Sprintf(
		"%v: %s, that of the bytes that passed is %s", storage.ErrMismatch, told, got)}}
}

// A mismatchError is a storage.ErrMismatch of an additional checksum, or of ETags
// if the algorithm is empty.
type mismatchError struct {
	algorithm checksum.Algorithm
	text      string
}

func (e *mismatchError) Error() string { return e.text }

func (*mismatchError) Unwrap() error { return storage.ErrMismatch }
