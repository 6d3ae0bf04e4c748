package engine

import (
	"context"
	"maps"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/setting"
	"s3sync/internal/tagset"
	"s3sync/storage"
)

// A report says for every source object whether the target holds the same. It uses the
// same comparison as the update checks of a sync, but only reports. So it finds
// objects equal that were uploaded in other part sizes, and sends requests only for
// what the listings do not show.

// Report says what is reported.
type Report struct {
	Enable bool
	// Metadata also compares headers and user metadata, and Tagging tags.
	Metadata, Tagging bool
}

// reportPair reports what the comparison of the pair of an action found, or that it failed
// with err. Its errors are for handle.
func (r *unitRun) reportPair(ctx context.Context, a *plan.Action, d *compare.Decision, err error) error {
	*a = plan.Action{Pair: d.Pair, Reason: d.Reason, Digests: d.Digests, Info: d.SourceInfo}
	if err != nil {
		return err
	}
	p := pairReport{r: r, a: a, d: d}
	return p.run(ctx)
}

// A pairReport reports the result of a comparison. The errors of its methods are for
// handle.
type pairReport struct {
	r *unitRun
	a *plan.Action
	d *compare.Decision
}

func (p *pairReport) run(ctx context.Context) error {
	r, a, d := p.r, p.a, p.d
	passes, err := r.passesContents(ctx, a)
	if err != nil || !passes {
		return err
	}
	if !a.Exists {
		r.notFound(a, nil)
		return nil
	}
	if d.Verdict == checksum.Unknown {
		a.Reason = "" // an unknown result has no reason
	}
	ev := lineOf(a, d, report.AspectETag, report.StatusUnknown)
	ev.Err = d.Err
	if algorithm := r.e.compare.Algorithm(); algorithm != "" {
		ev.Line.Aspect = report.AspectChecksum
		if ev.Checksums == nil {
			ev.Checksums = &report.Checksums{Algorithm: string(algorithm)}
		}
	}
	switch d.Verdict {
	case checksum.Equal:
		ev.Line.Status = report.StatusMatches
	case checksum.Different:
		ev.Line.Status = report.StatusMismatch
	case checksum.Unknown:
	}
	r.record.Emit(ev)
	if r.e.opts.Report.Metadata {
		if err := p.metadata(ctx); err != nil {
			return err
		}
	}
	if r.e.opts.Report.Tagging {
		return p.tags(ctx)
	}
	return nil
}

// notFound reports an object that the target does not have, or cannot have for the
// reason err.
func (r *unitRun) notFound(a *plan.Action, err error) {
	ev := eventOf(report.EventStatus, a)
	ev.Reason, ev.Err = plan.ReasonNew, err
	ev.Line = &report.Line{Aspect: report.AspectExistence, Status: report.StatusNotFound}
	r.record.Emit(ev)
}

// lineOf makes the event of a line with the facts that the stores reported.
func lineOf(a *plan.Action, d *compare.Decision, aspect report.Aspect, status report.Status) report.Event {
	ev := eventOf(report.EventStatus, a)
	if d.SourceInfo != nil {
		ev.Source.VersionID = d.SourceInfo.VersionID
	}
	ev.Line = &report.Line{Aspect: aspect, Status: status}
	return ev
}

// metadata reports whether the metadata of the two sides is the same.
func (p *pairReport) metadata(ctx context.Context) error {
	r, a, d := p.r, p.a, p.d
	told, fields, err := r.e.compare.Metadata(ctx, *d)
	if err != nil || fields == nil { // one object has gone, and is reported already
		return err
	}
	ev := lineOf(a, &told, report.AspectMetadata, report.StatusMatches)
	for _, f := range fields {
		status := report.StatusMismatch
		if f.Equal {
			status = report.StatusMatches
		}
		ev.Line.Fields = append(ev.Line.Fields, report.FieldStatus{Name: f.Name, Status: status, Source: f.Source, Target: f.Target})
	}
	if slices.ContainsFunc(ev.Line.Fields, func(f report.FieldStatus) bool { return f.Status != report.StatusMatches }) {
		ev.Line.Status = report.StatusMismatch
	}
	r.record.Emit(ev)
	return nil
}

// tags reports whether the tags of the two sides are the same.
func (p *pairReport) tags(ctx context.Context) error {
	r, a, d := p.r, p.a, p.d
	source, target, err := r.e.attributes.BothTags(ctx, a.Pair, setting.Textf("%s", setting.Name("Report.Tagging")))
	switch {
	case storage.Gone(err):
		return nil // as in metadata
	case err != nil:
		return err
	}
	ev := lineOf(a, d, report.AspectTagging, report.StatusMismatch)
	if maps.Equal(source, target) {
		ev.Line.Status = report.StatusMatches
	}
	ev.Tags = &report.Tags{Source: tagset.FlattenTags(source), Target: tagset.FlattenTags(target)}
	r.record.Emit(ev)
	return nil
}

// syncTags replaces the tags of an unchanged object by those of the source. Its errors
// are for handle.
func (r *unitRun) syncTags(ctx context.Context, a *plan.Action, lane *report.Lane) error {
	if passes, err := r.passesContents(ctx, a); err != nil || !passes {
		return err
	}
	source, target, err := r.e.attributes.BothTags(ctx, a.Pair, setting.Textf("%s", setting.Name("Tagging.SyncLatest")))
	if err != nil {
		return err
	}
	if maps.Equal(source, target) {
		r.skip(a, a.Reason)
		return nil
	}
	if err := checkTags(a, tagset.FlattenTags(source), tagset.FlattenTags(target)); err != nil {
		return err
	}
	if err := r.e.limits.WaitObject(ctx); err != nil {
		return err
	}
	if err := r.e.carry.setTags(ctx, a, source); err != nil {
		return err
	}
	lane.Done(0)
	ev := eventOf(report.EventTagged, a)
	ev.Reason = plan.ReasonTags
	ev.Tags = &report.Tags{Source: tagset.FlattenTags(source), Target: tagset.FlattenTags(target)}
	r.record.Emit(ev)
	a.Reason, a.Tags, a.OldTags = ev.Reason, ev.Tags.Source, ev.Tags.Target
	r.note(a)
	return nil
}
