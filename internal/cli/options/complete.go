package options

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// elvishScript is the whole script for elvish. bashAddition adds to the bash script of
// cobra.
var (
	//go:embed complete.elv
	elvishScript string
	//go:embed complete.bash
	bashAddition string
)

// shells returns the shells that have a completion script.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell", "elvish"} }

// addCompletions registers the values that the shell can complete for each option.
func (l *Line) addCompletions() {
	asked := len(l.program.Args) > 0 && (l.program.Args[0] == cobra.ShellCompRequestCmd || l.program.Args[0] == cobra.ShellCompNoDescRequestCmd)
	// A half-typed line is not checked. cobra would print what it cannot parse, and
	// that may be a secret.
	l.root.FParseErrWhitelist.UnknownFlags = asked
	for _, o := range l.options {
		o.value.lenient = asked
		if o.positional() || o.value.kind != single {
			continue
		}
		complete := cobra.FixedCompletions(o.choices, cobra.ShellCompDirectiveNoFileComp)
		if o.file {
			complete = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
		}
		for _, name := range []string{o.name, o.alias} {
			if name != "" {
				_ = l.root.RegisterFlagCompletionFunc(name, complete) // fails for unknown names only
			}
		}
	}
	l.root.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
}

// script returns the completion script for the chosen shell.
func (l *Line) script() (string, error) {
	var b bytes.Buffer
	var err error
	switch l.set.shell {
	case "bash":
		err = l.root.GenBashCompletionV2(&b, true)
		b.WriteString(bashAddition)
	case "zsh":
		err = l.root.GenZshCompletion(&b)
	case "fish":
		err = l.root.GenFishCompletion(&b, true)
	case "powershell":
		err = l.root.GenPowerShellCompletionWithDesc(&b)
	case "elvish":
		b.WriteString(elvishScript)
	default:
		return "", usagef("--auto-complete-shell must be one of %s, not %q", strings.Join(shells(), ", "), l.set.shell)
	}
	if err != nil {
		return "", fmt.Errorf("completion script: %w", err)
	}
	return b.String(), nil
}
