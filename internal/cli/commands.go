package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"s3sync/internal/cli/options"
)

// commands returns the table of commands, in the order of the help. A new command is a
// row here. Options that only commands have are rows of the table in package options.
func (c *command) commands() []options.Command {
	return []options.Command{
		{
			Usage: "make TARGET hold what SOURCE holds", Args: "[SOURCE] [TARGET]", Sides: true,
			Run: func(ctx context.Context, _ []string) int { c.sync(ctx); return c.code },
		},
		{
			Name: "doctor", Args: "SOURCE TARGET", Sides: true, Options: []string{"probe-writes", "policy", "json"},
			Usage: "check what a sync with these options needs",
			More: "It asks both sides, changes nothing, and prints a row for each check: ✓ fine, ✗ missing, ! worth knowing, – not known or not needed. " +
				"Only what these very options need can be missing. It exits with 0 if nothing is missing, with 1 if something is, and with 3 if there are only warnings.",
			Run: c.doctor,
		},
		{
			Name: "help", Args: "[TOPIC...]", Verbatim: true, Values: (*options.Line).Topics,
			Usage: "explain a topic, an option or a command",
			Run:   c.help,
		},
		{
			Name: "completion", Args: "SHELL", Values: (*options.Line).Shells,
			Usage: "print the script with which a shell completes lines",
			More:  "SHELL is bash, zsh, fish, powershell or elvish. For bash, put this into ~/.bashrc: source <(s3sync completion bash). --auto-complete-shell does the same.",
			Run:   c.completion,
		},
		{
			Name: "version", Options: []string{"json"},
			Usage: "print the version",
			More:  "It names the commit, the system and the version of Go, too.",
			Run:   c.version,
		},
	}
}

func (c *command) help(_ context.Context, args []string) int {
	text, err := c.line.Topic(args)
	if err != nil {
		return c.fail(err)
	}
	return c.print(text)
}

func (c *command) completion(_ context.Context, args []string) int {
	script, err := c.line.Script(args[0])
	if err != nil {
		return c.fail(err)
	}
	return c.print(script)
}

func (c *command) version(context.Context, []string) int {
	b := thisBuild()
	if !c.line.Own.JSON {
		return c.print(b.line())
	}
	text, err := json.Marshal(b)
	if err != nil {
		return c.fail(err)
	}
	return c.print(string(text) + "\n")
}

// print writes what was asked for to standard output.
func (c *command) print(text string) int {
	if text == "" {
		return options.ExitDone // the shell has the completions already
	}
	if _, err := io.WriteString(c.p.Stdout, text); err != nil {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	return options.ExitDone
}
