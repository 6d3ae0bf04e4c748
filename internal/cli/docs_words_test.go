package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/cli/options"
)

// docs/coming-from.md says the same as the command does when it is called with the options
// and commands of other programs, and leaves none of them out.
func TestComingFrom(t *testing.T) {
	rows, seen := comingFrom(t), map[string]bool{}
	t.Chdir(t.TempDir())
	for _, row := range rows {
		for _, theirs := range row.theirs {
			seen[theirs] = true
			c := &call{args: []string{theirs, "s3://a", "s3://b"}}
			code := c.main(t)
			_, answer, refused := strings.Cut(c.stderr.String(), theirs+" is not a")
			_, answer, known := strings.Cut(answer, "; ")
			recommended := optionNamed.FindAllString(answer, -1)
			switch {
			case refused && known:
				if len(row.ours) > 0 && len(recommended) > 0 && !slices.ContainsFunc(row.ours, func(o string) bool { return slices.Contains(recommended, o) }) {
					t.Errorf("%s: the page says %v, the command %s", theirs, row.ours, answer)
				}
			case refused: // no other program's, as far as the command knows
				if len(row.ours) > 0 && len(row.theirs) == 1 {
					t.Errorf("%s: the page says %v, and the command has no answer", theirs, row.ours)
				}
			case code != options.ExitUsage || strings.Contains(c.stderr.String(), theirs):
				if strings.HasPrefix(theirs, "--") && !slices.Contains(row.ours, theirs) {
					t.Errorf("%s is also ours, but the page says %v", theirs, row.ours)
				}
			}
		}
		for _, ours := range row.ours {
			if c := (&call{args: []string{"help", strings.TrimPrefix(ours, "s3sync ")}}); c.main(t) != options.ExitDone {
				t.Errorf("the page recommends %s: %s", ours, c.stderr.String())
			}
		}
	}
	for _, word := range options.Words() {
		if !seen[word] {
			t.Errorf("the page says nothing about %s", word)
		}
	}
}

// optionNamed finds what a text recommends: options and commands.
var optionNamed = regexp.MustCompile("--[a-z0-9-]+|s3sync [a-z]+")

type comparedRow struct{ theirs, ours []string }

// comingFrom returns the rows of the tables of options.
func comingFrom(t *testing.T) (rows []comparedRow) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "coming-from.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("`([^`]+)`")
	word := regexp.MustCompile(`^(--?[a-zA-Z0-9-]+|[a-z0-9]+)$`)
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 { // a table of three columns
			continue
		}
		var row comparedRow
		for _, m := range code.FindAllStringSubmatch(cells[1], -1) {
			if word.MatchString(m[1]) {
				row.theirs = append(row.theirs, m[1])
			}
		}
		for _, m := range code.FindAllStringSubmatch(cells[2], -1) {
			row.ours = append(row.ours, optionNamed.FindString(m[1]))
		}
		rows = append(rows, row)
	}
	if len(rows) < 80 {
		t.Errorf("only %d rows found", len(rows))
	}
	return rows
}
