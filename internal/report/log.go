package report

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// LevelTrace is the level of the most detailed log records, below debug.
const LevelTrace = slog.LevelDebug - 4

// LevelNote is the level of useful information that is not a warning. It lies between
// info and warning.
const LevelNote = slog.LevelInfo + 2

// SettingsAttr is the name of an attribute of log records. It lists the fields of the
// Config that the texts of the record name, as a []string of paths with optional
// values, such as "Check.ReadBoth" and "Delete.MaxPercent=100".
const SettingsAttr = "settings"

// sizeMode is the setting that transfers objects of different size, whatever their
// times.
const sizeMode = setting.Name("Check.Mode=mtime-and-size")

// A logger writes the log records of docs/logging.md. A nil *slog.Logger inside
// writes nothing.
type logger struct {
	slog *slog.Logger
	// dry: the run changes nothing, and is not a report.
	dry            bool
	source, target atomic.Pointer[Place]
}

func (l *logger) enabled(level slog.Level) bool {
	return l.slog != nil && l.slog.Enabled(context.Background(), level) //nolint:forbidigo // slog wants one; nothing is waited for
}

func (l *logger) write(level slog.Level, msg string, attrs ...slog.Attr) {
	if l.slog != nil {
		l.slog.LogAttrs(context.Background(), level, msg, attrs...) //nolint:forbidigo // as in enabled
	}
}

// SetPlaces sets the places of the objects of both sides.
func (r *Recorder) SetPlaces(source, target Place) {
	r.log.source.Store(&source)
	r.log.target.Store(&target)
}

// Log writes a record that is not an event.
func (r *Recorder) Log(level slog.Level, msg string, attrs ...slog.Attr) {
	r.log.write(level, msg, attrs...)
}

// Span writes a record at the start of a stage. It returns a function that writes the
// record at its end.
func (r *Recorder) Span(stage string) (end func()) {
	began := time.Now()
	r.log.write(slog.LevelDebug, stage, slog.String("span_event", "new"))
	return func() {
		r.log.write(slog.LevelDebug, stage, slog.String("span_event", "close"),
			slog.Int64("duration_ms", time.Since(began).Milliseconds()))
	}
}

// event writes the record of one event, if it has one.
func (l *logger) event(ev *Event) {
	level := levelOf(ev)
	if !l.enabled(level) {
		return
	}
	named := settingsOf(ev)
	write := func(msg string, attrs ...slog.Attr) {
		if len(named) > 0 {
			attrs = append(attrs, slog.Any(SettingsAttr, named))
		}
		l.write(level, msg, attrs...)
	}
	target := l.target.Load()
	switch ev.Type {
	case EventTransferred:
		write(l.done(ev, "sync completed."), l.changed(ev, transferred(ev, target))...)
	case EventVerified:
		write("e_tag verified.", etags(ev)...)
	case EventChecksumVerified:
		write("additional checksum verified.", checksums(ev)...)
	case EventNoChecksum:
		write("no additional checksum at the source.", slog.String("key", ev.Key))
	case EventUnverified:
		write("not verified.", append(etags(ev), errorAttr(ev.Err))...)
	case EventSkipped, EventCancelled:
		write(filtered(ev), l.changed(ev, skipped(ev))...)
	case EventTagged:
		write(l.done(ev, tagged(ev)), l.changed(ev, deleted(ev, target))...)
	case EventStatus:
		writeStatus(ev, write)
	case EventDeleted:
		write(l.done(ev, "delete completed."), l.changed(ev, deleted(ev, target))...)
	case EventPerhapsDeleted:
		write("may have been deleted.", append(deleted(ev, target), errorAttr(ev.Err))...)
	case EventRetry:
		write("attempt failed, trying again.", keyed(ev)...)
	case EventWarning:
		if ev.Key == "" { // a place that cannot be listed, or a bound that was reached
			write(ev.Err.Error())
			return
		}
		write("skipped.", append(incomparable(ev), keyed(ev)...)...)
	case EventFailed:
		if ev.Key != "" { // the failure of the run is Sync's own error: the caller reports it
			write("failed.", keyed(ev)...)
		}
	case EventNote:
		if ev.Key == "" {
			write(ev.Note)
			return
		}
		write(ev.Note, slog.String("key", ev.Key))
	case EventEnd:
		write("sync summary", summary(ev)...)
	case EventStart, EventListed, EventBegun, EventWritten, EventMismatch, EventProgress:
	}
}

// settingsOf lists the settings that the record of an event names.
func settingsOf(ev *Event) []string {
	switch {
	case ev.Type == EventNote:
		return ev.Settings
	case ev.Type == EventSkipped && otherSize(ev):
		return []string{string(sizeMode)}
	}
	return setting.Of(ev.Err)
}

func levelOf(ev *Event) slog.Level {
	switch ev.Type {
	case EventTransferred, EventTagged, EventDeleted, EventStatus, EventEnd:
		return slog.LevelInfo
	case EventVerified, EventChecksumVerified, EventListed, EventBegun, EventWritten, EventMismatch, EventProgress, EventStart:
		return LevelTrace
	case EventUnverified:
		switch ev.Cause {
		case CauseUnknownParts:
			return slog.LevelWarn
		case CauseVerificationOff:
			return slog.LevelDebug
		case CauseOther, CauseIncomparable, CauseUnlisted:
		}
		return slog.LevelInfo
	case EventSkipped, EventCancelled:
		return levelOfSkipped(ev.Reason, ev.Source.Size != ev.Target.Size)
	case EventRetry, EventWarning, EventNoChecksum, EventPerhapsDeleted:
		return slog.LevelWarn
	case EventNote:
		return LevelNote
	case EventFailed:
		if errors.Is(ev.Err, storage.ErrUnusable) {
			return slog.LevelDebug // that ends the run, as Sync says; each worker may have met it
		}
		if _, left := errors.AsType[*plan.LeftError](ev.Err); left {
			return slog.LevelDebug
		}
		return slog.LevelError
	}
	return slog.LevelDebug
}

// levelOfSkipped returns the level of a skipped object, whose sizes differ or not.
func levelOfSkipped(why plan.Reason, sizesDiffer bool) slog.Level {
	switch {
	case why == plan.ReasonDirectory:
		return slog.LevelWarn
	case why == plan.ReasonSame && sizesDiffer:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// otherSize reports whether an object was skipped because of its time although its size
// differs.
func otherSize(ev *Event) bool {
	return ev.Reason == plan.ReasonSame && ev.Source.Size != ev.Target.Size
}
