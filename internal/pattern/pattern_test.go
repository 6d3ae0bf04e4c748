package pattern

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
)

func TestMatch(t *testing.T) {
	for name, tt := range map[string]struct {
		expression, text string
		want             bool
		back             bool // only backtracking can match it, or all texts
	}{
		"anywhere":                    {`\.jp`, "a/b.jpeg", true, false},
		"at the beginning":            {`^b`, "a/b", false, false},
		"empty":                       {``, "", true, false},
		"no text, linear":             {`^a\x{fffd}+b$`, "a\xff\xfeb", true, false},
		"no text, backtracking":       {`^a(?=\x{fffd})\x{fffd}+b$`, "a\xff\xfeb", true, true},
		"no text is one character":    {`^a(?=.).b$`, "a\xe9b", true, true},
		"half a character":            {`^(?=.)..$`, "\xe6\x97", true, true},
		"a whole one":                 {`^(?=.)..$`, "日", false, true},
		"look-ahead":                  {`\.(?=jpg$)`, "a.jpg", true, true},
		"look-ahead fails":            {`\.(?=jpg$)`, "a.jpeg", false, true},
		"negative look-ahead":         {`^(?!tmp/)`, "a", true, true},
		"negative look-ahead fails":   {`^(?!tmp/)`, "tmp/a", false, true},
		"look-behind":                 {`(?<=/)2024`, "a/2024", true, true},
		"look-behind fails":           {`(?<=/)2024`, "a2024", false, true},
		"negative look-behind":        {`(?<!/)2024`, "a2024", true, true},
		"negative look-behind fails":  {`(?<!/)2024`, "a/2024", false, true},
		"variable look-behind":        {`(?<=a+/)b`, "aaa/b", true, true},
		"back-reference":              {`^(\d+)/\1$`, "42/42", true, true},
		"back-reference fails":        {`^(\d+)/\1$`, "42/43", false, true},
		"named back-reference":        {`^(?P<y>\d+)/\k<y>$`, "42/42", true, true},
		"atomic group":                {`^(?>a*)a`, "aaa", false, true},
		"end is the end":              {`(?=b)b$`, "ab\n", false, true},
		"lines if asked for":          {`(?m)(?=b)b$`, "ab\nc", true, true},
		"point is not a line feed":    {`a(?=.).`, "a\n", false, true},
		"digits of all scripts":       {`(?=.)\d`, "٣", true, true},
		"letters of all scripts":      {`(?=.)\w`, "é", true, true},
		"blanks of all kinds":         {`(?=.)\s`, "\u00a0", true, true},
		"linear digits":               {`^\d$`, "٣", true, false},
		"linear letters":              {`^\w$`, "é", true, false},
		"linear blanks":               {`^\s$`, "\u00a0", true, false},
		"ASCII without u":             {`(?-u)\w`, "é", false, false},
		"words of ASCII":              {`\bb`, "a b", true, true},
		"words of all scripts":        {`\bb`, "éb", false, true},
		"words of ASCII without u":    {`(?-u:\b)b`, "éb", true, false},
		"intersection":                {`^[a-z&&[^q]]+$`, "abq", false, false},
		"difference":                  {`^[a-z--q]+$`, "abc", true, false},
		"symmetric difference":        {`^[a-g~~b-h]+$`, "ah", true, false},
		"nested classes":              {`^[x[^xyz]]$`, "y", false, false},
		"at most":                     {`^a{,2}$`, "aa", true, false},
		"at most, fails":              {`^a{,2}$`, "a{,2}", false, false},
		"possessive":                  {`^a*+a`, "aaa", false, true},
		"beginning of a word":         {`\<b`, "éb", false, true},
		"hexadecimal digits":          {`^\h+$`, "c0ffee", true, false},
		"a line break":                {`^a\Rb$`, "a\r\nb", true, true},
		"kept out":                    {`^a\Kb$`, "ab", true, false},
		"before the last line feeds":  {`b\Z`, "ab\n\n", true, true},
		"comments":                    {"(?x) a # comment\n b", "ab", true, false},
		"lines of CRLF":               {`(?mR)^b$`, "a\r\nb\r\n", true, true},
		"class of POSIX":              {`(?=.)^[[:upper:]]+$`, "ABC", true, true},
		"code":                        {`(?=.)^\x41\x{e9}$`, "Aé", true, true},
		"case":                        {`(?i)^(?=A)a\.JPG$`, "a.jpg", true, true},
		"an escaped backslash and Q":  {`(?=\\)\\Q`, `\Q`, true, true},
		"more repetitions than RE2's": {`^a{1001}$`, strings.Repeat("a", 1001), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			re, err := Compile(tt.expression)
			if err != nil {
				t.Fatal(err)
			}
			got, err := re.Match(tt.text)
			if got != tt.want || err != nil {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
			if back := re.back != nil; back != tt.back || re.String() != tt.expression {
				t.Errorf("backtracking %v, want %v; text %q", back, tt.back, re)
			}
		})
	}
}

// What is wrong is said with its place. Some of it fancy-regex takes for literals.
func TestRefused(t *testing.T) {
	for expression, want := range map[string]string{
		`(`:              "there is no ) for this (, at character 1",
		`ab)`:            "there is no ( for this ), at character 3",
		`é[b-a]`:         "the range ends before it begins, at character 3",
		`[a-\d]`:         "both ends of a range must be characters, at character 2",
		`[[a]`:           "there is no ] for this [, at character 1",
		`*`:              `there is nothing to repeat; a * itself is \*, at character 1`,
		`a|+`:            `there is nothing to repeat; a + itself is \+, at character 3`,
		`a{`:             `this is no count such as {2}, {2,} or {2,3}; a { itself is \{, at character 2`,
		`a{x}`:           `this is no count such as {2}, {2,} or {2,3}; a { itself is \{, at character 2`,
		`{2}`:            `there is nothing to repeat; a { itself is \{, at character 1`,
		`a{2,1}`:         "the second count is less than the first, at character 2",
		`a{99999999999}`: "at most 1048576 repetitions are possible, at character 2",
		`(?=a`:           "there is no ) for this (, at character 1",
		`(?=a)*`:         "a look-around cannot be repeated, at character 6",
		`\2(a)`:          "there is no group 2, at character 1",
		`\0`:             "there is no group 0, at character 1",
		`(a)\k<-2>`:      "there is no group 0, at character 4",
		`\k<x>`:          `there is no group "x" before this, at character 1`,
		`\pX`:            `the property of Unicode "X" is not known, at character 1`,
		`\q`:             `\q has no meaning, at character 1`,
		`é\é`:            `\é has no meaning, at character 2`,
		`[\q]`:           `\q has no meaning in a class, at character 2`,
		`[\R]`:           `\R has no meaning in a class, at character 2`,
		`(?=a)\Qa.b\E`:   `\Q…\E is not supported; a backslash goes before each character that has a meaning, at character 6`,
		`a\`:             "nothing follows the backslash, at character 2",
		`\x4`:            "a hexadecimal number of 2 digits, or one in braces, must follow, at character 1",
		`\x{+1}`:         "a hexadecimal number of 2 digits, or one in braces, must follow, at character 1",
		`\u{d800}`:       "there is no character D800, at character 1",
		`\b{middle}`:     `\b{ is followed by one of start}, end}, start-half} and end-half}, at character 1`,
		`(?q)a`:          `'q' is no flag (i, m, s, x, u, U, R), and nothing else that is supported begins so, at character 3`,
		`(?ii)`:          "'i' is given twice, at character 4",
		`(?i-)`:          "no flag follows the -, at character 5",
		`(?)`:            "there are no flags between (? and ), at character 1",
		`(?<1>a)`:        "the name of a group must be of letters, digits and _, and end in >, at character 1",
		`(?<n>a)(?<n>b)`: "there are two groups of the name n, at character 8",
		`(a)?(?(1)b|c)`:  "conditions, subroutines and absent repeaters are not supported, at character 5",
		`(*FAIL)`:        "verbs such as (*FAIL) are not supported, at character 1",
		`(a)\g<1>`:       `\g has no meaning, at character 4`,
		`(?-u).`:         "a dot could match a part of a character without the flag u, at character 6",
		`(?-u)\W`:        `\W could match a part of a character without the flag u, at character 6`,
		`(?-u)[^a]`:      "a negated class could match a part of a character without the flag u, at character 6",
		"é\xff":          "the text is not UTF-8, at character 2",
		"ab\xe9cd":       "the text is not UTF-8, at character 3",
		deepGroups(201):  "more than 200 groups are nested, at character 201",
		deepClasses(201): "more than 200 classes are nested, at character 201",
		"a" + stars(201): "more than 200 groups are nested, at character 1",
	} {
		re, err := Compile(expression)
		if refusal, ok := errors.AsType[*Error](err); !ok || refusal.Error() != want {
			t.Errorf("%s: got %v, %v, want %q", expression, re, err, want)
		}
	}
	for _, deep := range []string{deepGroups(200), deepClasses(200), "a" + stars(200)} {
		if _, err := Compile(deep); err != nil {
			t.Errorf("%.20s…: %v", deep, err)
		}
	}
}

func deepGroups(n int) string  { return strings.Repeat("(", n) + "a" + strings.Repeat(")", n) }
func deepClasses(n int) string { return strings.Repeat("[", n) + "a" + strings.Repeat("]", n) }
func stars(n int) string       { return strings.Repeat("*?", n) }

// endless takes time that doubles with each letter of hard.
const endless = `^(?=a)(a|aa)+$`

func hard() string { return strings.Repeat("a", 64) + "!" }

// A match that takes too long is an error that names the text and the expression,
// and comes in time.
func TestTimeout(t *testing.T) {
	re, err := Compile(endless)
	if err != nil {
		t.Fatal(err)
	}
	re.back.MatchTimeout = 100 * time.Millisecond // for the test's sake
	start := time.Now()
	found, err := re.Match(hard())
	if found || err == nil {
		t.Fatalf("got %v, %v", found, err)
	}
	for _, want := range []string{endless, hard(), "too long"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v", want, err)
		}
	}
	if took := time.Since(start); took > timeout {
		t.Errorf("took %v", took)
	}
	if re.MatchString(hard()) {
		t.Error("without an error it is found")
	}
	if found, err := re.Match("aaa"); !found || err != nil {
		t.Errorf("after that: %v, %v", found, err)
	}
}

// The clock of the backtracking engine ends by itself.
func TestClockEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for three seconds")
	}
	re, err := Compile(`(?=a)a`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := re.Match("a"); err != nil {
		t.Fatal(err)
	}
	if !clockRuns() {
		t.Fatal("the goroutine of the clock has another name")
	}
	for deadline := time.Now().Add(30 * time.Second); clockRuns(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the clock still runs")
		}
	}
}

func clockRuns() bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "regexp2.runClock")
}

func TestMatchConcurrently(t *testing.T) {
	re, err := Compile(`^(?!tmp)(\w)\1`)
	if err != nil {
		t.Fatal(err)
	}
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for range 200 {
				if found, err := re.Match("aab"); !found || err != nil {
					t.Errorf("got %v, %v", found, err)
				}
				if found, err := re.Match("tmp"); found || err != nil {
					t.Errorf("got %v, %v", found, err)
				}
			}
		})
	}
	workers.Wait()
}

// FuzzEngines: what is written for one engine means the same as what is written for
// the other: to add look-around to an expression does not change the meaning of the
// rest. No expression makes the parser panic, and what it accepts both engines read.
func FuzzEngines(f *testing.F) {
	for _, text := range []string{"", "a", "photos/2024/x.jpg", "\xff\xfe", "é", "a\nb", "aaab", "]", "a_b c", "K"} {
		for _, re := range []string{
			"", "a", "^a", "a$", `\.jpg$`, `^photos/\d{4}/`, `[^/]+\.(jpe?g|png)$`, `(?i)k`, `(?m)^b$`, `(?s)a.b`, `\s`, `\w+`, `a{2,3}b`,
			`[[:alpha:]]`, `\x{fffd}`, `.`, `\pL`, `(?P<x>a)b`, `\A\z`, `[]a]`, `a|b|`, `(a*)*`, `\bb`, `[a-c-e]`, `a{,2}`, `[a-z&&[^q]]`, `[a&&b]*`,
			`(?x) a # b`, `(?mR)^a$`, `(?-u)\w`, `\p{Greek}`, `[--a~~b]`, `(?iU)a+?`, `\u{41}\U0000004A`, `(?#c)a`, `\h\H\R\K\<\>`, `\b{start}`, `(a)\1`, `a++`,
		} {
			f.Add(re, text)
		}
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) > 64 || len(text) > 64 {
			return
		}
		tree, err := parse(expression)
		if err != nil {
			if refusal, ok := errors.AsType[*Error](err); !ok || refusal.At < 0 || refusal.At > len(expression) {
				t.Errorf("%q: %v", expression, err)
			}
			return
		}
		back, err := regexp2.Compile(printed(tree, true), regexp2.RE2)
		if err != nil {
			t.Fatalf("%q: %v", expression, err)
		}
		need := needOf(tree)
		if need == backtracking || need == linearInASCII && !isASCII(text) {
			return
		}
		linear, err := regexp.Compile(printed(tree, false))
		if err != nil {
			if code, ok := errors.AsType[*syntax.Error](err); !ok || code.Code != syntax.ErrInvalidRepeatSize && code.Code != syntax.ErrLarge && code.Code != syntax.ErrNestingDepth {
				t.Fatalf("%q: %v", expression, err)
			}
			return
		}
		back.MatchTimeout = timeout
		got, err := back.MatchString(text)
		if err != nil {
			return
		}
		if want := linear.MatchString(text); got != want {
			t.Errorf("%q on %q: %v by backtracking, %v in linear time", expression, text, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for name, expression := range map[string]string{"linear": `^[\w/]+\.jpe?g$`, "boundary": `\bIMG_\d+\b`} {
		for kind, text := range map[string]string{"ASCII": "photos/2024/05/IMG_000001.jpeg", "other": "fotos/März/IMG_000001 été.jpeg"} {
			b.Run(name+"/"+kind, func(b *testing.B) {
				re, err := Compile(expression)
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := re.Match(text); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		if _, err := Compile(`(?i)^\w+[^\W\d]*\b`); err != nil {
			b.Fatal(err)
		}
	}
}
