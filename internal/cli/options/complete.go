package options

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"s3sync/internal/cli/options/table"
)

// elvishScript is the whole script for elvish. bashAddition adds to the bash script of
// cobra.
var (
	//go:embed complete.elv
	elvishScript string
	//go:embed complete.bash
	bashAddition string
)

// Shells returns the shells that have a completion script.
func (*Line) Shells() []string { return table.Shells() }

// addCompletions registers what the shell can complete on the line of a command.
func (l *Line) addCompletions(c *cobra.Command, k *Command) {
	if args := l.program.Args; len(args) == 0 || args[0] != cobra.ShellCompRequestCmd && args[0] != cobra.ShellCompNoDescRequestCmd {
		return
	}
	// A half-typed line is not checked. cobra would print what it cannot parse, and
	// that may be a secret.
	c.FParseErrWhitelist.UnknownFlags = true
	for _, o := range l.options {
		o.Value.Lenient = true
		if o.Positional() || !o.Value.TakesText() || !k.has(o) {
			continue
		}
		complete := cobra.FixedCompletions(o.Choices, cobra.ShellCompDirectiveNoFileComp)
		if o.File {
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		}
		for _, name := range []string{o.Name, o.Alias} {
			if name != "" {
				_ = c.RegisterFlagCompletionFunc(name, complete) // fails for unknown names only
			}
		}
	}
	c.ValidArgsFunction = func(_ *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		switch {
		case k.Values != nil && len(args) == 0:
			return startingWith(begun, k.Values(l)), cobra.ShellCompDirectiveNoFileComp
		case k.Name == "" && len(args) == 0:
			return l.pathsBeside(begun), cobra.ShellCompDirectiveDefault
		case k.Args == "" && !k.Sides:
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

func startingWith(begun string, words []string) []string {
	var found []string
	for _, word := range words {
		if strings.HasPrefix(word, begun) {
			found = append(found, word)
		}
	}
	return found
}

// pathsBeside returns the entries of the working directory that begin as the name of a
// command does: a shell that gets a completion does not look for files by itself.
func (l *Line) pathsBeside(begun string) []string {
	var names []string
	for _, k := range l.program.Commands {
		names = append(names, k.Name)
	}
	if len(startingWith(begun, names)) == 0 {
		return nil
	}
	entries, _ := os.ReadDir(".") // without them the shell completes commands alone
	names = nil
	for _, e := range entries {
		if begun != "" || !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return startingWith(begun, names)
}

// Script returns the completion script for a shell.
func (l *Line) Script(shell string) (string, error) {
	var b bytes.Buffer
	var err error
	switch shell {
	case "bash":
		err = l.root.GenBashCompletionV2(&b, true)
		b.WriteString(strings.ReplaceAll(bashAddition, "s3sync", strings.ReplaceAll(l.program.name(), "-", "_")))
	case "zsh":
		err = l.root.GenZshCompletion(&b)
	case "fish":
		err = l.root.GenFishCompletion(&b, true)
	case "powershell":
		err = l.root.GenPowerShellCompletionWithDesc(&b)
	case "elvish":
		b.WriteString(strings.ReplaceAll(elvishScript, "s3sync", l.program.name()))
	default:
		name := "SHELL"
		if l.set.Shell != "" {
			name = "--auto-complete-shell"
		}
		return "", usagef("%s must be one of %s, not %q", name, strings.Join(table.Shells(), ", "), shell)
	}
	if err != nil {
		return "", fmt.Errorf("completion script: %w", err)
	}
	return b.String(), nil
}
