package options

import (
	"strings"

	"s3sync/internal/setting"
)

// The library names settings by their paths in the Config. Users of the command
// know them as options.

// Spell returns the name of a setting as the user types it.
func (l *Line) Spell(name string) string {
	o := l.bound(name)
	if o == nil {
		return name
	}
	if _, value, ok := strings.Cut(name, "="); ok && o.sets != name && o.value.takesText() {
		return o.title() + " " + value
	}
	return o.title()
}

// ErrorText returns the text of an error of the library, with options in place of
// settings.
func (l *Line) ErrorText(err error) string {
	return setting.Spell(err.Error(), setting.Of(err), l.Spell)
}
