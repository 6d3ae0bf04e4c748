package s3sync

import (
	"context"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// maxGuesses bounds the digests computed where a server cannot tell the layout
// of an object: each costs a hash of all its bytes.
const maxGuesses = 3

// readsChecksums reports whether the additional checksums of the source are
// read and verified: if that was asked for, or if its ETags prove nothing.
func (s *syncer) readsChecksums() bool {
	v := &s.cfg.Verify
	return v.ReadChecksum || !v.NoExpressChecksum && s.source.Caps().DefaultChecksum != ""
}

// prepareSource decides what is computed of the object that is read.
func (s *syncer) prepareSource(ctx context.Context, p *proof, l *layoutFinder) error {
	s.prepareSourceETag(ctx, p, l)
	if s.readsChecksums() {
		if err := s.prepareSourceSum(ctx, p, l); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.err
}

func (s *syncer) prepareSourceETag(ctx context.Context, p *proof, l *layoutFinder) {
	e, info, v := &p.source, l.r.Info(), &s.cfg.Verify
	parts, _ := checksum.ParseETag(info.ETag)
	nothing := saysNothing(info)
	switch {
	case !v.ETag:
		e.etag.why = errVerifyOff
	case nothing != nil:
		e.etag.why = nothing
	case parts > 0 && !v.Multipart:
		e.etag.why = errMultipartOff
	}
	if e.etag.why != nil {
		return
	}
	var layouts []checksum.Layout
	if layouts, e.etag.guessed, e.etag.why = l.find(ctx, parts); e.etag.why != nil {
		return
	}
	for _, layout := range layouts {
		if t := p.target.etags; len(t) > 0 && t[0].Layout().Equal(layout) {
			e.etags = append(e.etags, t[0])
		} else {
			e.etags = append(e.etags, checksum.NewETag(layout))
		}
	}
}

// prepareSourceSum takes the additional checksum of the source that is written
// to the target, too, or else the one that is cheapest to compute.
func (s *syncer) prepareSourceSum(ctx context.Context, p *proof, l *layoutFinder) error {
	e, info := &p.source, l.r.Info()
	err := s.askAgain(ctx, info.Key, func(ctx context.Context) (err error) {
		info.Checksums, err = l.r.Checksums(ctx)
		return ofSource(err)
	})
	if err != nil {
		return err
	}
	for _, a := range slices.Insert(checksum.Algorithms(), 0, p.algorithm) {
		var ok bool
		if e.told, ok = info.Checksum(a); ok {
			return s.sourceForms(ctx, p, l, a)
		}
	}
	e.sum.why = errNoChecksum
	return nil
}

// sourceForms finds the ways in which the source's checksum can have been made.
func (s *syncer) sourceForms(ctx context.Context, p *proof, l *layoutFinder, a checksum.Algorithm) error {
	e, info := &p.source, l.r.Info()
	layouts := []checksum.Layout{checksum.Whole(info.Size)}
	parts, _ := checksum.ParseValue(a, e.told.Value)
	if parts > 0 || e.told.Type == checksum.Composite {
		if !s.cfg.Verify.Multipart {
			e.sum.why = errMultipartOff
			return nil
		}
		if parts == 0 {
			parts, _ = checksum.ParseETag(info.ETag)
		}
		layouts, e.sum.guessed, e.sum.why = l.find(ctx, parts)
		if len(layouts) == 0 {
			return nil
		}
	}
	for _, f := range checksum.Forms(a, e.told.Value, e.told.Type, layouts...) {
		if t := p.target.sums; len(t) > 0 && a == p.algorithm && t[0].Type() == f.Type && t[0].Layout().Equal(f.Layout) {
			e.sums = append(e.sums, t[0])
			continue
		}
		sum, err := checksum.NewSum(a, f.Layout, f.Type)
		if err != nil {
			return fmt.Errorf("checksum of the source: %w", err)
		}
		e.sums = append(e.sums, sum)
	}
	if len(e.sums) == 0 {
		e.sum.why = fmt.Errorf("the source's %s checksum %q makes no sense for it", a, e.told.Value)
	}
	return nil
}

// A layoutFinder finds once how the source was cut.
type layoutFinder struct {
	s       *syncer
	r       storage.Reader
	attempt int

	asked bool
	sizes []int64
	// err is why a store that could tell did not: the failure of the object.
	err error
}

// find returns the layouts in which an object of that many parts can have been
// written; 0 parts is an object written whole. It fails with errUnknownLayout if
// the store cannot tell and nothing can be guessed.
func (l *layoutFinder) find(ctx context.Context, parts int) (layouts []checksum.Layout, guessed bool, err error) {
	info := l.r.Info()
	if parts == 0 {
		return []checksum.Layout{checksum.Whole(info.Size)}, false, nil
	}
	if !l.asked {
		l.asked = true
		l.err = l.s.askAgain(ctx, info.Key, func(ctx context.Context) (err error) {
			l.sizes, err = l.r.Layout(ctx, l.s.partsQuery(l.attempt))
			return ofSource(err)
		})
	}
	switch {
	case l.err != nil:
		return nil, false, l.err
	case len(l.sizes) == parts:
		layout, err := checksum.Parts(l.sizes)
		if err == nil && layout.Total() == info.Size {
			return []checksum.Layout{layout}, false, nil
		}
	}
	for _, size := range checksum.GuessLayouts(info.Size, parts, l.s.cfg.Transfer.ChunkSize) {
		layouts = append(layouts, checksum.Uniform(info.Size, size))
	}
	if len(layouts) == 0 {
		return nil, false, errUnknownLayout
	}
	return layouts[:min(len(layouts), maxGuesses)], true, nil
}
