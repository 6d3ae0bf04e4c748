package listing

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// TestStartAfter: the text sorts before the key, is valid, and nothing but
// itself and what continues it lies between where that can be.
func TestStartAfter(t *testing.T) {
	for name, tt := range map[string]struct{ prefix, from, want string }{
		"nothing":           {"p/", "", ""},
		"letter":            {"p/", "b", "p/a\U0010FFFF"},
		"control":           {"", "a\x01", "a\x00\U0010FFFF"},
		"NUL":               {"", "a\x00", "a"},
		"only NUL":          {"", "\x00", ""},
		"two bytes":         {"", "é", "è\U0010FFFF"},
		"first of its size": {"", "\u0080", "\u007f\U0010FFFF"},
		"above surrogates":  {"", "\ue000", "\ud7ff\U0010FFFF"},
		"last of all":       {"", "\U0010FFFF", "\U0010FFFE\U0010FFFF"},
		"no text":           {"", "ab\xff", "a"},
		"no text at start":  {"p", "\xff", ""},
		"longest":           {"", strings.Repeat("b", 1024), strings.Repeat("b", 1023)},
		"too long":          {"", strings.Repeat("b", 1030), strings.Repeat("b", 1024)},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Bucket{Prefix: tt.prefix}).startAfter(tt.from); got != tt.want {
				t.Errorf("StartAfter(%q, %q) = %q, want %q", tt.prefix, tt.from, got, tt.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		from := string(rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "from"))
		if rapid.Bool().Draw(t, "text") {
			from = rapid.StringN(1, 1100, 1100).Draw(t, "from")
		}
		got := (&Bucket{Prefix: "pré/"}).startAfter(from)
		if got >= "pré/"+from || !utf8.ValidString(got) || len(got) > 1024 {
			t.Fatalf("StartAfter(%q) = %q", from, got)
		}
	})
}
