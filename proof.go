package s3sync

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// Reasons why the bytes of an object are not proved.
var (
	errVerifyOff     = errors.New("ETag verification is off")
	errMultipartOff  = errors.New("verification of objects written in parts is off")
	errOpaque        = errors.New("its ETag is no digest of its content (encryption with KMS or a customer key, or a directory bucket)")
	errNoETag        = errors.New("the server gives no ETag that is a digest")
	errUnknownLayout = errors.New("the sizes of its parts are not known and cannot be found out")
)

// A proof gathers the digests of one object's bytes as they pass, cut as the
// source is and as the target will be, so that the ETags of both can be
// compared although they may differ. One read serves them all.
type proof struct {
	// source holds one ETag for each layout the source may have. With more
	// than one, or guessed, only a match means anything.
	source             []*checksum.ETag
	guessed            bool
	noSource, noTarget error // why there is no verdict

	target              *checksum.ETag
	wantMD5, wantSHA256 bool
}

// sourceLayouts finds how the source's ETag was computed. attempt counts from 0:
// the first one trusts what the first part tells of the others.
func (s *syncer) sourceLayouts(ctx context.Context, r storage.Reader, attempt int) (layouts []checksum.Layout, guessed bool, err error) {
	info := r.Info()
	switch {
	case !s.cfg.Verify.ETag:
		return nil, false, errVerifyOff
	case info.Opaque:
		return nil, false, errOpaque
	}
	parts, ok := checksum.ParseETag(info.ETag)
	switch {
	case !ok:
		return nil, false, errNoETag
	case parts == 0:
		return []checksum.Layout{checksum.Whole(info.Size)}, false, nil
	case !s.cfg.Verify.Multipart:
		return nil, false, errMultipartOff
	}
	query := storage.InferParts
	if attempt > 0 {
		query = storage.ExactParts
	}
	var sizes []int64
	err = s.again(ctx, info.Key, func(ctx context.Context) error {
		var lerr error
		sizes, lerr = r.Layout(ctx, query)
		return lerr
	})
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errUnknownLayout, err)
	}
	if sizes != nil {
		layout, perr := checksum.Parts(sizes)
		if perr != nil {
			return nil, false, fmt.Errorf("%w: %w", errUnknownLayout, perr)
		}
		return []checksum.Layout{layout}, false, nil
	}
	for _, size := range checksum.GuessLayouts(info.Size, parts, s.cfg.Transfer.ChunkSize) {
		layouts = append(layouts, checksum.Uniform(info.Size, size))
	}
	if len(layouts) == 0 {
		return nil, false, errUnknownLayout
	}
	return layouts[:min(len(layouts), maxGuesses)], true, nil
}

// maxGuesses bounds the digests computed where a server cannot tell the layout
// of an object: each costs an MD5 of all its bytes.
const maxGuesses = 3

// newProof prepares the digests of an object that is written as plan says.
func (s *syncer) newProof(ctx context.Context, r storage.Reader, plan checksum.Layout, attempt int) (*proof, error) {
	caps := s.target.Caps()
	p := &proof{wantMD5: caps.WantMD5, wantSHA256: caps.WantSHA256}
	switch {
	case s.mapper != nil: // a file has no ETag to compare with
	case !s.cfg.Verify.ETag || !caps.WantMD5:
		p.noTarget = errVerifyOff
	case plan.Multipart() && !s.cfg.Verify.Multipart:
		p.noTarget = errMultipartOff
	}
	if caps.WantMD5 {
		p.target = checksum.NewETag(plan)
	}
	if s.sourceLocal {
		return p, nil
	}
	layouts, guessed, err := s.sourceLayouts(ctx, r, attempt)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p.noSource, p.guessed = err, guessed
	for _, l := range layouts {
		if p.target != nil && l.Equal(plan) {
			p.source = append(p.source, p.target)
		} else {
			p.source = append(p.source, checksum.NewETag(l))
		}
	}
	return p, nil
}

// block digests part i of the plan, which begins at off. It may wait for
// earlier blocks, and keeps nothing of data.
func (p *proof) block(ctx context.Context, data []byte, i int, off int64) (storage.Block, error) {
	b := storage.Block{Data: data}
	if p.wantMD5 {
		sum := md5.Sum(data)
		b.MD5 = sum[:]
		if err := p.target.SetPart(i, sum); err != nil {
			return b, err
		}
	}
	if p.wantSHA256 {
		sum := sha256.Sum256(data)
		b.SHA256 = sum[:]
	}
	for _, e := range p.source {
		if e == p.target {
			continue
		}
		if err := e.WriteAt(ctx, data, off); err != nil {
			return b, err
		}
	}
	return b, nil
}

// abort wakes who waits in block.
func (p *proof) abort(err error) {
	for _, e := range p.source {
		e.Abort(err)
	}
}

func (p *proof) judgesSource() bool { return p.noSource == nil && len(p.source) > 0 }

func (p *proof) judgesTarget() bool { return p.noTarget == nil && p.target != nil }

// checkSource compares what was read with the source's ETag, before anything is
// published. A verdict that is not possible is kept in noSource.
func (p *proof) checkSource(info storage.Info) error {
	if !p.judgesSource() {
		return nil
	}
	var got string
	for _, e := range p.source {
		sum, err := e.Sum()
		if err != nil {
			return &storage.Error{Op: "verify", Key: info.Key, Err: err}
		}
		if sum == info.ETag {
			return nil
		}
		got = sum
	}
	if p.guessed {
		p.noSource = errUnknownLayout
		return nil
	}
	return mismatch(info.Key, "source", info.ETag, got)
}

// checkTarget compares what was written with the ETag that the target answered.
func (p *proof) checkTarget(info storage.Info) error {
	if !p.judgesTarget() {
		return nil
	}
	sum, err := p.target.Sum()
	if err != nil {
		return &storage.Error{Op: "verify", Key: info.Key, Err: err}
	}
	switch _, ok := checksum.ParseETag(info.ETag); {
	case info.Opaque:
		p.noTarget = errOpaque
	case !ok:
		p.noTarget = errNoETag
	case sum != info.ETag:
		return mismatch(info.Key, "target", info.ETag, sum)
	}
	return nil
}

func mismatch(key, side, etag, got string) error {
	return &storage.Error{Op: "verify", Key: key, Err: fmt.Errorf(
		"%w: the %s's ETag is %s, the digest of the bytes that passed is %s", storage.ErrMismatch, side, etag, got)}
}

// unproved is why the object is not verified, or nil.
func (p *proof) unproved() error {
	if p.noSource != nil {
		return p.noSource
	}
	return p.noTarget
}

// fill puts the computed ETag of the side that has none into the event.
func (p *proof) fill(ev *Event) {
	if ev.Source.ETag == "" && p.target != nil {
		ev.Source.ETag = ev.Target.ETag
	}
	if ev.Target.ETag == "" && p.noSource == nil {
		ev.Target.ETag = ev.Source.ETag
	}
}
