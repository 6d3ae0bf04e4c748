package human

import (
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
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
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
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
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}
