package options

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		"--max-keys <N>":  `\-\-max\-keys <N>`,
		`C:\tmp`:          `C:\etmp`,
		".TH is no macro": `\&.TH is no macro`,
		"'tis":            `\&\(aqtis`,
		"~/.aws":          `\(ti/.aws`,
		"'^photos/'":      `\&\(aq\(haphotos/\(aq`,
		"a → b":           `a \[u2192] b`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestManual: the manual page has every option, each line of it is a macro or text, and
// formatters that are installed have nothing to say about it.
func TestManual(t *testing.T) {
	l := newLine()
	page := l.help.manual()
	for _, r := range l.help.rows {
		if heading := ".TP\n" + r.roffSynopsis() + "\n"; strings.Count(page, heading) != 1 {
			t.Errorf("not just one paragraph about %s", r.Title())
		}
	}
	for line := range strings.Lines(page) {
		macro, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case strings.HasPrefix(line, "'"), strings.TrimSpace(line) == "":
			t.Errorf("control line %q", line)
		case strings.HasPrefix(line, ".") && !strings.Contains(" .TH .SH .SS .TP .br ", " "+macro+" "):
			t.Errorf("macro %s", macro)
		}
	}
	for _, formatter := range [][]string{{"groff", "-man", "-Tutf8", "-ww", "-z"}, {"mandoc", "-T", "lint", "-W", "error"}} {
		if _, err := exec.LookPath(formatter[0]); err != nil {
			t.Logf("%s is not installed", formatter[0])
			continue
		}
		cmd := exec.CommandContext(t.Context(), formatter[0], formatter[1:]...)
		cmd.Stdin = strings.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %v\n%s", cmd, err, out)
		}
	}
}

// TestManualExamples: the command accepts each example of the manual page.
func TestManualExamples(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("photos", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, e := range examples() {
		c := &call{args: strings.Fields(e.line)[1:]}
		if code := c.main(t); code != ExitDone || c.cfg == nil {
			t.Errorf("%s: exit code %d, %s", e.line, code, c.stderr.String())
		}
	}
}
