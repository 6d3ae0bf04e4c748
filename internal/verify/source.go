package verify

import (
	"context"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// A Source is an open object and what is known about its digests. It asks the store for
// the sizes of the parts at most once. It is for one goroutine.
type Source struct {
	v     *Verifier
	r     storage.Reader
	info  *storage.Info
	query storage.PartsQuery

	asked bool
	sizes []int64
	whole [1]checksum.Layout // memory for the layout of an object written whole
	// err says why a store did not return the sizes although it can: the object fails.
	err error
}

// Source returns the Source of an open object for an attempt, counted from 0. info is
// that of the Reader, and still belongs to the caller.
func (v *Verifier) Source(r storage.Reader, info *storage.Info, attempt int) Source {
	return Source{v: v, r: r, info: info, query: v.PartsQuery(attempt)}
}

// Layouts returns the possible layouts of an object with the given number of parts; 0
// parts means an object written whole. guessed reports that they are only likely. The
// error is ErrUnknownLayout if the store does not know and there is no guess; any other
// error is a failure of the object.
func (s *Source) Layouts(ctx context.Context, parts int) (layouts []checksum.Layout, guessed bool, err error) {
	if parts == 0 {
		s.whole[0] = checksum.Whole(s.info.Size)
		return s.whole[:], false, nil
	}
	if err := s.ask(ctx); err != nil {
		return nil, false, err
	}
	layouts, guessed = checksum.Layouts(s.info.Size, parts, s.sizes, s.v.opts.ChunkSize)
	if len(layouts) == 0 {
		return nil, false, ErrUnknownLayout
	}
	// If the store does not report the size of the only part, the ETag need not be a
	// digest.
	one := parts == 1 && (len(s.sizes) != 1 || s.sizes[0] != s.info.Size)
	return layouts, guessed || one, nil
}

// ask asks the store for the sizes of the parts, unless it was asked before.
func (s *Source) ask(ctx context.Context) error {
	if s.asked {
		return s.err
	}
	s.asked = true
	s.err = s.v.source.RetryUnlessChanged(ctx, s.info.Key, func(ctx context.Context) (err error) {
		s.sizes, err = s.r.Layout(ctx, s.query)
		return s.v.source.Wrap(err)
	})
	return s.err
}

// prepareSource decides which digests of the source object are computed.
func (p *Verification) prepareSource(ctx context.Context, s *Source) error {
	p.prepareSourceETag(ctx, s)
	if p.v.reads {
		if err := p.prepareSourceSum(ctx, s); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.err
}

func (p *Verification) prepareSourceETag(ctx context.Context, s *Source) {
	d, opts := &p.source, &p.v.opts
	parts, _ := checksum.ParseETag(s.info.ETag)
	nothing := notDigest(s.info)
	switch {
	case !opts.ETag:
		d.etag.why = ErrOff
	case nothing != nil:
		d.etag.why = nothing
	case parts > 0 && !opts.Multipart:
		d.etag.why = ErrMultipartOff
	}
	if d.etag.why != nil {
		return
	}
	var layouts []checksum.Layout
	if layouts, d.etag.guessed, d.etag.why = s.Layouts(ctx, parts); d.etag.why != nil {
		return
	}
	for _, layout := range layouts {
		if t := p.target.etags; len(t) > 0 && t[0].Layout().Equal(layout) {
			d.etags = append(d.etags, t[0])
		} else {
			d.compute(layout)
		}
	}
}

// prepareSourceSum chooses an additional checksum of the source: the one that is also
// written to the target, or else the one that is cheapest to compute.
func (p *Verification) prepareSourceSum(ctx context.Context, s *Source) error {
	told := storage.Info{}
	err := p.v.source.RetryUnlessChanged(ctx, s.info.Key, func(ctx context.Context) (err error) {
		told.Checksums, err = s.r.Checksums(ctx)
		return p.v.source.Wrap(err)
	})
	if err != nil {
		return err
	}
	for _, a := range slices.Insert(checksum.Algorithms(), 0, p.algorithm()) {
		var ok bool
		if p.source.told, ok = told.Checksum(a); ok {
			return p.prepareForms(ctx, s, a)
		}
	}
	p.source.sum.why = ErrNoChecksum
	return nil
}

// prepareForms determines the possible forms of the source's checksum.
func (p *Verification) prepareForms(ctx context.Context, s *Source, a checksum.Algorithm) error {
	d := &p.source
	layouts := []checksum.Layout{checksum.Whole(s.info.Size)}
	parts, _ := checksum.ParseValue(a, d.told.Value)
	if parts > 0 || d.told.Type == checksum.Composite {
		if !p.v.opts.Multipart {
			d.sum.why = ErrMultipartOff
			return nil
		}
		if parts == 0 {
			parts, _ = checksum.ParseETag(s.info.ETag)
		}
		layouts, d.sum.guessed, d.sum.why = s.Layouts(ctx, parts)
		if len(layouts) == 0 {
			return nil
		}
	}
	for _, f := range checksum.Forms(a, d.told.Value, d.told.Type, layouts...) {
		if t := p.target.sums; len(t) > 0 && a == p.algorithm() && t[0].Type() == f.Type && t[0].Layout().Equal(f.Layout) {
			d.sums = append(d.sums, t[0])
			continue
		}
		sum, err := checksum.NewSum(a, f.Layout, f.Type)
		if err != nil {
			return fmt.Errorf("checksum of the source: %w", err)
		}
		d.sums = append(d.sums, sum)
	}
	if len(d.sums) == 0 {
		d.sum.why = fmt.Errorf("the source's %s checksum %q makes no sense for it", a, d.told.Value)
	}
	return nil
}
