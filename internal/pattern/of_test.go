package pattern

import (
	"regexp"
	"strings"
	"testing"
)

type prefixMatcher string

func (m prefixMatcher) MatchString(text string) bool { return strings.HasPrefix(text, string(m)) }
func (m prefixMatcher) String() string               { return string(m) }

func TestOf(t *testing.T) {
	ours, err := Compile(`^a\d`)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		m      Matcher
		prefix string
		arabic bool // \d has all digits of Unicode only in our syntax
	}{
		"ours":     {ours, "a", true},
		"standard": {regexp.MustCompile(`^a\d`), "a", false},
		"other":    {prefixMatcher("a"), "", true},
	} {
		re := Of(tt.m)
		for text, want := range map[string]bool{"a1": true, "ba1": false, "a\u0663": tt.arabic} {
			if found, err := re.Match(text); err != nil || found != want || re.MatchString(text) != want {
				t.Errorf("%s: %q is found in %q: %v, %v", name, tt.m, text, found, err)
			}
		}
		if re.Prefix() != tt.prefix || re.String() != tt.m.String() {
			t.Errorf("%s: prefix %q of %q", name, re.Prefix(), re)
		}
	}
	if Of(ours) != ours || Of(nil) != nil {
		t.Error("a Regexp is copied")
	}
}
