package cli

import (
	"log/slog"
	"slices"
	"strings"

	"s3sync"
	"s3sync/internal/setting"
)

// The library names settings by their paths in the Config. Users of the command
// know them as options.

// spell is a setting as one types it.
func (c *command) spell(name string) string {
	o := c.bound(name)
	if o == nil {
		return name
	}
	if _, value, ok := strings.Cut(name, "="); ok && o.sets != name && o.value.kind == single {
		return o.title() + " " + value
	}
	return o.title()
}

// errorText is the text of an error of the library, with options in place of
// settings.
func (c *command) errorText(err error) string {
	return setting.Spell(err.Error(), setting.Of(err), c.spell)
}

// spellRecord puts options in the place of the settings that a record names, and
// drops the attribute that says so.
func spellRecord(r *slog.Record, fields []slog.Attr, spell func(string) string) []slog.Attr {
	i := slices.IndexFunc(fields, func(a slog.Attr) bool { return a.Key == s3sync.SettingsAttr })
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
