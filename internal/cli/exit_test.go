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
		status     s3sync.StatusCounts
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
		"in sync":                {status: s3sync.StatusCounts{Objects: 1, ETag: s3sync.AspectCounts{Matches: 1}}, want: 0},
		"not found":              {status: s3sync.StatusCounts{Objects: 1, NotFound: 1}, want: 3},
		"out of sync":            {status: s3sync.StatusCounts{Checksum: s3sync.AspectCounts{Mismatch: 1}}, want: 3},
		"unknown":                {status: s3sync.StatusCounts{ETag: s3sync.AspectCounts{Unknown: 1}}, want: 3},
		"other metadata":         {status: s3sync.StatusCounts{Metadata: s3sync.AspectCounts{Mismatch: 1}}, want: 3},
		"a report that failed":   {status: s3sync.StatusCounts{NotFound: 1}, stats: s3sync.Stats{Failed: 1}, want: 1},
		"error and warning":      {stats: s3sync.Stats{Warnings: 1}, err: broken, want: 1},
		"bug":                    {err: bug, want: 101},
		"bug while interrupted":  {err: bug, sig: os.Interrupt, want: 101},
		"interrupted":            {err: broken, sig: os.Interrupt, want: 130},
		"interrupted at the end": {sig: os.Interrupt, want: 130},
		"terminated":             {stats: s3sync.Stats{Failed: 1}, err: broken, sig: syscall.SIGTERM, want: 143},
	} {
		t.Run(name, func(t *testing.T) {
			report := &s3sync.Report{Stats: tt.stats, Status: tt.status, Incomplete: tt.incomplete}
			if got := exitCode(report, tt.err, tt.sig); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
	if got := exitCode(nil, broken, nil); got != 1 {
		t.Errorf("without a report: %d", got)
	}
}
