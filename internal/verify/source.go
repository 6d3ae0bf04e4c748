package verify

import (
	"context"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// A Source is an object that is open, as its verification sees it. It asks the
// store for the sizes of the parts at most once. It is for one goroutine.
type Source struct {
	v     *Verifier
	r     storage.Reader
	info  *storage.Info
	query storage.PartsQuery

	asked bool
	sizes []int64
	// err is why a store that could tell the sizes did not: the failure of the object.
	err error
}

// Source returns what is known of an object that is open for an attempt, counted
// from 0. info is that of the Reader, which stays the caller's.
func (v *Verifier) Source(r storage.Reader, info *storage.Info, attempt int) Source {
	return Source{v: v, r: r, info: info, query: v.PartsQuery(attempt)}
}

// Layouts returns the layouts in which an object of that many parts can have been
// written; 0 parts is an object written whole. guessed reports that they are only
// likely. The error is ErrUnknownLayout if the store cannot tell and nothing can be
// guessed; any other one is the failure of the object.
func (s *Source) Layouts(ctx context.Context, parts int) (layouts []checksum.Layout, guessed bool, err error) {
	if parts > 0 {
		if err := s.ask(ctx); err != nil {
			return nil, false, err
		}
	}
	layouts, guessed = checksum.Layouts(s.info.Size, parts, s.sizes, s.v.opts.ChunkSize)
	if len(layouts) == 0 {
		return nil, false, ErrUnknownLayout
	}
	// The ETag of an object in one part that the store cannot tell of need not be
	// a digest.
	one := parts == 1 && (len(s.sizes) != 1 || s.sizes[0] != s.info.Size)
	return layouts, guessed || one, nil
}

// ask asks the store for the sizes of the parts, unless that was done.
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

// prepareSource decides what is computed of the object that is read.
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
			d.etags = append(d.etags, checksum.NewETag(layout))
		}
	}
}

// prepareSourceSum takes the additional checksum of the source that is written
// to the target, too, or else the one that is cheapest to compute.
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

// prepareForms finds the ways in which the source's checksum can have been made.
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
