package display

import (
	"testing"
	"time"

	"s3sync"
)

// The lines that the README of the seed shows, with the count that we add. Of dry runs it
// shows only such that would do nothing.
func TestSummaryLine(t *testing.T) {
	for name, tt := range map[string]struct {
		stats  s3sync.Stats
		dryRun bool
		want   string
	}{
		"one object": {
			stats: s3sync.Stats{TransferredBytes: 31457280, Transferred: 1, ETagVerified: 1, ChecksumVerified: 1, Elapsed: 1335 * time.Millisecond},
			want:  "30.00 MiB | 22.47 MiB/sec,  transferred   1 objects | 0 objects/sec,  etag verified 1 objects,  checksum verified 1 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  error 0 objects, warning 0 objects,  duration 1 second",
		},
		"many": {
			stats: s3sync.Stats{TransferredBytes: 1024_000_000, Transferred: 100000, ETagVerified: 99999, Unverified: 1, Deleted: 2, Skipped: 3, Failed: 4, Warnings: 5, Elapsed: 25117 * time.Millisecond},
			want:  "976.56 MiB | 38.88 MiB/sec,  transferred 100000 objects | 3,981 objects/sec,  etag verified 99999 objects,  checksum verified 0 objects,  unverified 1 objects,  deleted 2 objects,  skipped 3 objects,  error 4 objects, warning 5 objects,  duration 25 seconds",
		},
		"less than a second": {
			stats: s3sync.Stats{TransferredBytes: 3000, Transferred: 3, Elapsed: 100 * time.Millisecond},
			want:  "2.93 KiB | 2.93 KiB/sec,  transferred   3 objects | 3 objects/sec,  etag verified 0 objects,  checksum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  error 0 objects, warning 0 objects,  duration 0 seconds",
		},
		"dry run": {
			stats:  s3sync.Stats{TransferredBytes: 500, Transferred: 3, Deleted: 2, Elapsed: 20 * time.Second},
			dryRun: true,
			want:   "500 B | 0 B/sec,  would be transferred   3 objects | 0 objects/sec,  etag verified 0 objects,  checksum verified 0 objects,  unverified 0 objects,  would be deleted 2 objects,  skipped 0 objects,  error 0 objects, warning 0 objects,  duration 20 seconds",
		},
		"dry run that would do nothing": {
			stats:  s3sync.Stats{Skipped: 3},
			dryRun: true,
			want:   "0 B | 0 B/sec,  transferred   0 objects | 0 objects/sec,  etag verified 0 objects,  checksum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 3 objects,  error 0 objects, warning 0 objects,  duration 0 seconds",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Summary(tt.stats, tt.dryRun); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}
