package human

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 10, ""},
		{"  one   two\nthree ", 20, "one two three"},
		{"eins zwei drei", 9, "eins zwei|drei"},
		{"größer größer", 13, "größer größer"},
		{"abcdefghijklmno p", 10, "abcdefghij|klmno p"},
		{"no narrower than eight", 1, "no|narrower|than|eight"},
	} {
		if got := strings.Join(Wrap(tt.text, tt.width), "|"); got != tt.want {
			t.Errorf("Wrap(%q, %d): got %q, want %q", tt.text, tt.width, got, tt.want)
		}
	}
}
