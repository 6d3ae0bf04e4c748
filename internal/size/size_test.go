package size

import (
	"math"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{
		"0":                   0,
		"7":                   7,
		"1B":                  1,
		"1 B":                 1,
		" 8MiB ":              8 << 20,
		"8M":                  8_000_000,
		"8MB":                 8_000_000,
		"8m":                  8_000_000,
		"8Mi":                 8 << 20,
		"8mIB":                8 << 20,
		"8Mib":                1 << 20,
		"8Mb":                 1_000_000,
		"8 Mbit":              1_000_000,
		"8bits":               1,
		"9b":                  2,
		"1kB":                 1000,
		"1.5KiB":              1536,
		"0.1B":                1,
		"1.0001KB":            1001,
		"2TiB":                2 << 40,
		"3PB":                 3_000_000_000_000_000,
		"7.99EiB":             9211842821808707339,
		"9223372036854775807": math.MaxInt64,
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"8EiB":                `must be less than 8EiB, not "8EiB"`,
		"9223372036854775808": `must be less than 8EiB, not "9223372036854775808"`,
		"":                    `must be a size such as 8MiB, not ""`,
		"MiB":                 `must be a size such as 8MiB, not "MiB"`,
		"-1":                  `must be a size such as 8MiB, not "-1"`,
		"+1":                  `must be a size such as 8MiB, not "+1"`,
		".5KB":                `must be a size such as 8MiB, not ".5KB"`,
		"5.KB":                `must be a size such as 8MiB, not "5.KB"`,
		"1e3":                 `must be a size such as 8MiB, not "1e3"`,
		"1ZB":                 `must be a size such as 8MiB, not "1ZB"`,
		"1iB":                 `must be a size such as 8MiB, not "1iB"`,
		"1 M B":               `must be a size such as 8MiB, not "1 M B"`,
		"1_000":               `must be a size such as 8MiB, not "1_000"`,
		"1MBs":                `must be a size such as 8MiB, not "1MBs"`,
		"0x10":                `must be a size such as 8MiB, not "0x10"`,
	} {
		if got, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %d, %v, want %q", text, got, err, want)
		}
	}
}

// What was read is at least 0, and written out it is read the same.
func FuzzParseSize(f *testing.F) {
	for _, text := range []string{"8MiB", "8Mib", "1.5 kB", "9223372036854775807", "0", "0.0000001b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("Parse(%q) = %d", text, n)
		}
		if again, err := Parse(Format(n)); err != nil || again != n {
			t.Fatalf("Parse(%q) = %d, but Parse(%q) = %d, %v", text, n, Format(n), again, err)
		}
	})
}
