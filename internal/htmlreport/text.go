package htmlreport

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// sizeText writes bytes with up to four digits: 12.3 MiB.
func sizeText(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for n >= 1000 && i < len(units)-1 {
		n /= 1024
		i++
	}
	switch {
	case i == 0:
		return fmt.Sprintf("%.0f B", n)
	case n < 10:
		return fmt.Sprintf("%.2f %s", n, units[i])
	case n < 100:
		return fmt.Sprintf("%.1f %s", n, units[i])
	}
	return fmt.Sprintf("%.0f %s", n, units[i])
}

// brief writes a power of two as a size in few letters: 16K is 16 KiB.
func brief(n int64) string {
	for _, unit := range []string{"", "K", "M", "G"} {
		if n < 1024 {
			return fmt.Sprintf("%d%s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%dT", n)
}

// axisSize writes a mark of an axis of bytes in a second.
func axisSize(n float64) string {
	if n == 0 {
		return "0"
	}
	text := sizeText(n)
	number, unit, _ := strings.Cut(text, " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}

// axisNumber writes a mark of an axis of numbers.
func axisNumber(n float64) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%.3gM", n/1e6)
	case n >= 1e4:
		return fmt.Sprintf("%.3gk", n/1e3)
	}
	return fmt.Sprintf("%.4g", n)
}

// durationText writes a time with about three digits.
func durationText(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
	case d < 2*time.Minute:
		return fmt.Sprintf("%.3g s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// count writes a number with its noun.
func count(n int64, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "y"):
		noun = strings.TrimSuffix(noun, "y") + "ies"
	default:
		noun += "s"
	}
	return humanize.Comma(n) + " " + noun
}

// percent writes a share of a whole.
func percent(n, whole int64) string {
	if whole == 0 {
		return "0 %"
	}
	share := 100 * float64(n) / float64(whole)
	switch {
	case n > 0 && share < 0.1:
		return "< 0.1 %"
	case n < whole && share > 99.9:
		return "> 99.9 %"
	case share < 10:
		return fmt.Sprintf("%.2g %%", share)
	}
	return fmt.Sprintf("%.0f %%", share)
}

// verb returns what happened, or what would happen in a dry run.
func (o *Options) verb(done, would string) string {
	if o.DryRun {
		return would
	}
	return done
}
