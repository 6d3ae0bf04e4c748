package report

import (
	"log/slog"
	"time"

	"s3sync/internal/plan"
)

func transferred(ev *Event, target *Place) []slog.Attr {
	if target.Local {
		return []slog.Attr{
			slog.String("key", ev.Key),
			slog.String("real_path", target.Path(ev.Key)),
			slog.Int64("size", ev.Source.Size),
		}
	}
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("source_version_id", ev.Source.VersionID),
		slog.String("source_last_modified", stamp(ev.Source.ModTime)),
		slog.String("target_key", target.Path(ev.Key)),
		slog.Int64("size", ev.Source.Size),
	}
}

// tagged returns the message for an object of which only the tags were synced.
func tagged(ev *Event) string {
	if tagsOf(ev).Source == "" {
		return "sync(delete tagging only) completed."
	}
	return "sync(tagging only) completed."
}

func deleted(ev *Event, target *Place) []slog.Attr {
	if target.Local {
		return []slog.Attr{
			slog.String("key", ev.Key),
			slog.String("real_path", target.Path(ev.Key)),
		}
	}
	attrs := []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("target_version_id", ev.Target.VersionID),
		slog.String("target_key", target.Path(ev.Key)),
	}
	if id := ev.Source.VersionID; id != "" { // of the delete marker that is synced
		attrs = append(attrs, slog.String("source_version_id", id))
	}
	return attrs
}

// filtered returns the message for a skipped object. Scripts read the messages of
// compared objects.
func filtered(ev *Event) string {
	switch ev.Reason {
	case plan.ReasonSameETag:
		return "object filtered. ETags are same."
	case plan.ReasonSameChecksum:
		return "object filtered. Checksums are same."
	default:
		return "object filtered."
	}
}

func skipped(ev *Event) []slog.Attr {
	if ev.Reason == plan.ReasonSameETag || ev.Reason == plan.ReasonSameChecksum {
		return append(compared(ev), slog.String("key", ev.Key))
	}
	attrs := []slog.Attr{slog.String("name", string(ev.Reason))}
	if ev.Compared != "" {
		attrs = append(attrs, slog.String("value", ev.Compared))
	}
	if !ev.Target.ModTime.IsZero() {
		attrs = append(attrs, states(ev)...)
		if otherSize(ev) {
			attrs = append(attrs, slog.String("note", "sizes differ; "+string(sizeMode)+" would transfer it"))
		}
	}
	attrs = append(attrs, slog.String("key", ev.Key))
	if id := ev.Source.VersionID; id != "" {
		attrs = append(attrs, slog.String("version_id", id), slog.Bool("delete_marker", ev.Source.DeleteMarker))
	}
	return attrs
}

// incomparable returns the values that could not be compared, or nothing if the object
// could be compared.
func incomparable(ev *Event) []slog.Attr {
	if ev.Cause != CauseIncomparable {
		return nil
	}
	return compared(ev)
}

// compared returns the values that an update check compared.
func compared(ev *Event) []slog.Attr {
	attrs := []slog.Attr{slog.String("name", "HeadObjectChecker")}
	if checksumsOf(ev).Algorithm != "" {
		attrs = append(attrs, sumsOf(ev)...)
	} else {
		attrs = append(attrs, plainETags(ev)...)
	}
	return append(attrs, states(ev)...)
}

// sumsOf returns the additional checksums of both sides.
func sumsOf(ev *Event) []slog.Attr {
	sums := checksumsOf(ev)
	return []slog.Attr{
		slog.String("checksum_algorithm", sums.Algorithm),
		slog.String("source_checksum", sums.Source),
		slog.String("target_checksum", sums.Target),
	}
}

// plainETags returns the ETags of both sides without quotes.
func plainETags(ev *Event) []slog.Attr {
	return []slog.Attr{
		slog.String("source_e_tag", ev.Source.ETag),
		slog.String("target_e_tag", ev.Target.ETag),
	}
}

func states(ev *Event) []slog.Attr {
	return []slog.Attr{
		slog.String("source_last_modified", stamp(ev.Source.ModTime)),
		slog.String("target_last_modified", stamp(ev.Target.ModTime)),
		slog.Int64("source_size", ev.Source.Size),
		slog.Int64("target_size", ev.Target.Size),
	}
}

func etags(ev *Event) []slog.Attr {
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("source_e_tag", quoted(ev.Source.ETag)),
		slog.String("target_e_tag", quoted(ev.Target.ETag)),
	}
}

func checksums(ev *Event) []slog.Attr {
	sums := checksumsOf(ev)
	return []slog.Attr{
		slog.String("key", ev.Key),
		slog.String("additional_checksum_algorithm", sums.Algorithm),
		slog.String("target_checksum", sums.Target),
		slog.String("source_checksum", sums.Source),
	}
}

func keyed(ev *Event) []slog.Attr {
	if ev.Key == "" {
		return []slog.Attr{errorAttr(ev.Err)}
	}
	return []slog.Attr{slog.String("key", ev.Key), errorAttr(ev.Err)}
}

// quoted returns an ETag in the form of HTTP (RFC 9110, section 8.8.3).
func quoted(etag string) string {
	if etag == "" {
		return ""
	}
	return `"` + etag + `"`
}

func summary(ev *Event) []slog.Attr {
	st := ev.Stats
	// As in the summary of the command: a run of less than a second counts as one
	// second. The rates of a dry run are zero.
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

// stamp formats a time of a store: UTC with a numeric offset, and three decimals unless
// it is a whole second. Log lines have always had this form.
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
