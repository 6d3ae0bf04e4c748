package report

import (
	"log/slog"

	"s3sync/internal/plan"
)

// Names of the records of a report, which scripts look for.
const (
	syncStatus     = "SYNC_STATUS"
	metadataStatus = "METADATA_SYNC_STATUS"
	taggingStatus  = "TAGGING_SYNC_STATUS"
	reportSummary  = "REPORT_SUMMARY"
)

// writeStatus writes the records of one line of a report.
func writeStatus(ev *Event, write func(msg string, attrs ...slog.Attr)) {
	switch ev.Line.Aspect {
	case AspectMetadata:
		for _, f := range ev.Line.Fields {
			attrs := statusHead(metadataStatus, AspectMetadata, f.Status)
			attrs = append(attrs, slog.String("metadata_name", f.Name), slog.String("key", ev.Key))
			attrs = append(attrs, versions(ev)...)
			attrs = append(attrs, slog.String("source_value", f.Source), slog.String("target_value", f.Target))
			write("metadata sync status", attrs...)
		}
	case AspectTagging:
		tags := tagsOf(ev)
		attrs := append(statusHead(taggingStatus, AspectTagging, ev.Line.Status), slog.String("key", ev.Key))
		attrs = append(attrs, versions(ev)...)
		attrs = append(attrs, slog.String("source_tagging", tags.Source), slog.String("target_tagging", tags.Target))
		write("tagging sync status", attrs...)
	case AspectExistence, AspectETag, AspectChecksum:
		write("sync status", contentStatus(ev)...)
	}
}

func statusHead(name string, aspect Aspect, status Status) []slog.Attr {
	return []slog.Attr{
		slog.String("name", name),
		slog.String("type", string(aspect)),
		slog.String("status", string(status)),
	}
}

func versions(ev *Event) []slog.Attr {
	return []slog.Attr{
		slog.String("source_version_id", ev.Source.VersionID),
		slog.String("target_version_id", ev.Target.VersionID),
	}
}

func contentStatus(ev *Event) []slog.Attr {
	attrs := append(statusHead(syncStatus, ev.Line.Aspect, ev.Line.Status), slog.String("key", ev.Key))
	if ev.Line.Aspect == AspectExistence {
		attrs = append(attrs,
			slog.String("source_version_id", ev.Source.VersionID),
			slog.String("source_e_tag", ev.Source.ETag),
			slog.String("source_last_modified", stamp(ev.Source.ModTime)),
			slog.Int64("source_size", ev.Source.Size))
	} else {
		attrs = append(attrs, digests(ev)...)
		attrs = append(attrs, versions(ev)...)
		attrs = append(attrs, states(ev)...)
	}
	if ev.Err != nil {
		attrs = append(attrs, errorAttr(ev.Err))
	}
	return attrs
}

// digests returns the digests of the aspect, and those that replaced them.
func digests(ev *Event) []slog.Attr {
	var attrs []slog.Attr
	if ev.Line.Aspect == AspectChecksum || checksumsOf(ev).Algorithm != "" {
		attrs = sumsOf(ev)
	}
	if ev.Line.Aspect == AspectETag || ev.Reason == plan.ReasonSameETag {
		attrs = append(attrs, plainETags(ev)...)
	}
	return attrs
}

// statusSummary returns the record at the end of a report.
func statusSummary(c *StatusCounts) []slog.Attr {
	return []slog.Attr{
		slog.String("name", reportSummary),
		slog.Int64("number_of_objects", c.Objects),
		slog.Int64("etag_matches", c.ETag.Matches),
		slog.Int64("checksum_matches", c.Checksum.Matches),
		slog.Int64("metadata_matches", c.Metadata.Matches),
		slog.Int64("tagging_matches", c.Tagging.Matches),
		slog.Int64("not_found", c.NotFound),
		slog.Int64("etag_mismatch", c.ETag.Mismatch),
		slog.Int64("checksum_mismatch", c.Checksum.Mismatch),
		slog.Int64("metadata_mismatch", c.Metadata.Mismatch),
		slog.Int64("tagging_mismatch", c.Tagging.Mismatch),
		slog.Int64("etag_unknown", c.ETag.Unknown),
		slog.Int64("checksum_unknown", c.Checksum.Unknown),
	}
}
