package cli

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"s3sync"
)

// statusLine returns the line of progress. The program that s3sync replaces printed
// exactly this line, blanks included, and scripts read it.
func statusLine(st s3sync.Stats, bytesPerSecond, objectsPerSecond int64) string {
	return fmt.Sprintf("%s | %s/sec,  transferred %3d objects | %s objects/sec,  etag verified %d objects,  "+
		"checksum verified %d objects,  unverified %d objects,  deleted %d objects,  skipped %d objects,  "+
		"error %d objects, warning %d objects",
		humanBytes(st.TransferredBytes), humanBytes(bytesPerSecond), st.Transferred, humanize.Comma(objectsPerSecond),
		st.ETagVerified, st.ChecksumVerified, st.Unverified, st.Deleted, st.Skipped, st.Failed, st.Warnings)
}

// summaryLine is the last line of a run.
func summaryLine(st s3sync.Stats, dryRun bool) string {
	bytesPerSecond, objectsPerSecond := average(st.TransferredBytes, st.Elapsed), average(st.Transferred, st.Elapsed)
	if dryRun {
		bytesPerSecond, objectsPerSecond = 0, 0
	}
	line := statusLine(st, bytesPerSecond, objectsPerSecond)
	if st.PerhapsDeleted > 0 { // after an interruption; else scripts expect no such text
		line += fmt.Sprintf(",  perhaps deleted %d objects", st.PerhapsDeleted)
	}
	return line + ",  duration " + humanDuration(st.Elapsed)
}

// average is n per second. The first second counts as a whole one.
func average(n int64, elapsed time.Duration) int64 {
	return int64(float64(n) / max(elapsed.Seconds(), 1))
}

// humanBytes formats n bytes: as B below 1 KiB, and with two decimals of a larger unit
// above.
func humanBytes(n int64) string {
	if n < s3sync.KiB {
		return fmt.Sprintf("%d B", n)
	}
	size := float64(n)
	units := []string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	for i, unit := range units {
		size /= 1024
		if size < 1024 || i == len(units)-1 {
			return fmt.Sprintf("%.2f %s", size, unit)
		}
	}
	return ""
}

// humanDuration formats d in the largest unit of which it is at least about one and a
// half. So a unit other than seconds is never used for less than two.
func humanDuration(d time.Duration) string {
	const day = 24 * time.Hour
	units := []struct {
		name string
		size time.Duration
	}{
		{"year", 365 * day},
		{"week", 7 * day},
		{"day", day},
		{"hour", time.Hour},
		{"minute", time.Minute},
		{"second", time.Second},
	}
	for i, unit := range units[:len(units)-1] {
		if d+units[i+1].size/2 >= unit.size+unit.size/2 {
			return fmt.Sprintf("%d %ss", max(2, rounded(d, unit.size)), unit.name)
		}
	}
	n := rounded(d, time.Second)
	if n == 1 {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", n)
}

func rounded(d, unit time.Duration) int64 {
	return int64(math.Round(float64(d) / float64(unit)))
}
