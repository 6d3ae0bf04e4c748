package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/setting"
)

// What the library says in terms of the Config reaches the user in terms of the
// command, in the log and at the end; keys stay as they are.
func TestMessagesNameOptions(t *testing.T) {
	for _, format := range []string{"--tracing-stderr", "--json-tracing"} {
		c := between(format)
		c.sync = func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
			named := slog.Any(s3sync.SettingsAttr, []string{"Check.ReadBoth"})
			cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "see Check.ReadBoth",
				slog.String("key", "Check.ReadBoth"), slog.String("error", "Check.ReadBoth helps"), named)
			cfg.Logger.With(named).LogAttrs(ctx, slog.LevelWarn, "again Check.ReadBoth")
			err := setting.Errorf("first: %s permits that", setting.Name("Delete.MaxPercent=100"))
			return &s3sync.Report{}, fmt.Errorf("target: %w", errors.Join(err, errors.New("second")))
		}
		if code := c.main(t); code != options.ExitError {
			t.Errorf("exit code %d", code)
		}
		got := c.stdout.String() + c.stderr.String()
		for _, want := range []string{
			"see --read-both", "again --read-both", "--read-both helps", "sync failed: target: first: --max-delete-percent 100 permits that\n",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in\n%s", format, want, got)
			}
		}
		if !strings.Contains(got, `"Check.ReadBoth"`) || strings.Count(got, "Check.ReadBoth") != 1 || strings.Contains(got, s3sync.SettingsAttr) {
			t.Errorf("%s: %s", format, got)
		}
	}
}
