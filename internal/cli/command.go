package cli

import (
	"context"

	"s3sync"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/options"
)

// A command is one call of s3sync.
type command struct {
	*console

	code int
}

func newCommand(p Process) *command {
	c := &command{console: &console{p: p, screen: &display.Screen{}}}
	c.line = options.New(options.Program{
		Args: p.Args, Environ: p.Environ, Stdout: p.Stdout, Stderr: p.Stderr,
		Version: options.ThisBuild().Line("s3sync") + "\n", Commands: c.commands(),
	})
	return c
}

func (c *command) cfg() *s3sync.Config { return c.line.Config }

// run runs the command, and returns the exit code.
func (c *command) run(ctx context.Context) int {
	asked, args, text, err := c.line.Parse()
	if err == nil && asked != nil && asked.Sides {
		if err := c.leftoversFault(); err != nil {
			return c.refuse(err)
		}
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
