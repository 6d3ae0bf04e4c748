package value

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// TimeNote says how a time is written.
const TimeNote = "A TIME is a date (2026-01-31), a date and a time (2026-01-31 12:00, 2026-01-31T12:00:00), or RFC 3339. " +
	"Without a zone (Z, +09:00, +0900) it is in UTC, on every machine."

// AgoNote says how a time is written that may also be an age.
const AgoNote = TimeNote + " Or it says how long ago, in units of s, m, h, d and w: 7d, 1d12h."

// Moment makes an option that takes a time, also one as "7d" for seven days ago.
func Moment(field *time.Time) *Value {
	return Of(field, func(text string) (time.Time, error) {
		if t, err := parseTime(text); err == nil {
			return t, nil
		}
		d, err := parseAgo(text)
		if err != nil {
			return time.Time{}, fmt.Errorf("must be a time such as 2026-01-31, 2026-01-31 12:00, 2026-01-31T12:00:00+09:00 "+
				"(UTC without a zone), or 7d for seven days ago, not %q", text)
		}
		return time.Now().Add(-d).UTC().Truncate(time.Second), nil
	}, showTime)
}

// instant makes an option that takes a time, which may be in the future.
func instant(field *time.Time) *Value {
	return Of(field, func(text string) (time.Time, error) {
		t, err := parseTime(text)
		if err != nil {
			return t, fmt.Errorf("must be a time such as 2026-01-31, 2026-01-31 12:00 or 2026-01-31T12:00:00+09:00 "+
				"(UTC without a zone), not %q", text)
		}
		return t, nil
	}, showTime)
}

func showTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// parseTime parses RFC 3339. The zone, the time of day and its seconds may be missing,
// and the T may be a blank. A time without a zone is in UTC like the times in the log,
// so that a command means the same on every machine.
func parseTime(text string) (time.Time, error) {
	text = strings.Replace(strings.ToUpper(text), "T", " ", 1)
	for _, clock := range []string{"2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		for _, zone := range []string{"", "Z07:00", "Z0700", "Z07"} {
			for _, blank := range []string{"", " "} {
				if t, err := time.Parse(clock+blank+zone, text); err == nil {
					return t.UTC(), nil
				}
			}
		}
	}
	return time.Time{}, errNoTime
}

// Span makes an option that takes a time of days and weeks, too. 0 needs no unit.
func Span(field *time.Duration) *Value {
	return Of(field, func(text string) (time.Duration, error) {
		if text == "0" {
			return 0, nil
		}
		return parseSpan(text)
	}, showSpan)
}

// LongSpan makes an option like Span that cannot be 0.
func LongSpan(field *time.Duration) *Value {
	return Of(field, func(text string) (time.Duration, error) {
		d, err := parseSpan(text)
		if err == nil && d == 0 {
			err = errors.New("must be more than 0")
		}
		return d, err
	}, showSpan)
}

func parseSpan(text string) (time.Duration, error) {
	d, err := parseAgo(text)
	if err != nil || strings.HasSuffix(text, "ago") {
		return 0, fmt.Errorf("must be a time such as 30d, 12h or 2w, not %q", text)
	}
	return d, nil
}

func showSpan(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == 0:
		return ""
	case d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}

var errNoTime = errors.New("not a time")

var (
	agoPattern = regexp.MustCompile(`^(\d+[smhdw])+( ago)?$`)
	agoPart    = regexp.MustCompile(`(\d+)([smhdw])`)
)

// parseAgo reads a span such as 7d or 1d12h.
func parseAgo(text string) (time.Duration, error) {
	if !agoPattern.MatchString(text) {
		return 0, errNoTime
	}
	units := map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
	var sum time.Duration
	for _, part := range agoPart.FindAllStringSubmatch(text, -1) {
		unit := units[part[2]]
		n, err := strconv.ParseInt(part[1], 10, 64)
		if err != nil || n > int64((math.MaxInt64-sum)/unit) {
			return 0, errNoTime // more than two centuries
		}
		sum += time.Duration(n) * unit
	}
	return sum, nil
}
