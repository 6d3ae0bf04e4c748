package value

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	utc := func(hour, minute, second, nano int) time.Time {
		return time.Date(2023, 2, 19, hour, minute, second, nano, time.UTC)
	}
	for text, want := range map[string]time.Time{
		"2023-02-19":                          utc(0, 0, 0, 0),
		"2023-02-19 12:00":                    utc(12, 0, 0, 0),
		"2023-02-19T12:00":                    utc(12, 0, 0, 0),
		"2023-02-19 12:00:01":                 utc(12, 0, 1, 0),
		"2023-02-19T12:00:01":                 utc(12, 0, 1, 0),
		"2023-02-19T12:00:01Z":                utc(12, 0, 1, 0),
		"2023-02-19t12:00:01z":                utc(12, 0, 1, 0),
		"2023-02-19 12:00:01.25":              utc(12, 0, 1, 250_000_000),
		"2023-02-19T12:00:00+09:00":           utc(3, 0, 0, 0),
		"2023-02-19T12:00:00+0900":            utc(3, 0, 0, 0),
		"2023-02-19T12:00:00+09":              utc(3, 0, 0, 0),
		"2023-02-19 12:00 +0900":              utc(3, 0, 0, 0),
		"2023-02-19 12:00+0530":               utc(6, 30, 0, 0),
		"2023-02-19T12:00:00.123456789-01:00": utc(13, 0, 0, 123_456_789),
		"2023-02-19Z":                         utc(0, 0, 0, 0),
		"yesterday":                           {},
		"":                                    {},
		"2023-02-30":                          {},
		"2023-13-01":                          {},
		"2023-02-19 24:00":                    {},
		"2023-02-19 12":                       {},
		"2023-2-19":                           {},
		"19.02.2023":                          {},
		"02/19/2023":                          {},
		"2023-02-19T12:00:00 CET":             {},
		"2023-02-19T12:00:00+9":               {},
		"2023-02-19T12:00:00Zx":               {},
		"1676808000":                          {},
		"12:00":                               {},
		"20230219":                            {},
	} {
		got, err := parseTime(text)
		if !got.Equal(want) || (err != nil) != want.IsZero() || got.Location() != time.UTC {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestParseAgo(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"7d": 7 * day, "12h": 12 * time.Hour, "30m": 30 * time.Minute, "90s": 90 * time.Second, "2w": 14 * day, "0d": 0,
		"1d12h": 36 * time.Hour, "7d ago": 7 * day, "36500d": 36500 * day,
		"": -1, "d": -1, "7": -1, "-7d": -1, "7D": -1, "7y": -1, "7 d": -1, "1.5d": -1, "d7": -1, "7dago": -1, "ago": -1,
		"99999999999999999999s": -1, "106752d": -1, "106751d106751d": -1, "20000w": -1,
	} {
		got, err := parseAgo(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestMoment(t *testing.T) {
	var field time.Time
	before := time.Now().Add(-36 * time.Hour)
	if err := Moment(&field).Parse("1d12h"); err != nil {
		t.Fatal(err)
	}
	if d := field.Sub(before); d < -time.Second || d > time.Minute {
		t.Errorf("%v is %v from %v", field, d, before)
	}
	if err := instant(&field).Parse("7d"); err == nil {
		t.Error("an expiry in the past")
	}
}
