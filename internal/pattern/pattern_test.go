package pattern

import (
	"regexp"
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
		back             bool // only backtracking can match it
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
		"digits are those of ASCII":   {`(?=.)\d`, "٣", false, true},
		"letters are those of ASCII":  {`(?=.)\w`, "é", false, true},
		"blanks are those of ASCII":   {`(?=.)\s`, "\u00a0", false, true},
		"class of POSIX":              {`(?=.)^[[:upper:]]+$`, "ABC", true, true},
		"code":                        {`(?=.)^\x41\x{e9}$`, "Aé", true, true},
		"case":                        {`(?i)^(?=A)a\.JPG$`, "a.jpg", true, true},
		"an escaped backslash and Q":  {`(?=\\)\\Q`, `\Q`, true, true},
		"quotation in linear time":    {`^\Qa.b\E$`, "a.b", true, false},
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
			if back := re.linear == nil; back != tt.back || re.String() != tt.expression {
				t.Errorf("backtracking %v, want %v; text %q", back, tt.back, re)
			}
		})
	}
}

// What is wrong is said in the words of the syntax that is documented.
func TestCompileErrors(t *testing.T) {
	for expression, want := range map[string]string{
		`(`:               "missing closing )",
		`[b-a]`:           "invalid character class range",
		`a**`:             "invalid nested repetition operator",
		`(?=a`:            "invalid or unsupported Perl syntax",
		`\2`:              `invalid escape sequence: `,
		`\pX`:             "invalid character class range",
		`(?=a)\Qa.b\E`:    `\Q cannot be used`,
		`(?<=\\\\\Qa\E)b`: `\Q cannot be used`,
	} {
		if re, err := Compile(expression); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", expression, re, err, want)
		}
	}
}

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

// odd finds what nobody means: counts with a zero in front, which are none to RE2,
// and half a class of POSIX. outside finds what the engines read differently
// outside ASCII.
var (
	odd     = regexp.MustCompile(`\{(\d*,)?0\d|\[:\^?[a-z]*([^a-z:]|$|:[^\]])`)
	outside = regexp.MustCompile(`\\[bB]|\[:|\(\?[a-zA-Z]*i`)
)

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f })
}

// FuzzEngines: what RE2 can match backtracking matches, too, and nothing else: to
// add look-around to an expression does not change the meaning of the rest.
func FuzzEngines(f *testing.F) {
	for _, text := range []string{"", "a", "photos/2024/x.jpg", "\xff\xfe", "é", "a\nb", "aaab", "]", "a_b c"} {
		for _, re := range []string{
			"", "a", "^a", "a$", `\.jpg$`, `^photos/\d{4}/`, `[^/]+\.(jpe?g|png)$`, `(?i)A`, `(?m)^b$`, `(?s)a.b`, `\s`, `\w+`, `a{2,3}b`,
			`[[:alpha:]]`, `\x{fffd}`, `.`, `\pL`, `(?P<x>a)b`, `\A\z`, `[]a]`, `a|b|`, `(a*)*`, `\bb`, `[a-c-e]`, `{,2}`,
		} {
			f.Add(re, text)
		}
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) > 64 || len(text) > 64 || quotation.MatchString(expression) || odd.MatchString(expression) ||
			outside.MatchString(expression) && !ascii(expression+text) {
			return
		}
		linear, err := regexp.Compile(expression)
		if err != nil {
			return
		}
		back, err := regexp2.Compile(expression, regexp2.RE2)
		if err != nil {
			return // Compile says so
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
