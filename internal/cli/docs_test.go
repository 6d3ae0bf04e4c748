package cli

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/cli/options"
)

//go:generate go test -run ^TestCommandDocs$ . -update

var update = flag.Bool("update", false, "rewrite docs/commands.md")

// docs/commands.md is what `s3sync help` prints of each command.
func TestCommandDocs(t *testing.T) {
	name, err := filepath.Abs(filepath.Join("..", "..", "docs", "commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("<!-- Written by `go generate ./...` from the table of commands in internal/cli; do not edit. -->\n\n# Commands\n\n" +
		"`s3sync SOURCE TARGET` syncs: see [options.md](options.md). The commands below do something else. " +
		"If a command has the name of a directory here, `s3sync ./NAME TARGET` syncs the directory.\n")
	for _, k := range newCommand(Process{}).commands() {
		if k.Name == "" {
			continue
		}
		c := &call{args: []string{"help", k.Name}}
		if code := c.main(t); code != options.ExitDone {
			t.Errorf("%s: exit code %d, %s", k.Name, code, c.stderr.String())
		}
		fmt.Fprintf(&b, "\n## %s\n\n```\n%s```\n", k.Name, c.stdout.String())
	}
	b.WriteString("\n## Words of other programs\n\ns3sync does not have these options and commands of aws-cli, rclone, s5cmd and mc. It answers with its own, and exit code 2.\n\n| word | answer |\n|---|---|\n")
	for _, row := range wordRows(t) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", strings.Join(row.words, "`, `"), row.answer)
	}
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(got), "\r\n", "\n"), b.String()); diff != "" {
		t.Errorf("docs/commands.md is stale; run `go generate ./...`:\n%s", diff)
	}
}

type wordRow struct {
	words  []string
	answer string
}

// wordRows are the words of other programs, those with one answer in one row.
func wordRows(t *testing.T) (rows []wordRow) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, word := range options.Words() {
		c := &call{args: []string{word, "s3://a", "s3://b"}}
		c.main(t)
		_, answer, _ := strings.Cut(strings.TrimSuffix(c.stderr.String(), "\n"), "; ")
		if last := len(rows) - 1; last >= 0 && rows[last].answer == answer {
			rows[last].words = append(rows[last].words, word)
			continue
		}
		rows = append(rows, wordRow{[]string{word}, answer})
	}
	return rows
}
