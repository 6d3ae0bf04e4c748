package s3sync

import "log/slog"

// Names of the records of a report, which scripts look for.
const (
	syncStatus     = "SYNC_STATUS"
	metadataStatus = "METADATA_SYNC_STATUS"
	taggingStatus  = "TAGGING_SYNC_STATUS"
	reportSummary  = "REPORT_SUMMARY"
)

// status writes the records of one line of a report.
func (l *logger) status(level slog.Level, ev Event) {
	switch ev.Aspect {
	case AspectMetadata:
		for _, f := range ev.Fields {
			attrs := statusHead(metadataStatus, ev.Aspect, f.Status)
			attrs = append(attrs, slog.String("metadata_name", f.Name), slog.String("key", ev.Key))
			attrs = append(attrs, versions(ev)...)
			attrs = append(attrs, slog.String("source_value", f.Source), slog.String("target_value", f.Target))
			l.write(level, "metadata sync status", attrs...)
		}
	case AspectTagging:
		attrs := append(statusHead(taggingStatus, ev.Aspect, ev.Status), slog.String("key", ev.Key))
		attrs = append(attrs, versions(ev)...)
		attrs = append(attrs, slog.String("source_tagging", ev.SourceTags), slog.String("target_tagging", ev.TargetTags))
		l.write(level, "tagging sync status", attrs...)
	case AspectExistence, AspectETag, AspectChecksum:
		l.write(level, "sync status", contentStatus(ev)...)
	}
}

func statusHead(name string, aspect Aspect, status Status) []slog.Attr {
	return []slog.Attr{
		slog.String("name", name),
		slog.String("type", string(aspect)),
		slog.String("status", string(status)),
	}
}

func versions(ev Event) []slog.Attr {
	return []slog.Attr{
		slog.String("source_version_id", ev.Source.VersionID),
		slog.String("target_version_id", ev.Target.VersionID),
	}
}

func contentStatus(ev Event) []slog.Attr {
	attrs := append(statusHead(syncStatus, ev.Aspect, ev.Status), slog.String("key", ev.Key))
	if ev.Aspect == AspectExistence {
		attrs = append(attrs,
			slog.String("source_version_id", ev.Source.VersionID),
			slog.String("source_e_tag", ev.Source.ETag),
			slog.String("source_last_modified", stamp(ev.Source.ModTime)),
			slog.Int64("source_size", ev.Source.Size))
	} else {
		attrs = append(attrs, evidenceAttrs(ev)...)
		attrs = append(attrs, versions(ev)...)
		attrs = append(attrs, states(ev)...)
	}
	if ev.Err != nil {
		attrs = append(attrs, errorAttr(ev.Err))
	}
	return attrs
}

// evidenceAttrs are the digests of the aspect, and those that stood in for them.
func evidenceAttrs(ev Event) []slog.Attr {
	var attrs []slog.Attr
	if ev.Aspect == AspectChecksum || ev.Algorithm != "" {
		attrs = []slog.Attr{
			slog.String("checksum_algorithm", ev.Algorithm),
			slog.String("source_checksum", ev.SourceChecksum),
			slog.String("target_checksum", ev.TargetChecksum),
		}
	}
	if ev.Aspect == AspectETag || ev.Reason == ReasonSameETag {
		attrs = append(attrs,
			slog.String("source_e_tag", ev.Source.ETag),
			slog.String("target_e_tag", ev.Target.ETag))
	}
	return attrs
}

// statusSummary is the record at the end of a report.
func statusSummary(c StatusCounts) []slog.Attr {
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
