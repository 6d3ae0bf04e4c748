package logformat

import (
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"s3sync/internal/cli/human"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/visible"
)

// A dry run without JSON prints lines that a user reviews, in place of log records:
//
//	upload (new)                 a.txt → s3://b/a.txt  12.30 MiB
//
// A preview formats them. All other records have their usual form.
type preview struct {
	records func(buf []byte, r slog.Record, fields []slog.Attr) []byte
	// details: skipped objects are log records with the values that were compared.
	// Scripts read these.
	details bool
	colours bool
}

// PreviewColumn is the width of the first column of a preview. The longest common
// content is "overwrite (checksum differs)".
const PreviewColumn = 28

func (p *preview) append(buf []byte, r slog.Record, fields []slog.Attr) []byte {
	if r.Message == "dry run summary" {
		return append(buf, previewTotals(fields)...)
	}
	change, ok := fieldOf(fields, report.ChangeAttr)
	detail := r.Level < levelInfo && p.details
	if !ok || r.Level >= levelNote || detail {
		return p.records(buf, r, fields)
	}
	return p.line(buf, plan.Change(change), fields)
}

// line appends the line of one object.
func (p *preview) line(buf []byte, change plan.Change, fields []slog.Attr) []byte {
	get := func(name string) string { text, _ := fieldOf(fields, name); return text }
	what := fmt.Sprintf("%-*s", PreviewColumn, fmt.Sprintf("%s (%s)", change, get("reason")))
	if p.colours {
		what = colourOf(change) + what + "\x1b[0m"
	}
	buf = append(append(buf, what...), ' ')
	switch change {
	case plan.ChangeDelete, plan.ChangeKeep:
		buf = AppendKey(buf, get("target"))
	case plan.ChangeNone:
		buf = AppendKey(buf, get("key"))
	default:
		buf = AppendKey(buf, get("key"))
		buf = append(buf, " → "...)
		buf = AppendKey(buf, get("target"))
	}
	for _, name := range []string{"source_version_id", "version_id"} {
		if id := get(name); id != "" {
			buf = AppendKey(append(buf, "  version "...), id)
		}
	}
	if change != plan.ChangeMark {
		buf = append(append(buf, "  "...), human.Size(numberOf(fields, "size"))...)
	}
	if old := numberOf(fields, "target_size"); change == plan.ChangeOverwrite && old != numberOf(fields, "size") {
		buf = fmt.Appendf(buf, ", was %s", human.Size(old))
	}
	return buf
}

// previewTotals returns the line at the end of a dry run.
func previewTotals(fields []slog.Attr) string {
	var changed, left []string
	for _, change := range plan.Changes() {
		name := string(change)
		n := numberOf(fields, name+report.ObjectsSuffix)
		if n == 0 {
			continue
		}
		text := fmt.Sprintf("%s %d", change, n)
		if change == plan.ChangeNone || change == plan.ChangeKeep {
			left = append(left, text)
			continue
		}
		if len(changed) == 0 {
			text += " object"
			if n > 1 {
				text += "s"
			}
		}
		if _, ok := fieldOf(fields, name+report.BytesSuffix); ok {
			text += ", " + human.Size(numberOf(fields, name+report.BytesSuffix))
		}
		changed = append(changed, text)
	}
	head, would, nothing := "dry run", "would ", "would change nothing"
	if incomplete, _ := fieldOf(fields, "incomplete"); incomplete == "true" {
		head, would, nothing = "dry run, not complete", "would at least ", "nothing to do was found"
	}
	if len(changed) == 0 {
		changed, would = []string{nothing}, ""
	}
	return head + ", nothing was changed: " + would + strings.Join(append(changed, left...), "; ")
}

// AppendKey appends a key or path. It is quoted if it could be taken for something else:
// for several lines, for the rest of the line, or for a quoted key.
func AppendKey(buf []byte, key string) []byte {
	misleads := key == "" || strings.TrimSpace(key) != key || key[0] == '"' || strings.Contains(key, "  ") || strings.Contains(key, "→") ||
		!utf8.ValidString(key) || strings.ContainsFunc(key, visible.Draws)
	if misleads {
		return strconv.AppendQuote(buf, key)
	}
	return append(buf, key...)
}

func colourOf(change plan.Change) string {
	switch change {
	case plan.ChangeDelete, plan.ChangeMark, plan.ChangeUntag:
		return "\x1b[31m"
	case plan.ChangeOverwrite, plan.ChangeTag:
		return "\x1b[33m"
	case plan.ChangeUpload, plan.ChangeDownload, plan.ChangeCopy:
		return "\x1b[32m"
	case plan.ChangeNone, plan.ChangeKeep:
	}
	return "\x1b[2m"
}

func fieldOf(fields []slog.Attr, name string) (text string, ok bool) {
	i := slices.IndexFunc(fields, func(a slog.Attr) bool { return a.Key == name })
	if i < 0 {
		return "", false
	}
	return fields[i].Value.String(), true
}

func numberOf(fields []slog.Attr, name string) int64 {
	text, _ := fieldOf(fields, name)
	n, _ := strconv.ParseInt(text, 10, 64) // a field that is missing counts as 0
	return n
}

// pinned leaves out what JSON says in addition about a change, because scripts know the
// text of these records as it ends before it.
func pinned(format func([]byte, slog.Record, []slog.Attr) []byte) func([]byte, slog.Record, []slog.Attr) []byte {
	return func(buf []byte, r slog.Record, fields []slog.Attr) []byte {
		if i := slices.IndexFunc(fields, func(a slog.Attr) bool { return a.Key == report.ChangeAttr }); i >= 0 {
			fields = fields[:i]
		}
		return format(buf, r, fields)
	}
}
