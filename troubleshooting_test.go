package s3sync_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTroubleshooting: docs/troubleshooting.md has each error code of S3 for which there is
// advice, and its messages are those of the program.
func TestTroubleshooting(t *testing.T) {
	data, err := os.ReadFile(filepath.FromSlash("docs/troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, f := range sources(t) {
		if path.Ext(f.name) == ".go" && !strings.HasSuffix(f.name, "_test.go") {
			code.WriteString(f.data)
		}
		if f.name != "storage/bucket/internal/failure/rules.go" {
			continue
		}
		rules := regexp.MustCompile(`"([\w.:]+)": +\{(?:\s*kind: [\w.]+, )?\s*(?:kind: [\w.]+,\s*)?advice:`).FindAllStringSubmatch(f.data, -1)
		if len(rules) < 20 {
			t.Errorf("only %d rules found", len(rules))
		}
		for _, rule := range rules {
			if !strings.Contains(string(data), "`"+rule[1]+": …") {
				t.Errorf("%s is missing", rule[1])
			}
		}
	}
	// What the program puts together of a kind and a cause, and what a system says.
	made := regexp.MustCompile(`^(store unusable: |read-only file system|full: no space left on device|run: aws |sts:|s3:)`)
	messages := 0
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, message := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[0], -1) {
			messages++
			for part := range strings.SplitSeq(message[1], "…") {
				part = strings.Trim(part, " :()")
				if part != "" && !made.MatchString(part) && !strings.Contains(code.String(), part) {
					t.Errorf("no message has %q of %q", part, message[1])
				}
			}
		}
	}
	if messages < 40 {
		t.Errorf("only %d messages found", messages)
	}
}
