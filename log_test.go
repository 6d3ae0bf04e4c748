package s3sync

import (
	"log/slog"
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	for want, at := range map[string]time.Time{
		"2024-06-15T01:02:27+00:00":     time.Date(2024, 6, 15, 1, 2, 27, 0, time.UTC),
		"2024-06-15T01:02:27.690+00:00": time.Date(2024, 6, 15, 1, 2, 27, 690_000_000, time.UTC),
		"2024-06-15T01:02:27.700+00:00": time.Date(2024, 6, 15, 1, 2, 27, 700_000_000, time.UTC),
		"2024-06-15T01:02:27.006+00:00": time.Date(2024, 6, 15, 1, 2, 27, 6_999_999, time.UTC),
		"2024-06-15T01:02:27.000+00:00": time.Date(2024, 6, 15, 3, 2, 27, 1, time.FixedZone("", 2*3600)),
	} {
		if got := stamp(at); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Nothing was transferred in a dry run, so that there are no rates.
func TestSummaryOfADryRun(t *testing.T) {
	st := Stats{TransferredBytes: 4096, Transferred: 8, Elapsed: 2 * time.Second}
	for dry, want := range map[bool][2]int64{false: {2048, 4}, true: {0, 0}} {
		values := map[string]slog.Value{}
		for _, a := range summary(Event{Type: EventEnd, DryRun: dry, Stats: st}) {
			values[a.Key] = a.Value
		}
		got := [2]int64{values["transferred_byte_per_sec"].Int64(), values["transferred_object_per_sec"].Int64()}
		if got != want || values["transferred_byte"].Int64() != 4096 {
			t.Errorf("dry run %v: got %v, want %v", dry, got, want)
		}
	}
}
