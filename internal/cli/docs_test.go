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
	name := filepath.Join("..", "..", "docs", "commands.md")
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
