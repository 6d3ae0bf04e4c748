package glob_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"s3sync/internal/glob"
)

// rules reads rules from text: "-a +b" excludes a and includes b.
func rules(text string) []glob.Rule {
	var all []glob.Rule
	for field := range strings.FieldsSeq(text) {
		all = append(all, glob.Rule{Pattern: field[1:], Include: field[0] == '+'})
	}
	return all
}

func list(t rapid.TB, rules []glob.Rule, base string) *glob.List {
	t.Helper()
	l, err := glob.New(rules, base)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestExcludes(t *testing.T) {
	for name, tt := range map[string]struct {
		rules, base    string
		excluded, kept string
	}{
		"none":                       {"", "", "", "a a/b"},
		"name at any depth":          {"-*.tmp", "", "a.tmp b/a.tmp b/c/.tmp d.tmp/x", "a.tmpx tmp"},
		"hidden files":               {"-.*", "", ".a b/.c .git/x", "a.b b/c."},
		"at the root":                {"-/*.tmp", "", "a.tmp a.tmp/b", "b/a.tmp"},
		"path":                       {"-a/*.tmp", "", "a/b.tmp a/b.tmp/c", "b/a/b.tmp a/b/c.tmp"},
		"path at any depth":          {"-**/a/*.tmp", "", "a/b.tmp x/a/b.tmp", "a/b/c.tmp"},
		"directory":                  {"-a/", "", "a/b x/a/b a/ a/b/c", "a x/a ab/c"},
		"directory at the root":      {"-/a/", "", "a/b a/b/c", "a x/a/b"},
		"below, one star":            {"-a/*", "", "a/b a/b/c a/", "a x/a/b"},
		"below, two stars":           {"-a/**", "", "a/b a/b/c a/", "a x/a/b"},
		"below, all stars":           {"-a/**/*", "", "a/b a/b/c", "a x/a/b"},
		"below at any depth":         {"-**/a/**", "", "a/b x/a/b/c", "a x/a"},
		"only directories":           {"-*/", "", "a/b a/b/c", "a b.c"},
		"everything":                 {"-*", "", "a a/b /a", ""},
		"everything by a path":       {"-/*", "", "a a/b", ""},
		"everything, two stars":      {"-**", "", "a a/b /a", ""},
		"everything, all stars":      {"-**/*", "", "a a/b /a", ""},
		"two levels":                 {"-*/*", "", "a/b a/b/c", "a"},
		"only some":                  {"-* +*.jpg", "", "a a/b a.jpgx", "a.jpg a/b.jpg"},
		"only a directory":           {"-* +logs/", "", "a b/logs", "logs/a b/logs/c logs/b/c"},
		"only a directory, but":      {"-* +logs/ -*.gz", "", "a logs/a.gz x.gz", "logs/a"},
		"the last match":             {"-a* +ab* -abc*", "", "a abc abcd", "ab abd b"},
		"a file of a directory":      {"-a/ +a/b", "", "a/c a/bc", "a/b a/b/c b"},
		"a directory of a directory": {"-a/ +a/b/", "", "a/c a/b", "a/b/c"},
		"braces":                     {"-*.{jpg,png}", "", "a.jpg b/a.png", "a.gif a.jpg,png"},
		"nested braces":              {"-{a,b{c,d}}", "", "a bc x/bd/y", "b ab"},
		"braces with paths":          {"-{a/b,c}/*.x", "", "a/b/1.x c/1.x", "x/c/1.x a/1.x"},
		"an empty alternative":       {"-a{,.bak}", "", "a a.bak", "a.b"},
		"stars in braces":            {"-/{a,**/b}/c", "", "a/c b/c x/b/c", "x/a/c"},
		"a comma":                    {"-a,b", "", "a,b", "a b"},
		"a brace that is a letter":   {`-a\{b}`, "", "a{b}", "ab"},
		"question mark":              {"-a?c", "", "abc aéc x/a.c", "ac a/c abbc"},
		"class":                      {"-[a-c!]x", "", "ax cx !x", "dx"},
		"class, not":                 {"-a[!b-d]e", "", "aae a.e", "abe a/e"},
		"class by name":              {"-[[:digit:]]*", "", "1 2x", "a1"},
		"escapes":                    {`-a\*b`, "", "a*b", "axb"},
		"in the middle":              {"-a/**/z", "", "a/z a/b/z a/b/c/z/y", "z a/bz b/a/z"},
		"cases differ":               {"-A", "", "A", "a"},
		"base":                       {"-/a/* -*.tmp", "/", "/a/b /a/b/c /x.tmp -old/x.tmp", "/x/a/b a/b -old/a/b"},
		"base, any depth":            {"-**/a/b", "/", "/a/b /x/a/b a/b", "/a/c"},
		"base, everything":           {"-* +/a/", "/", "/b -old/b", "/a/b"},
	} {
		t.Run(name, func(t *testing.T) {
			l := list(t, rules(tt.rules), tt.base)
			for range 2 { // with and without what the last call found
				for key := range strings.FieldsSeq(tt.excluded) {
					if !l.Excludes(key) {
						t.Errorf("%q is not excluded", key)
					}
				}
				for key := range strings.FieldsSeq(tt.kept) {
					if l.Excludes(key) {
						t.Errorf("%q is excluded", key)
					}
				}
			}
		})
	}
}

func TestCheck(t *testing.T) {
	for pattern, want := range map[string]string{
		"": "it names nothing; ** is everything", "/": "it names nothing; ** is everything",
		"é[a": "there is no ] for this [, at character 2", "[]": "there is no ] for this [, at character 1",
		"a[b-": "there is no ] for this [, at character 2", `[a\`: "there is no ] for this [, at character 1",
		"a{b": "there is no } for this {, at character 2", `a\`: `there is nothing behind this \, at character 2`,
		"[[:no:]]": "there is no such class of characters, at character 2", "{a,{b}": "there is no } for this {, at character 1",
		"a\xff": "it is not valid UTF-8",
		`a\/`:   `there is nothing behind this \, at character 2`,
	} {
		if err := glob.Check(pattern); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", pattern, err, want)
		}
		if _, err := glob.New([]glob.Rule{{Pattern: pattern}}, ""); err == nil {
			t.Errorf("%q is compiled", pattern)
		}
	}
	for _, pattern := range []string{"a}", "a,b", "[]]", "[[:alpha:]]", "{}", "***", "[^/]", "!a", "#a", " "} {
		if err := glob.Check(pattern); err != nil {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestPrefixAndPrunes(t *testing.T) {
	for _, tt := range []struct {
		rules, base, prefix string
		pruned, entered     string
	}{
		{"", "", "", "", "a/"},
		{"-a/", "", "", "a/ a/b/ x/a/", "b/"},
		{"-/a/", "", "", "a/ a/b/", "x/a/"},
		{"-a/**", "", "", "a/ a/b/", "x/a/"},
		{"-node_modules", "", "", "node_modules/ x/node_modules/", "x/"},
		{"-* +*.jpg", "", "", "", "a/ a/b/"},
		{"-* +logs/**", "", "logs/", "a/ a/logs/", "logs/ logs/a/"},
		{"-* +/logs/", "", "logs/", "a/ a/logs/", "logs/ logs/a/"},
		{"-* +logs/", "", "", "", "a/"},
		{"-* +/a/b/c.txt", "", "a/b/c.txt", "b/ a/c/ a/b/d/", "a/ a/b/"},
		{"-* +/a/b* +/a/c/*.txt", "", "a/", "b/ a/x/ a/c/x/", "a/ a/b/ a/bc/ a/bc/d/ a/c/ a/c/x.txt/"},
		{"-* +/aé/ +/aè/", "", "a", "b/", "aé/"},
		{"-* +a/**/b", "", "a/", "b/", "a/ a/x/"},
		{`-* +/a\*b/`, "", "a*b/", "ab/", "a*b/"},
		{"-* +/{a,b}/c", "", "", "", "a/ x/"},
		{"-* +/a/{b,c}/d", "", "a/", "x/", "a/ a/x/"},
		{"-/a/ +/a/b/c", "", "", "a/c/", "a/ a/b/ b/"},
		{"-* +a/** -a/b/", "", "a/", "a/b/ a/b/c/ b/", "a/"},
		{"-* +/logs/", "/", "/logs/", "/a/ -old/ logs/", "/ /logs/"},
		{"-** +/[ab]/x", "", "", "c/ a/y/", "a/ b/"},
		{"-* +a/* -*", "", "", "a/ b/", ""},
		{"+a -b", "", "", "b/", "a/"},
	} {
		l := list(t, rules(tt.rules), tt.base)
		if got := l.Prefix(); got != tt.prefix {
			t.Errorf("%q: prefix %q, want %q", tt.rules, got, tt.prefix)
		}
		for dir := range strings.FieldsSeq(tt.pruned) {
			if !l.Prunes(dir) {
				t.Errorf("%q: %q is entered", tt.rules, dir)
			}
		}
		for dir := range strings.FieldsSeq(tt.entered) {
			if l.Prunes(dir) {
				t.Errorf("%q: %q is pruned", tt.rules, dir)
			}
		}
	}
}

// A piece of a pattern, and the regular expression that means the same.
type piece struct{ glob, regex string }

func pieces() *rapid.Generator[piece] {
	return rapid.SampledFrom([]piece{
		{"a", "a"},
		{"b", "b"},
		{".", `\.`},
		{"é", "é"},
		{"*", "[^/]*"},
		{"?", "[^/]"},
		{"[ab]", "[ab]"},
		{"[!a]", "[^a/]"},
		{"{a,bb}", "(?:a|bb)"},
		{"{a*,?b}", "(?:a[^/]*|[^/]b)"},
		{"ab", "ab"},
		{`\*`, `\*`},
		{"[^é]", "[^é/]"},
	})
}

// drawn draws a pattern with the regular expression for the keys that it matches.
func drawn(t *rapid.T) (pattern string, re *regexp.Regexp) {
	root := rapid.Bool().Draw(t, "root")
	dirOnly := rapid.Bool().Draw(t, "directory")
	n := rapid.IntRange(1, 3).Draw(t, "names")
	some := rapid.SliceOfN(pieces(), 1, 2).Filter(func(all []piece) bool { // that are not two stars
		return len(all) == 1 || all[0].glob != "*" || all[1].glob != "*"
	})
	var text, regex strings.Builder
	for i := range n {
		last := i == n-1
		if rapid.IntRange(0, 4).Draw(t, "two stars") == 0 {
			text.WriteString("**")
			if last {
				regex.WriteString(".*")
			} else {
				regex.WriteString("(?:.*/)?")
			}
		} else {
			for _, p := range some.Draw(t, "pieces") {
				text.WriteString(p.glob)
				regex.WriteString(p.regex)
			}
			if !last {
				regex.WriteString("/")
			}
		}
		if !last {
			text.WriteString("/")
		}
	}
	pattern = text.String()
	anchor := "(?:.*/)?"
	if root {
		pattern = "/" + pattern
	}
	if root || n > 1 {
		anchor = ""
	}
	end := "(?:/.*)?"
	if dirOnly {
		pattern += "/"
		end = "/.*"
	}
	return pattern, regexp.MustCompile("(?s)^" + anchor + "(?:" + regex.String() + ")" + end + "$")
}

// Rules select what expressions select that were derived from them in another way. The
// last match wins. Prefix and Prunes leave out only what is excluded.
func TestRulesProperty(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b", "ab", "bb", "a.b", "é", "aé", "*"})
	key := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "key"), "/") })
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(rt, "rules")
		var all []glob.Rule
		var res []*regexp.Regexp
		if rapid.Bool().Draw(rt, "only some") {
			all, res = append(all, glob.Rule{Pattern: "*"}), append(res, regexp.MustCompile(""))
		}
		for range n {
			pattern, re := drawn(rt)
			all = append(all, glob.Rule{Pattern: pattern, Include: rapid.Bool().Draw(rt, "include")})
			res = append(res, re)
		}
		l := list(rt, all, "")
		keys := rapid.SliceOfN(key, 1, 20).Draw(rt, "keys")
		for _, key := range keys {
			want := false
			for i, re := range slices.Backward(res) {
				if re.MatchString(key) {
					want = !all[i].Include
					break
				}
			}
			if got := l.Excludes(key); got != want {
				rt.Errorf("%v: %q is excluded: %v, want %v", all, key, got, want)
			}
			checkShortcuts(rt, l, key)
		}
	})
}

// checkShortcuts checks that what is not listed because of a list is what it excludes.
func checkShortcuts(t rapid.TB, l *glob.List, key string) {
	t.Helper()
	excluded := l.Excludes(key)
	if prefix := l.Prefix(); !excluded && !strings.HasPrefix(key, prefix) || !utf8.ValidString(prefix) && utf8.ValidString(key) {
		t.Errorf("%q is not excluded, but has not the prefix %q", key, prefix)
	}
	for i := range len(key) {
		if key[i] == '/' && l.Prunes(key[:i+1]) && !excluded {
			t.Errorf("%q is not excluded, but %q is pruned", key, key[:i+1])
		}
	}
}

// Any text is a pattern or an error. What is not listed is what is excluded.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"*.jpg", "/a/**/b/", "{a,b{c,d}}/*", "[!a-z]?", `\[a`, "[[:alpha:]-]", "**/**", "a/../b", "{**/a,}/", "[--/]", "{,"} {
		f.Add(seed, "a/b.jpg", "/")
		f.Add(seed, "a//é/\xff/", "")
	}
	f.Fuzz(func(t *testing.T, pattern, key, base string) {
		if base != "" {
			base = "/"
		}
		if len(pattern) > 100 || len(key) > 100 {
			return // alternatives in braces multiply
		}
		only, err := glob.New([]glob.Rule{{Pattern: "*"}, {Pattern: pattern, Include: true}}, base)
		if err != nil {
			return
		}
		checkShortcuts(t, only, key)
		without := list(t, []glob.Rule{{Pattern: pattern}}, base)
		checkShortcuts(t, without, key)
		if without.Excludes(key) == only.Excludes(key) {
			t.Errorf("%q matches %q only as one of both kinds", pattern, key)
		}
	})
}

// Any text is an ignore file, and prunes only what it excludes.
func FuzzIgnore(f *testing.F) {
	f.Add("*\n!*/\n!a\\ \n", "a/b")
	f.Add("/a/**/[^b]\r\n# x\n", "a/b/c")
	f.Fuzz(func(t *testing.T, text, key string) {
		kept(t, map[string]string{ignoreName: text, key: ""})
	})
}

func TestRuleText(t *testing.T) {
	for text, want := range map[string]glob.Rule{"+ a b": {"a b", true}, "- *": {"*", false}, "+ ": {"", true}} {
		var r glob.Rule
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want || r.String() != text {
			t.Errorf("%q: %v, %+v", text, err, r)
		}
	}
	for _, text := range []string{"", "+", "a", "* a", "+a"} {
		if err := new(glob.Rule).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is a rule", text)
		}
	}
	if _, err := (glob.Rule{Pattern: "\xff"}).MarshalText(); err == nil {
		t.Error("a rule that is not UTF-8 is written")
	}
}

func BenchmarkExcludes(b *testing.B) {
	l, err := glob.New(rules("-* +photos/ -*.{tmp,bak} -.* -**/cache/**"), "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if l.Excludes("photos/2024/05/IMG_000001.jpeg") {
			b.Fatal("excluded")
		}
	}
}
