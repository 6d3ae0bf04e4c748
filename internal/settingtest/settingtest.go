// Package settingtest checks that texts name settings so that the command can put its
// options in place of them: package setting tells how.
package settingtest

import (
	"errors"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/fields"
	"s3sync/internal/setting"
)

// Text fails the test if a text mentions a field of a group of the Config, such as
// Check.ReadBoth, that is not among the settings it comes with.
func Text(t testing.TB, text string, settings []string) {
	t.Helper()
	rest := setting.Spell(text, settings, func(string) string { return "--option" })
	for f := range fields.Of(new(s3sync.Config)) {
		if strings.Contains(f.Path, ".") && strings.Contains(rest, f.Path) {
			t.Errorf("%q names %s, but comes with the settings %q only", text, f.Path, settings)
			return
		}
	}
}

// Error is Text of an error. The fields of a ConfigError need no settings.
func Error(t testing.TB, err error) {
	t.Helper()
	if _, ok := errors.AsType[*s3sync.ConfigError](err); err != nil && !ok {
		Text(t, err.Error(), setting.Of(err))
	}
}

// Watch checks the events of a run from now on. The function that it returns checks the
// result, and ends that.
func Watch(t testing.TB, cfg *s3sync.Config) (end func(*s3sync.Report, error)) {
	t.Helper()
	observe := cfg.OnEvent
	cfg.OnEvent = func(ev s3sync.Event) {
		Error(t, ev.Err)
		Text(t, ev.Note, ev.Settings)
		if observe != nil {
			observe(ev)
		}
	}
	return func(report *s3sync.Report, err error) {
		cfg.OnEvent = observe
		Error(t, err)
		if report != nil {
			for _, f := range report.Failures {
				Error(t, f.Err)
			}
		}
	}
}
