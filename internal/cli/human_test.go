package cli

import (
	"testing"
	"time"

	"s3sync"
)

// The lines that the README of the seed shows, with the count that we add.
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
			stats:  s3sync.Stats{TransferredBytes: 500, Transferred: 3, Elapsed: 20 * time.Second},
			dryRun: true,
			want:   "500 B | 0 B/sec,  transferred   3 objects | 0 objects/sec,  etag verified 0 objects,  checksum verified 0 objects,  unverified 0 objects,  deleted 0 objects,  skipped 0 objects,  error 0 objects, warning 0 objects,  duration 20 seconds",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := summaryLine(tt.stats, tt.dryRun); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestHumanBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0:                         "0 B",
		1023:                      "1023 B",
		1024:                      "1.00 KiB",
		1536:                      "1.50 KiB",
		1 << 20:                   "1.00 MiB",
		96 << 30:                  "96.00 GiB",
		5 << 40:                   "5.00 TiB",
		3<<50 + 1<<49:             "3.50 PiB",
		9_000_000_000_000_000_000: "7993.61 PiB",
	} {
		if got := humanBytes(n); got != want {
			t.Errorf("humanBytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestHumanDuration(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0:                               "0 seconds",
		499 * time.Millisecond:          "0 seconds",
		500 * time.Millisecond:          "1 second",
		1499 * time.Millisecond:         "1 second",
		1500 * time.Millisecond:         "2 seconds",
		89 * time.Second:                "89 seconds",
		89400 * time.Millisecond:        "89 seconds",
		90 * time.Second:                "2 minutes",
		341 * time.Second:               "6 minutes",
		39*time.Minute + 19*time.Second: "39 minutes",
		89 * time.Minute:                "89 minutes",
		90 * time.Minute:                "2 hours",
		35 * time.Hour:                  "35 hours",
		36 * time.Hour:                  "2 days",
		9 * day:                         "9 days",
		10 * day:                        "2 weeks",
		11 * day:                        "2 weeks",
		77 * 7 * day:                    "77 weeks",
		79 * 7 * day:                    "2 years",
	} {
		if got := humanDuration(d); got != want {
			t.Errorf("humanDuration(%v) = %q, want %q", d, got, want)
		}
	}
}
