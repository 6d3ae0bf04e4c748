package report

import (
	"log/slog"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// ChangeAttr is the name of an attribute of records about objects. It is the
// plan.Change of the object. The attributes behind it have the same names in all such
// records.
const ChangeAttr = "action"

// The record at the end of a dry run has the numbers of objects and of bytes of a
// plan.Change in its name before these suffixes.
const (
	ObjectsSuffix = "_object"
	BytesSuffix   = "_byte"
)

// changeOf returns what an event did to the target, or would do in a dry run. It is
// empty for an event that does nothing to an object.
func (l *logger) changeOf(ev *Event) plan.Change {
	switch ev.Type {
	case EventTransferred:
		if ev.Exists {
			return plan.ChangeOverwrite
		}
		return l.writing()
	case EventTagged:
		if tagsOf(ev).Source == "" {
			return plan.ChangeUntag
		}
		return plan.ChangeTag
	case EventDeleted:
		if ev.Reason == plan.ReasonDeleted {
			return plan.ChangeMark
		}
		return plan.ChangeDelete
	case EventSkipped, EventCancelled:
		return plan.ChangeNone
	default:
		return ""
	}
}

// writing returns what it is to write a new object.
func (l *logger) writing() plan.Change {
	switch source, target := l.source.Load(), l.target.Load(); {
	case source.Local == target.Local:
		return plan.ChangeCopy
	case target.Local:
		return plan.ChangeDownload
	}
	return plan.ChangeUpload
}

// done returns the message for a change that was made, or in a dry run the message that
// it would be made.
func (l *logger) done(ev *Event, msg string) string {
	if l.dry {
		return would(l.changeOf(ev))
	}
	return msg
}

func would(c plan.Change) string { return "would " + string(c) }

// changed appends to the attributes of an event what happens to its object and why. In a
// dry run it also appends where the object is.
func (l *logger) changed(ev *Event, attrs []slog.Attr) []slog.Attr {
	why := ev.Reason.Words()
	switch {
	case !l.dry && (why == "" || ev.Type == EventSkipped || ev.Type == EventCancelled):
		return attrs // these say why in their own words
	case otherSize(ev):
		why = "not newer, other size"
	}
	change := l.changeOf(ev)
	attrs = append(attrs, slog.String(ChangeAttr, string(change)), slog.String("reason", why))
	if l.dry {
		attrs = append(attrs, l.sides(ev, change)...)
	}
	return attrs
}

// sides returns where an object is, and its size.
func (l *logger) sides(ev *Event, change plan.Change) []slog.Attr {
	source, target := slog.String("source", l.source.Load().URL(ev.Key)), slog.String("target", l.target.Load().URL(ev.Key))
	size := func(o storage.Object) slog.Attr { return slog.Int64("size", o.Size) }
	switch {
	case change == plan.ChangeDelete, change == plan.ChangeKeep:
		return []slog.Attr{target, size(ev.Target)}
	case ev.Type == EventTransferred && ev.Exists:
		return []slog.Attr{source, target, slog.Int64("target_size", ev.Target.Size)} // transferred has the size
	case ev.Type == EventTransferred:
		return []slog.Attr{source, target}
	case ev.Type == EventTagged:
		tags := tagsOf(ev)
		return []slog.Attr{source, target, size(ev.Source), slog.String("source_tagging", tags.Source), slog.String("target_tagging", tags.Target)}
	}
	return []slog.Attr{source, target, size(ev.Source)}
}

// Keep logs that an object is not deleted although only the target has it.
func (r *Recorder) Keep(o storage.Object, why plan.Reason) {
	if r.log.dry {
		r.mu.Lock()
		r.changes.add(plan.ChangeKeep, o.Size)
		r.mu.Unlock()
	}
	if !r.log.enabled(slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		slog.String("name", string(why)), slog.String("key", o.Key),
		slog.String("target_key", r.log.target.Load().Path(o.Key)),
	}
	if r.log.dry {
		attrs = append(attrs, slog.String(ChangeAttr, string(plan.ChangeKeep)), slog.String("reason", why.Words()))
		attrs = append(attrs, r.log.sides(&Event{Key: o.Key, Target: o}, plan.ChangeKeep)...)
	}
	r.Log(slog.LevelDebug, "object of the target kept.", attrs...)
}

// changes are the totals of a dry run: how many objects each change concerns, and how
// many bytes these have.
type changes map[plan.Change]struct{ objects, bytes int64 }

func (c changes) add(change plan.Change, size int64) {
	sum := c[change]
	sum.objects, sum.bytes = sum.objects+1, sum.bytes+size
	c[change] = sum
}

// foresee counts what an event would change. What is skipped is counted elsewhere.
func (r *Recorder) foresee(ev *Event) {
	switch change := r.log.changeOf(ev); change {
	case "", plan.ChangeNone:
	case plan.ChangeDelete:
		r.changes.add(change, ev.Target.Size)
	case plan.ChangeTag, plan.ChangeUntag, plan.ChangeMark:
		r.changes.add(change, 0)
	default:
		r.changes.add(change, ev.Source.Size)
	}
}

// foreseen returns the record at the end of a dry run: objects and bytes of every kind
// of change that a run between such sides can make.
func (r *Recorder) foreseen() []slog.Attr {
	var attrs []slog.Attr
	for _, change := range plan.Changes() {
		name, sum := string(change), r.changes[change]
		switch change {
		case plan.ChangeUpload, plan.ChangeDownload, plan.ChangeCopy:
			if change != r.log.writing() {
				continue
			}
		case plan.ChangeNone:
			sum.objects = r.total.Skipped
		default:
		}
		attrs = append(attrs, slog.Int64(name+ObjectsSuffix, sum.objects))
		switch change {
		case plan.ChangeUpload, plan.ChangeDownload, plan.ChangeCopy, plan.ChangeOverwrite, plan.ChangeDelete:
			attrs = append(attrs, slog.Int64(name+BytesSuffix, sum.bytes))
		default:
		}
	}
	return append(attrs,
		slog.Int64("error", r.total.Failed),
		slog.Int64("warning", r.total.Warnings),
		slog.Bool("incomplete", r.partial || r.Incomplete()),
		slog.Float64("duration_sec", r.total.Elapsed.Seconds()))
}
