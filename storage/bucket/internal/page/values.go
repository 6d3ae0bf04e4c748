package page

import (
	"errors"
	"strconv"
	"time"
)

// parseInt parses a decimal number as strconv.ParseInt does.
func parseInt(text []byte) (int64, error) {
	if len(text) == 0 || len(text) > 18 { // more digits may not fit
		return strconv.ParseInt(string(text), 10, 64)
	}
	var n int64
	for _, c := range text {
		if c < '0' || c > '9' {
			return strconv.ParseInt(string(text), 10, 64)
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// timeFormats are the forms of times that the AWS SDK for Go accepts, in its order.
var timeFormats = []string{ //nolint:gochecknoglobals // a table, never written to
	"2006-01-02T15:04:05.999999999Z", "2006-01-02T15:04:05.999999999", time.RFC3339Nano, time.RFC3339,
}

// parseTime parses a time in one of timeFormats.
func parseTime(text []byte) (time.Time, error) {
	if t, ok := parseUTC(text); ok {
		return t, nil
	}
	var errs error
	for _, format := range timeFormats {
		t, err := time.Parse(format, string(text))
		if err == nil {
			return t, nil
		}
		errs = errors.Join(errs, err)
	}
	return time.Time{}, errs
}

// parseUTC parses 2006-01-02T15:04:05Z, perhaps with a fraction of a second: the form in
// which servers write times.
func parseUTC(text []byte) (time.Time, bool) {
	const seconds, nanos = len("2006-01-02T15:04:05"), len(".000000000")
	if len(text) <= seconds || len(text) > seconds+nanos+1 || text[len(text)-1] != 'Z' ||
		text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return time.Time{}, false
	}
	bad := false
	number := func(digits []byte) (n int) {
		for _, c := range digits {
			bad = bad || c < '0' || c > '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(text[:4]), number(text[5:7]), number(text[8:10])
	hour, minute, second := number(text[11:13]), number(text[14:16]), number(text[17:19])
	fraction := 0
	if digits := text[seconds : len(text)-1]; len(digits) > 0 {
		bad = bad || digits[0] != '.' || len(digits) == 1
		fraction = number(digits[1:])
		for range nanos - len(digits) {
			fraction *= 10
		}
	}
	// Days after the 28th exist in some months only.
	if bad || month < 1 || month > 12 || day < 1 || day > 28 && !exists(year, month, day) || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, fraction, time.UTC), true
}

// exists reports whether a month has a day.
func exists(year, month, day int) bool {
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Day() == day
}
