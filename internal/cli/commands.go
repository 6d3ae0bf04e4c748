package cli

import (
	"context"
	"encoding/json"

	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
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
			Name: "doctor", Args: "SOURCE TARGET", Sides: true, Options: []string{"probe-writes", "policy", "leftovers", "abort-older-than", "yes", "json"},
			Usage: "check what a sync with these options needs",
			More: "It asks both sides, changes nothing, and prints a row for each check: ✓ fine, ✗ missing, ! worth knowing, – not known or not needed. " +
				"Only what these very options need can be missing. It exits with 0 if nothing is missing, with 1 if something is, and with 3 if there are only warnings. " +
				"With --leftovers it lists unfinished uploads instead, and exits with 3 if some are left.",
			Run: c.doctor,
		},
		{
			Name: "plan", Args: "SOURCE TARGET", Sides: true, Options: []string{"output", "prices", "json"}, Summary: true,
			Usage: "write down what a sync would do, for apply",
			More: "It lists and compares both sides, changes nothing, and prints a summary: what is new, changed and deleted, and about what it will cost. " +
				"Review it, then carry out exactly that with s3sync apply FILE. -v also prints a line for each action, as --dry-run does.",
			Run: c.plan,
		},
		{
			Name: "apply", Args: "PLAN [SOURCE] [TARGET]", Applies: true,
			Usage: "carry out a plan, and nothing else",
			More: "An action is skipped with a warning if its source or target is not as it was when the plan was made (exit code 3), and then nothing is deleted. " +
				"What is done already is skipped, so a plan can be applied again after an interruption. All rules of --delete hold again. " +
				"SOURCE and TARGET, if given, must be those of the plan. What is written comes from the plan alone. How the sides are reached, credentials, " +
				"limits, the log, and keys for encryption are options of this command, because a plan has none of them. --dry-run shows what would be done now.",
			Run: c.apply,
		},
		{
			Name: "verify", Options: verifyOptions(),
			Usage: "check a manifest, and what a place has now",
			More: "Every line, the digest and the root of the manifest are checked first, and its signature with --public-key. It exits with 0 if all objects are as " +
				"they were, with 1 if one is missing or different or the manifest is not as it was written, and with 3 if something cannot be told, " +
				"or the run of the manifest was not complete. docs/manifest.md shows how.",
			Run: c.verify,
		},
		{
			Name: "undo", Args: "[RUN]", Options: append([]string{"list", "force", "dry-run", "json", "trash"}, table.OfTarget()...),
			Usage: "take back what a run with --trash did",
			More: "It restores what the run overwrote or deleted, with its metadata and tags, and removes what the run created. The trash knows the target. " +
				"What was changed since the run stays, with a warning and exit code 3, unless --force is given. An interrupted undo goes on if it is called again.",
			Run: c.undo,
		},
		{
			Name: "state", Args: "show|clear [SOURCE] [TARGET]", Options: []string{"all", "force", "json", "state-dir"},
			Usage: "show or clear what runs remember",
			More: "show lists what is kept of each pair of sides, or of SOURCE and TARGET alone: when it was used, its size, the digests of files, the copies, and the " +
				"uploads and downloads that the next run goes on with. clear removes it, for SOURCE and TARGET as the runs named them or with --all, unless a run uses it. " +
				"Then later runs take more time, and do the same. Unfinished uploads would stay on the server, so they need --force.",
			Values: func(*options.Line) []string { return []string{"show", "clear"} },
			Run:    c.state,
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
	b := options.ThisBuild()
	if !c.line.Own.JSON {
		return c.print(b.Line("s3sync") + "\n")
	}
	text, err := json.Marshal(b)
	if err != nil {
		return c.fail(err)
	}
	return c.print(string(text) + "\n")
}
