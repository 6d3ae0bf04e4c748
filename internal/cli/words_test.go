package cli

import (
	"regexp"
	"strings"
	"testing"

	"s3sync/internal/cli/options"
)

// Each option and command of other programs is answered in one line, and what the line
// names exists.
func TestWords(t *testing.T) {
	t.Chdir(t.TempDir())
	recommended := 0
	named := regexp.MustCompile("--[a-z0-9-]+|`s3sync [a-z]+")
	for _, word := range options.Words() {
		c := &call{args: []string{word, "s3://a", "s3://b"}}
		if code := c.main(t); code != options.ExitUsage || c.stdout.Len() > 0 || c.cfg != nil || strings.Count(c.stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, %s", word, code, c.stderr.String())
		}
		refusal, ours, _ := strings.Cut(strings.TrimPrefix(c.stderr.String(), "s3sync: "), "; ")
		if !strings.HasPrefix(refusal, word+" is not ") || len(ours) < 10 {
			t.Errorf("%s: %s", word, c.stderr.String())
		}
		for _, name := range named.FindAllString(ours, -1) {
			recommended++
			help := &call{args: []string{"help", strings.TrimPrefix(name, "`s3sync ")}}
			if code := help.main(t); code != options.ExitDone {
				t.Errorf("%s recommends %s, which does not exist: %s", word, name, help.stderr.String())
			}
		}
	}
	if recommended < 150 {
		t.Errorf("only %d recommendations found", recommended)
	}
}
