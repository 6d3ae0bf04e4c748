// Package human writes numbers as people read them: sizes, durations, and counts with their
// nouns; and it shortens names to a width.
package human

import (
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/mattn/go-runewidth"
)

// Noun returns the form of a regular Noun for n of them.
func Noun(n int64, one string) string {
	if n == 1 {
		return one
	}
	return one + "s"
}

// Retries returns the noun for n retries.
func Retries(n int64) string {
	if n == 1 {
		return "retry"
	}
	return "retries"
}

// Size formats n bytes: with three digits, and exactly below 1 KiB. All sizes that people
// read have this form, except those of the summary, which scripts read.
func Size(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	units := "KMGTPE"
	for i := range units {
		v /= 1024
		unit := units[i:i+1] + "iB"
		switch {
		case v < 9.995:
			return fmt.Sprintf("%.2f %s", v, unit)
		case v < 99.95:
			return fmt.Sprintf("%.1f %s", v, unit)
		case v < 999.5:
			return fmt.Sprintf("%.0f %s", v, unit)
		}
	}
	return "many EiB"
}

// Short formats d with its two largest units: 5s, 2m13s, 1h02m, 3d04h.
func Short(d time.Duration) string {
	s := int64(d.Round(time.Second) / time.Second)
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	case s < 1000*24*3600:
		return fmt.Sprintf("%dd%02dh", s/3600/24, s/3600%24)
	}
	return fmt.Sprintf("%dd", s/3600/24)
}

// Percent returns how many hundredths of all are done, rounded down.
func Percent(done, all int64) int64 {
	if all <= 0 {
		return 0
	}
	return int64(min(100, 100*float64(done)/float64(all)))
}

// Cut shortens a text to a width.
func Cut(text string, width int) string { return runewidth.Truncate(text, max(width, 0), "") }

// Middle shortens a text to a width in its Middle, because names differ at their ends.
func Middle(text string, width int, ascii bool) string {
	if runewidth.StringWidth(text) <= width {
		return text
	}
	dots := "…"
	if ascii {
		dots = ".."
	}
	head := Cut(text, (width-len([]rune(dots)))/3)
	tail := text
	for runewidth.StringWidth(head+dots+tail) > width {
		_, size := utf8.DecodeRuneInString(tail)
		tail = tail[size:]
	}
	return head + dots + tail
}

// Objects returns a number of Objects in words.
func Objects(n int64) string { return humanize.Comma(n) + " " + Noun(n, "object") }
