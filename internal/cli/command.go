package cli

import (
	"context"
	"errors"
	"strings"
	"syscall"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/visible"
)

// A command is one call of s3sync.
type command struct {
	p      Process
	line   *options.Line
	screen *screen
	// stdout and stderr are where the log and the summary go; they may be one.
	stdout, stderr *logStream
	code           int
}

func newCommand(p Process) *command {
	c := &command{p: p, screen: &screen{}}
	c.line = options.New(options.Program{
		Args: p.Args, Environ: p.Environ, Stdout: p.Stdout, Stderr: p.Stderr,
		Version: thisBuild().line(), Commands: c.commands(),
	})
	return c
}

func (c *command) cfg() *s3sync.Config { return c.line.Config }

// run runs the command, and returns the exit code.
func (c *command) run(ctx context.Context) int {
	asked, args, text, err := c.line.Parse()
	if err == nil && asked != nil && asked.Sides {
		err = c.line.Check()
	}
	switch {
	case err != nil:
		return c.fail(err)
	case asked != nil:
		return asked.Run(ctx, args)
	}
	return c.print(text)
}

// fail reports an error that prevented the run.
func (c *command) fail(err error) int {
	if errors.Is(err, syscall.EPIPE) {
		return options.ExitDone // the reader of the help closed the pipe
	}
	c.say(err.Error())
	if _, ok := errors.AsType[options.UsageError](err); ok {
		return options.ExitUsage
	}
	return options.ExitError
}

// say writes one line to standard error.
func (c *command) say(text string) {
	c.screen.put(c.p.Stderr, "s3sync: "+oneLine(text)+"\n")
}

// warn prints something that the user should know before it does harm.
func (c *command) warn(text string) { c.say("warning: " + text) }

func (c *command) reportBug(what string, stack []byte) {
	c.screen.clear()
	c.say("internal error: " + what)
	c.screen.put(c.p.Stderr, string(stack)+
		"This is a fault of s3sync. Please report it with the lines above and what led to it.\n")
}

// oneLine escapes text from outside, so that it cannot control the terminal.
func oneLine(text string) string {
	return string(visible.Append(nil, strings.NewReplacer("\n", "; ", "\t", " ").Replace(text)))
}
