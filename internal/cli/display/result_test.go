package display

import (
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
)

// The line for people has the right grammar, and says nothing that did not happen.
func TestResult(t *testing.T) {
	for want, tt := range map[string]struct {
		view   view
		stats  s3sync.Stats
		bytes  int64
		report s3sync.Report
		code   int
	}{
		"Done in 0s: transferred nothing":                                                               {},
		"Done in 5s: transferred nothing; skipped 1 object":                                             {stats: s3sync.Stats{Skipped: 1, Elapsed: 5 * time.Second}},
		"Done in 10s: transferred 1 object, 10.0 MiB at 1.00 MiB/s, verified":                           {stats: s3sync.Stats{Transferred: 1, Verified: 1, Elapsed: 10 * time.Second}, bytes: 10 * mib},
		"Done in 10s: transferred 2,000 objects, 10 B at 1 B/s, all verified; deleted 1 object":         {stats: s3sync.Stats{Transferred: 2000, Verified: 2000, Deleted: 1, Elapsed: 10 * time.Second}, bytes: 10},
		"Done with warnings in 10s: transferred 2 objects, 10 B at 1 B/s, 1 verified; 1 warning":        {stats: s3sync.Stats{Transferred: 2, Verified: 1, Warnings: 1, Elapsed: 10 * time.Second}, bytes: 10, code: options.ExitWarning},
		"Failed after 2m00s: transferred nothing; 1 object failed; 2 warnings":                          {stats: s3sync.Stats{Failed: 1, Warnings: 2, Elapsed: 2 * time.Minute}, report: s3sync.Report{Failures: []s3sync.Failure{{Key: "k"}}}, code: options.ExitError},
		"Failed after 0s: transferred nothing; ended by an error":                                       {stats: s3sync.Stats{Failed: 1}, report: s3sync.Report{Incomplete: true}, code: options.ExitError},
		"Interrupted after 1s: transferred nothing; not everything was looked at":                       {stats: s3sync.Stats{Elapsed: time.Second}, report: s3sync.Report{Incomplete: true}, code: options.ExitInterrupt},
		"Dry run, done in 1s: would transfer 1 object, 10 B; would delete 2 objects; skipped 3 objects": {view: view{dryRun: true}, stats: s3sync.Stats{Transferred: 1, Deleted: 2, Skipped: 3, Elapsed: time.Second}, bytes: 10},
		"Dry run, failed after 0s: would transfer nothing; ended by an error":                           {view: view{dryRun: true}, stats: s3sync.Stats{Failed: 1}, report: s3sync.Report{Incomplete: true}, code: options.ExitError},
		"Done in 1s: 2 objects compared, 1 missing or different":                                        {view: view{report: true}, stats: s3sync.Stats{Elapsed: time.Second}, report: s3sync.Report{Status: s3sync.StatusCounts{Objects: 2, NotFound: 1}}, code: options.ExitWarning},
	} {
		tt.report.Stats = tt.stats
		if got := tt.view.result(&s3sync.Progress{DoneBytes: tt.bytes}, Outcome{Report: &tt.report, Code: tt.code}); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}
