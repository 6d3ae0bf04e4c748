package pattern

import (
	"strings"
	"testing"
)

func TestPrefix(t *testing.T) {
	for expression, want := range map[string]string{
		``:                        "",
		`a`:                       "",
		`^`:                       "",
		`^photos/2024/`:           "photos/2024/",
		`^photos/2024/.*\.jpg$`:   "photos/2024/",
		`^photos/\d`:              "photos/",
		`^photos/[0-9]`:           "photos/",
		`^photos/[x]`:             "photos/x",
		`\Aphotos/`:               "photos/",
		`^a\.b[c]`:                "a.bc",
		`(?x)^ a b # c`:           "ab",
		`^[a-z&&a]/`:              "a/",
		`(?i)^2024/x`:             "2024/",
		`^a{,2}b`:                 "",
		`^\Kab`:                   "ab",
		`^\u{65e5}`:               "日",
		`(?R)^ab`:                 "ab",
		`(?-u)^ab\w`:              "ab",
		`^ab\bé`:                  "abé",
		`^日本`:                     "日本",
		`^\x{65e5}`:               "日",
		`^a.b`:                    "a",
		`^a\.b`:                   "a.b",
		`^a?b`:                    "",
		`^a*b`:                    "",
		`^a+b`:                    "a",
		`^(ab)+c`:                 "ab",
		`^a{0,2}b`:                "",
		`^a{2}b`:                  "a",
		`^(photos)/x`:             "photos/x",
		`^(?P<name>photos)/x`:     "photos/x",
		`^(?:photos|phones)/x`:    "pho",
		`^photos/|^phones/`:       "pho",
		`^(photos/a|photos/b)`:    "photos/",
		`^(a|a)b`:                 "ab",
		`^(日|旦)`:                  "",
		`^(日a|旦b)`:                "\xe6\x97",
		`(^a|^b)c`:                "",
		`(^ab|^ac)c`:              "a",
		`^a|b`:                    "",
		`b|^a`:                    "",
		`(^a|)b`:                  "",
		`(^a)?b`:                  "",
		`(^a)*b`:                  "",
		`(^ab)+`:                  "ab",
		`(?:)^a`:                  "a",
		`x^a`:                     "",
		`x*^a`:                    "",
		`^^a`:                     "a",
		`^\ba`:                    "a",
		`^a$`:                     "a",
		`^a\b/b`:                  "a/b",
		`(?i)^photos/`:            "",
		`^(?i)photos/`:            "",
		`^photos/(?i)abc`:         "photos/",
		`^(?i:photos)/`:           "",
		`^a(?i:b)c`:               "a",
		`(?m)^photos/`:            "",
		`(?m:^photos)/`:           "",
		`(?m)\Aphotos/`:           "photos/",
		`(?m)\Aphotos/$`:          "photos/",
		`(?s)^a.b`:                "a",
		`(?U)^a+b`:                "a",
		`^a\x{fffd}b`:             "a",
		"^a\xef\xbf\xbdb":         "a",
		`^[[:alpha:]]`:            "",
		`^(?=photos/)`:            "", // only backtracking can match it
		`^photos/(?!tmp)`:         "",
		`^[^\x00-\x{10FFFF}]`:     "",
		`^abc[^\x00-\x{10FFFF}]d`: "abc",
	} {
		re, err := Compile(expression)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := re.Prefix(); got != want {
			t.Errorf("%s: got %q, want %q", expression, got, want)
		}
	}
}

// FuzzPrefix: an expression is found in no text without its prefix.
func FuzzPrefix(f *testing.F) {
	for _, re := range []string{
		`^a`, `^(a|b)c`, `(?m)^a`, `(?i)^a`, `(^ab|^ac)+d`, `^a{2,3}b`, `\Aa(b|bc)*`, `^\x{fffd}`, `(?:)^(?:a|a)b`, `^(日|旦)`, `(^|a)b`,
	} {
		for _, text := range []string{"", "a", "A", "ab", "b\na", "aab", "\xff", "日", "\xe6", "bc"} {
			f.Add(re, text)
		}
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		re, err := Compile(expression)
		if err != nil {
			return
		}
		prefix := re.Prefix()
		if prefix == "" {
			return
		}
		for _, text := range []string{text, prefix + text, text + prefix, prefix[1:] + text, strings.ToUpper(prefix), "\n" + prefix} {
			if found, err := re.Match(text); found && !strings.HasPrefix(text, prefix) || err != nil {
				t.Errorf("%q is found in %q, which does not begin with %q; %v", expression, text, prefix, err)
			}
		}
	})
}
