package s3sync

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// LevelTrace is the level of the most detailed log records, below debug.
const LevelTrace = slog.LevelDebug - 4

// LevelNote is the level of what is worth knowing and no warning, between info
// and warning.
const LevelNote = slog.LevelInfo + 2

// SettingsAttr names the attribute of a record that says which fields of the Config
// its texts name, as a []string of paths and perhaps values, such as
// "Check.ReadBoth" and "Delete.MaxPercent=100".
const SettingsAttr = "settings"

// A logger writes the log records of docs/logging.md. A nil *slog.Logger inside
// writes nothing.
type logger struct {
	slog *slog.Logger
	// sides tell where a relative key ends up.
	source, target place
	// named are the settings that the record names.
	named []string
}

// A place turns relative keys into what a user finds on that side.
type place struct {
	local bool
	// root is the prefix of keys in the bucket, or the directory.
	root string
	// only, if set, is where the one object of the run is, whatever it is called.
	only string
}

func (p place) path(key string) string {
	if p.only != "" {
		return p.only
	}
	if p.local {
		return filepath.Join(p.root, filepath.FromSlash(key))
	}
	return p.root + key
}

func (l *logger) enabled(level slog.Level) bool {
	return l.slog != nil && l.slog.Enabled(context.Background(), level) //nolint:forbidigo // slog wants one; nothing is waited for
}

func (l *logger) write(level slog.Level, msg string, attrs ...slog.Attr) {
	if len(l.named) > 0 {
		attrs = append(attrs, slog.Any(SettingsAttr, l.named))
	}
	if l.slog != nil {
		l.slog.LogAttrs(context.Background(), level, msg, attrs...) //nolint:forbidigo // as in enabled
	}
}

// span writes a record at the beginning of a stage, and returns what writes the
// one at its end.
func (l *logger) span(stage string) (end func()) {
	began := time.Now()
	l.write(slog.LevelDebug, stage, slog.String("span_event", "new"))
	return func() {
		l.write(slog.LevelDebug, stage, slog.String("span_event", "close"),
			slog.Int64("duration_ms", time.Since(began).Milliseconds()))
	}
}

// event writes the record of one event, if it has one.
func (l *logger) event(ev Event) {
	level := levelOf(ev)
	if !l.enabled(level) {
		return
	}
	if named := settingsOf(ev); len(named) > 0 {
		l = &logger{slog: l.slog, source: l.source, target: l.target, named: named}
	}
	switch ev.Type {
	case EventTransferred:
		l.write(level, dry(ev, "sync completed."), l.transferred(ev)...)
	case EventVerified:
		l.write(level, "e_tag verified.", etags(ev)...)
	case EventChecksumVerified:
		l.write(level, "additional checksum verified.", checksums(ev)...)
	case EventNoChecksum:
		l.write(level, "no additional checksum at the source.", slog.String("key", ev.Key))
	case EventUnverified:
		l.write(level, "not verified.", append(etags(ev), errorAttr(ev.Err))...)
	case EventSkipped, EventCancelled:
		l.write(level, filtered(ev), skipped(ev)...)
	case EventTagged:
		l.write(level, dry(ev, tagged(ev)), l.deleted(ev)...)
	case EventStatus:
		l.status(level, ev)
	case EventDeleted:
		l.write(level, dry(ev, "delete completed."), l.deleted(ev)...)
	case EventPerhapsDeleted:
		l.write(level, "may have been deleted.", append(l.deleted(ev), errorAttr(ev.Err))...)
	case EventRetry:
		l.write(level, "attempt failed, trying again.", keyed(ev)...)
	case EventWarning:
		if ev.Key == "" { // a place that cannot be listed, a bound that was reached
			l.write(level, ev.Err.Error())
			return
		}
		l.write(level, "skipped.", append(compared(ev), keyed(ev)...)...)
	case EventFailed:
		if ev.Key != "" { // the failure of the run is Sync's own error: the caller tells it
			l.write(level, "failed.", keyed(ev)...)
		}
	case EventNote:
		if ev.Key == "" {
			l.write(level, ev.Note)
			return
		}
		l.write(level, ev.Note, slog.String("key", ev.Key))
	case EventEnd:
		l.write(level, "sync summary", summary(ev)...)
	case EventStart, EventBegun, EventWritten, EventMismatch, EventProgress:
	}
}

// settingsOf lists the settings that the record of an event names.
func settingsOf(ev Event) []string {
	switch {
	case ev.Type == EventNote:
		return ev.Settings
	case ev.Type == EventSkipped && ev.Reason == ReasonSame && ev.Source.Size != ev.Target.Size:
		return []string{string(sizeMode)}
	}
	return setting.Of(ev.Err)
}

func levelOf(ev Event) slog.Level {
	switch ev.Type {
	case EventTransferred, EventTagged, EventDeleted, EventStatus, EventEnd:
		return slog.LevelInfo
	case EventVerified, EventChecksumVerified, EventBegun, EventWritten, EventMismatch, EventProgress, EventStart:
		return LevelTrace
	case EventUnverified:
		switch {
		case isLayout(ev.Err):
			return slog.LevelWarn
		case errors.Is(ev.Err, errVerifyOff), errors.Is(ev.Err, errMultipartOff):
			return slog.LevelDebug
		}
		return slog.LevelInfo
	case EventSkipped, EventCancelled:
		switch {
		case ev.Reason == ReasonDirectory:
			return slog.LevelWarn
		case ev.Reason == ReasonSame && ev.Source.Size != ev.Target.Size:
			return slog.LevelInfo
		}
		return slog.LevelDebug
	case EventRetry, EventWarning, EventNoChecksum, EventPerhapsDeleted:
		return slog.LevelWarn
	case EventNote:
		return LevelNote
	case EventFailed:
		return slog.LevelError
	}
	return slog.LevelDebug
}

func dry(ev Event, msg string) string {
	if ev.DryRun {
		return "[dry-run] " + msg
	}
	return msg
}

func (l *logger) transferred(ev Event) []slog.Attr {
	if l.target.local {
		return []slog.Attr{
			slog.String("key", ev.Key),
			slog.String("real_path", l.target.path(ev.Key)),
			slog.Int64("size", ev.Source.Size),
		}
	}
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("source_version_id", ev.Source.VersionID),
		slog.String("source_last_modified", stamp(ev.Source.ModTime)),
		slog.String("target_key", l.target.path(ev.Key)),
		slog.Int64("size", ev.Source.Size),
	}
}

// tagged is the message of an object whose tags alone were synced.
func tagged(ev Event) string {
	if ev.SourceTags == "" {
		return "sync(delete tagging only) completed."
	}
	return "sync(tagging only) completed."
}

func (l *logger) deleted(ev Event) []slog.Attr {
	if l.target.local {
		return []slog.Attr{
			slog.String("key", ev.Key),
			slog.String("real_path", l.target.path(ev.Key)),
		}
	}
	attrs := []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("target_version_id", ev.Target.VersionID),
		slog.String("target_key", l.target.path(ev.Key)),
	}
	if id := ev.Source.VersionID; id != "" { // of the delete marker that is synced
		attrs = append(attrs, slog.String("source_version_id", id))
	}
	return attrs
}

// filtered is the message of an object that is left as it is. Scripts read those
// of compared objects.
func filtered(ev Event) string {
	switch ev.Reason {
	case ReasonSameETag:
		return "object filtered. ETags are same."
	case ReasonSameChecksum:
		return "object filtered. Checksums are same."
	default:
		return "object filtered."
	}
}

func skipped(ev Event) []slog.Attr {
	if ev.Reason == ReasonSameETag || ev.Reason == ReasonSameChecksum {
		return append(compared(ev), slog.String("key", ev.Key))
	}
	attrs := []slog.Attr{slog.String("name", string(ev.Reason))}
	if ev.Compared != "" {
		attrs = append(attrs, slog.String("value", ev.Compared))
	}
	if !ev.Target.ModTime.IsZero() {
		attrs = append(attrs, states(ev)...)
		if ev.Reason == ReasonSame && ev.Source.Size != ev.Target.Size {
			attrs = append(attrs, slog.String("note",
				"sizes differ; "+string(sizeMode)+" would transfer it"))
		}
	}
	attrs = append(attrs, slog.String("key", ev.Key))
	if id := ev.Source.VersionID; id != "" {
		attrs = append(attrs, slog.String("version_id", id), slog.Bool("delete_marker", ev.Source.DeleteMarker))
	}
	return attrs
}

// compared tells what an update check compared; nothing if it was not digests.
func compared(ev Event) []slog.Attr {
	if ev.Reason != ReasonSameETag && ev.Reason != ReasonSameChecksum && !errors.Is(ev.Err, errIncomparable) {
		return nil
	}
	attrs := []slog.Attr{slog.String("name", "HeadObjectChecker")}
	if ev.Algorithm != "" {
		attrs = append(attrs,
			slog.String("checksum_algorithm", ev.Algorithm),
			slog.String("source_checksum", ev.SourceChecksum),
			slog.String("target_checksum", ev.TargetChecksum))
	} else {
		attrs = append(attrs,
			slog.String("source_e_tag", ev.Source.ETag),
			slog.String("target_e_tag", ev.Target.ETag))
	}
	return append(attrs, states(ev)...)
}

func states(ev Event) []slog.Attr {
	return []slog.Attr{
		slog.String("source_last_modified", stamp(ev.Source.ModTime)),
		slog.String("target_last_modified", stamp(ev.Target.ModTime)),
		slog.Int64("source_size", ev.Source.Size),
		slog.Int64("target_size", ev.Target.Size),
	}
}

func etags(ev Event) []slog.Attr {
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("source_e_tag", quoted(ev.Source.ETag)),
		slog.String("target_e_tag", quoted(ev.Target.ETag)),
	}
}

func checksums(ev Event) []slog.Attr {
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("additional_checksum_algorithm", ev.Algorithm),
		slog.String("target_checksum", ev.TargetChecksum),
		slog.String("source_checksum", ev.SourceChecksum),
	}
}

func keyed(ev Event) []slog.Attr {
	if ev.Key == "" {
		return []slog.Attr{errorAttr(ev.Err)}
	}
	return []slog.Attr{slog.String("key", ev.Key), errorAttr(ev.Err)}
}

// quoted is an ETag as HTTP writes it (RFC 9110, section 8.8.3).
func quoted(etag string) string {
	if etag == "" {
		return ""
	}
	return `"` + etag + `"`
}

func summary(ev Event) []slog.Attr {
	st := ev.Stats
	// As in the summary of the command: in less than a second, what there was, and
	// of what was not transferred no rates.
	perSecond := func(n int64) int64 {
		if ev.DryRun {
			return 0
		}
		return int64(float64(n) / max(st.Elapsed.Seconds(), 1))
	}
	attrs := []slog.Attr{
		slog.Int64("transferred_byte", st.TransferredBytes),
		slog.Int64("transferred_byte_per_sec", perSecond(st.TransferredBytes)),
		slog.Int64("transferred_object", st.Transferred),
		slog.Int64("transferred_object_per_sec", perSecond(st.Transferred)),
		slog.Int64("etag_verified", st.ETagVerified),
		slog.Int64("checksum_verified", st.ChecksumVerified),
		slog.Int64("unverified", st.Unverified),
		slog.Int64("deleted", st.Deleted),
		slog.Int64("skipped", st.Skipped),
		slog.Int64("error", st.Failed),
		slog.Int64("warning", st.Warnings),
		slog.Float64("duration_sec", st.Elapsed.Seconds()),
	}
	if st.PerhapsDeleted > 0 {
		attrs = append(attrs, slog.Int64("perhaps_deleted", st.PerhapsDeleted))
	}
	return attrs
}

// stamp is a time of a store: UTC with a numeric offset, and three decimals unless
// it is a whole second, as log lines have always had it.
func stamp(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000-07:00")
}

func errorAttr(err error) slog.Attr {
	if err == nil {
		return slog.String("error", "")
	}
	return slog.String("error", err.Error())
}

// placeOf finds where the keys of a side live.
func placeOf(e Endpoint) place {
	if l, ok := storage.As[storage.Locator](e.Store); ok {
		at := l.Location()
		return place{local: at.Directory != "", root: cmp.Or(at.Directory, at.Prefix)}
	}
	loc, err := parseLocation(e.URL)
	if err != nil || e.Store != nil {
		return place{}
	}
	if loc.local() {
		return place{local: true, root: loc.path}
	}
	return place{root: loc.prefix}
}
