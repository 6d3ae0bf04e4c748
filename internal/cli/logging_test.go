package cli

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"s3sync"
)

// Nobody gets colours who is not a terminal.
func TestNoColours(t *testing.T) {
	c := newCommand((&call{}).process(t))
	if c.colours(&bytes.Buffer{}) {
		t.Error("colours in a buffer")
	}
}

// A dry run tells at -v also what it would skip, and at -vv the details. Without a dry
// run nothing changes.
func TestSkipsAreShown(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"dry run":           {[]string{"--dry-run"}, "done\n"},
		"quiet":             {[]string{"--dry-run", "-qq"}, "done\n"},
		"-v":                {[]string{"--dry-run", "-v"}, "skip (same)                  a  1 B\ndone\n"},
		"-vv":               {[]string{"--dry-run", "-vv"}, "skipped key=\"a\"\ndetail\ndone\n"},
		"-v, no dry run":    {[]string{"-v"}, "done\n"},
		"-vv, no dry run":   {[]string{"-vv"}, "skipped key=\"a\"\ndetail\ndone\n"},
		"JSON, -v":          {[]string{"--dry-run", "-v", "--json-tracing"}, `"skipped","key":"a","action":"skip","reason":"same","size":1}}` + "\n\"done\"}}\n"},
		"JSON, no more":     {[]string{"--dry-run", "--json-tracing"}, "\"done\"}}\n"},
		"on standard error": {[]string{"--dry-run", "-v", "--tracing-stderr"}, "skip (same)                  a  1 B\ndone\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.sync = func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "skipped", slog.String("key", "a"), slog.String("action", "skip"), slog.String("reason", "same"), slog.Int64("size", 1))
				cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "detail")
				cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "done")
				return nil, nil
			}
			if code := c.main(t); code != 0 {
				t.Fatalf("exit code %d: %s", code, c.stderr.String())
			}
			var got strings.Builder
			for line := range strings.Lines(c.stdout.String() + c.stderr.String()) {
				for _, front := range []string{"DEBUG ", " INFO ", `"message":`} {
					if _, rest, ok := strings.Cut(line, front); ok {
						line = rest
					}
				}
				got.WriteString(line)
			}
			if got.String() != tt.want {
				t.Errorf("got\n%swant\n%s", &got, tt.want)
			}
		})
	}
}
