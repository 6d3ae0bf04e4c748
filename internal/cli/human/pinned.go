package human

import (
	"fmt"
	"math"
	"time"
)

// What is in this file was printed so by the program that s3sync replaces, and scripts
// read it.

// Average is n per second. The first second counts as a whole one.
func Average(n int64, elapsed time.Duration) int64 {
	return int64(float64(n) / max(elapsed.Seconds(), 1))
}

// Bytes formats n bytes for the summary: as B below 1 KiB, and with two decimals of a
// larger unit above. Everywhere else Size does.
func Bytes(n int64) string {
	if n < 1<<10 {
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

// Duration formats d in the largest unit of which it is at least about one and a
// half. So a unit other than seconds is never used for less than two.
func Duration(d time.Duration) string {
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
