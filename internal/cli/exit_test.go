package cli

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"s3sync"
)

func TestExitCode(t *testing.T) {
	broken := errors.New("broken")
	bug := fmt.Errorf("sync: %w", panicError{broken})
	refused := errors.Join(&s3sync.ConfigError{Reason: "is wrong"})
	for name, tt := range map[string]struct {
		stats      s3sync.Stats
		incomplete bool
		err        error
		sig        os.Signal
		want       int
	}{
		"nothing to say":         {want: 0},
		"transferred":            {stats: s3sync.Stats{Transferred: 1, Skipped: 1, Unverified: 1, Deleted: 1}, want: 0},
		"error":                  {err: broken, want: 1},
		"failed object":          {stats: s3sync.Stats{Failed: 1}, want: 1},
		"failed and warned":      {stats: s3sync.Stats{Failed: 1, Warnings: 1}, want: 1},
		"refused":                {err: refused, want: 2},
		"warning":                {stats: s3sync.Stats{Warnings: 1}, want: 3},
		"incomplete":             {incomplete: true, want: 3},
		"error and warning":      {stats: s3sync.Stats{Warnings: 1}, err: broken, want: 1},
		"bug":                    {err: bug, want: 101},
		"bug while interrupted":  {err: bug, sig: os.Interrupt, want: 101},
		"interrupted":            {err: broken, sig: os.Interrupt, want: 130},
		"interrupted at the end": {sig: os.Interrupt, want: 130},
		"terminated":             {stats: s3sync.Stats{Failed: 1}, err: broken, sig: syscall.SIGTERM, want: 143},
	} {
		t.Run(name, func(t *testing.T) {
			report := &s3sync.Report{Stats: tt.stats, Incomplete: tt.incomplete}
			if got := exitCode(report, tt.err, tt.sig); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	if got := exitCode(nil, broken, nil); got != 1 {
		t.Errorf("without a report: %d", got)
	}
}
