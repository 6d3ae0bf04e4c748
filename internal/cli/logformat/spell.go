package logformat

import (
	"log/slog"
	"slices"

	"s3sync/internal/report"
	"s3sync/internal/setting"
)

// spellRecord replaces the settings that a record names by options, and drops the
// attribute that lists them.
func spellRecord(r *slog.Record, fields []slog.Attr, spell func(string) string) []slog.Attr {
	i := slices.IndexFunc(fields, func(a slog.Attr) bool { return a.Key == report.SettingsAttr })
	if i < 0 || spell == nil {
		return fields
	}
	names, _ := fields[i].Value.Any().([]string)
	r.Message = setting.Spell(r.Message, names, spell)
	fields = slices.Concat(fields[:i], fields[i+1:])
	for i, a := range fields {
		if a.Key == "error" || a.Key == "note" {
			fields[i].Value = slog.StringValue(setting.Spell(a.Value.String(), names, spell))
		}
	}
	return fields
}
