package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"s3sync"
)

// Where nothing is drawn, lines come at the times that --stats gives, and only in a log that
// has room for notes.
func TestStats(t *testing.T) {
	line := "NOTE 10 B of 20 B (50%), 0 B/s, 1 of 2 objects, 1 verified, 0 skipped, 0 failed"
	record := `"level":"NOTE","fields":{"message":"progress","name":"PROGRESS","done_byte":10,"found_byte":20,"byte_per_sec":0,"done_object":1,"found_object":2,` +
		`"listed":true,"in_flight":1,"verified":1,"skipped":0,"deleted":0,"error":0,"warning":0,"retry":0,"duration_sec":60.25}`
	for name, tt := range map[string]struct {
		args           []string
		asked          bool
		stderr, stdout int
		line           string
	}{
		"each minute":   {asked: true, stderr: 2, line: line},
		"each 30 s":     {args: []string{"--stats=30s"}, asked: true, stderr: 4, line: line},
		"each hour":     {args: []string{"--stats=1h"}, asked: true, line: line},
		"JSON":          {args: []string{"--json-tracing"}, asked: true, stdout: 2, line: record},
		"never":         {args: []string{"--stats=0"}, line: line},
		"only errors":   {args: []string{"-q"}, asked: true, line: line},
		"not wanted":    {args: []string{"--show-no-progress"}, line: line},
		"as much as -v": {args: []string{"-v"}, asked: true, stderr: 2, line: line},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.sync = func(_ context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
				if (cfg.OnProgress != nil) != tt.asked {
					t.Errorf("asked for progress: %v", cfg.OnProgress != nil)
				}
				for at := 250 * time.Millisecond; cfg.OnProgress != nil && at < 150*time.Second; at += 15 * time.Second {
					cfg.OnProgress(s3sync.Progress{
						Stats: s3sync.Stats{Elapsed: at, Verified: 1}, Found: 2, FoundBytes: 20, Done: 1, DoneBytes: 10, Listed: true, Active: 1,
					})
				}
				return &s3sync.Report{}, nil
			}
			if code := c.main(t); code != 0 {
				t.Errorf("code %d", code)
			}
			if got := [2]int{strings.Count(c.stderr.String(), "10 B of 20 B"), strings.Count(c.stdout.String(), `"done_byte":10`)}; got != [2]int{tt.stderr, tt.stdout} {
				t.Errorf("%v lines, want %d and %d", got, tt.stderr, tt.stdout)
			}
			if all := c.stderr.String() + c.stdout.String(); tt.stderr+tt.stdout > 0 && !strings.Contains(all, tt.line) {
				t.Errorf("%s is not in\n%s", tt.line, all)
			}
		})
	}
}
