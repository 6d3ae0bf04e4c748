package command

import (
	"context"
	"encoding/json"
	"slices"

	"s3sync/cluster/internal/flow"
	"s3sync/internal/cli/options"
)

// commands returns the table of commands, in the order of the help.
func (c *command) commands() []options.Command {
	return slices.Concat([]options.Command{
		{Usage: "run a sync on many machines", Options: []string{"version"}},
		{
			Name: "submit", Args: "SOURCE TARGET", Sides: true,
			Options: engineOptions("queue", "connections", "job", "state", "source-connection", "target-connection", "state-connection", "ranges", "splits",
				"approve", "big-object-size", "in-flight", "lease-keys", "lease-time", "checkpoint-keys", "checkpoint-time", "lost-after", "resume", "wait"),
			Usage: "submit a job that makes TARGET hold what SOURCE holds",
			More: "Both are s3://BUCKET[/PREFIX]. The job is written to the state store, and workers carry it out. Submitting the same job again finds it, also after it was cancelled: " +
				"then it goes on. --rate-limit-objects and --rate-limit-bandwidth hold for all workers together, --worker-size and --max-memory for each range.",
			Run: c.submit,
		},
		{
			Name:    "worker",
			Options: engineOptions(logOptions("queue", "connections", "slots", "name", "drain")...),
			Usage:   "carry out jobs until stopped",
			More: "Any number of workers may come and go. SIGTERM or Ctrl-C stops one: what it works on is given back at a checkpoint, and another worker goes on there. " +
				"A second signal leaves at once, and what was done since the checkpoint is compared again.",
			Run: c.worker,
		},
	}, c.showing(), c.steering(), []options.Command{
		{
			Name: "help", Args: "[TOPIC...]", Verbatim: true, Values: (*options.Line).Topics,
			Usage: "explain a command, an option or a topic",
			Run:   c.help,
		},
		{
			Name: "completion", Args: "SHELL", Values: (*options.Line).Shells,
			Usage: "print the script with which a shell completes lines",
			More:  "SHELL is bash, zsh, fish, powershell or elvish.",
			Run:   c.completion,
		},
		{
			Name: "version", Options: []string{"json"},
			Usage: "print the version",
			Run:   c.version,
		},
	})
}

// showing are the commands that change nothing.
func (c *command) showing() []options.Command {
	return []options.Command{
		{
			Name: "status", Args: "[JOB]", Options: engineOptions("json", "once"),
			Usage: "show how far a job is, or which jobs there are",
			More: "On a terminal it is shown anew every two seconds until the job ends or Ctrl-C. Without JOB it is a line for each job that the engine knows, the newest first: " +
				"its name, its state, when it was submitted, and how long it took.",
			Run: c.status,
		},
		{
			Name: "report", Args: "JOB", Options: []string{"state", "state-connection", "connections", "html-report", "failed-keys", "json"},
			Usage: "show what became of a job that has ended",
			More: "It is read from the state store alone. The line is the summary of s3sync, then the keys that failed. " +
				"It exits with 0 if all is done, with 1 if something failed, and with 3 if there are warnings, as s3sync does.",
			Run: c.report,
		},
	}
}

// steering are the commands that tell a job something.
func (c *command) steering() []options.Command {
	return []options.Command{
		{
			Name: "pause", Args: "JOB", Options: engineOptions(),
			Usage: "let no further range begin",
			More:  "Ranges that are worked on end by themselves, after --lease-time at most.",
			Run:   c.steer(flow.Pause, "is paused: s3sync-cluster resume lets it go on"),
		},
		{
			Name: "resume", Args: "JOB", Options: engineOptions(),
			Usage: "let a paused job go on",
			Run:   c.steer(flow.Resume, "goes on"),
		},
		{
			Name: "limits", Args: "JOB", Options: engineOptions("rate-limit-objects", "rate-limit-bandwidth", "in-flight", "json"),
			Usage: "show or change what all workers of a job may do together",
			More:  "What is not given stays; 0 is no limit. A new limit holds for ranges that begin from now on.",
			Run:   c.limits,
		},
		{
			Name: "approve", Args: "JOB", Options: engineOptions("verdict"),
			Usage: "let a job that waits go on, and delete what it said",
			Run:   c.decide(flow.Approve),
		},
		{
			Name: "retry", Args: "JOB", Options: engineOptions(),
			Usage: "let a job that waits try again what failed",
			Run:   c.decide(flow.Retry),
		},
		{
			Name: "abort", Args: "JOB", Options: engineOptions(),
			Usage: "let a job that waits end without deleting anything",
			Run:   c.decide(flow.Abort),
		},
		{
			Name: "cancel", Args: "JOB", Options: engineOptions(),
			Usage: "end a job: its ranges end at a checkpoint, and nothing is deleted any more",
			More:  "Submitting it again lets it go on there.",
			Run:   c.steer(flow.Cancel, "is cancelled: its ranges end at their next checkpoint"),
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
		return c.print(b.Line(program) + "\n")
	}
	return c.printJSON(b)
}

// printJSON writes a value as indented JSON.
func (c *command) printJSON(v any) int {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return c.fail(err)
	}
	return c.print(string(text) + "\n")
}
