// Package command is the s3sync-cluster command: it submits jobs, runs workers, and shows
// and steers jobs. Its options of a sync are those of s3sync, from the same table.
//
// Messages of the command itself go to standard error and begin with "s3sync-cluster: ";
// they are one line each, as those of s3sync.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"s3sync/cluster/internal/connect"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/logformat"
	"s3sync/internal/cli/options"
	"s3sync/internal/visible"
)

// program is what the user types.
const program = "s3sync-cluster"

// A Process is the part of its process that the command uses.
type Process struct {
	Args           []string // without the program's name
	Environ        []string // NAME=value
	Stdout, Stderr io.Writer
	// Signals ask to stop: the first one gracefully, the second one at once.
	Signals <-chan os.Signal
	// Exit ends the process at once.
	Exit func(code int)
}

// A command is one call of s3sync-cluster.
type command struct {
	p    Process
	line *options.Line
	own  own
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, p Process) (code int) {
	c := newCommand(p)
	defer func() {
		if r := recover(); r != nil {
			c.say(fmt.Sprint("internal error: ", r))
			_, _ = c.p.Stderr.Write(debug.Stack())
			code = options.ExitBug
		}
	}()
	asked, args, text, err := c.line.Parse()
	switch {
	case err != nil:
		return c.fail(err)
	case asked != nil:
		return asked.Run(ctx, args)
	}
	return c.print(text)
}

func newCommand(p Process) *command {
	c := &command{p: p, own: defaults()}
	c.line = options.New(options.Program{
		Args: p.Args, Environ: p.Environ, Stdout: p.Stdout, Stderr: p.Stderr,
		Version: options.ThisBuild().Line(program) + "\n", Commands: c.commands(),
		Other: &options.Other{Name: program, About: about, Rows: rows(&c.own), Refused: refused(), Variable: connect.Knows},
	})
	return c
}

// fail reports why a command failed, and returns its exit code.
func (c *command) fail(err error) int {
	if errors.Is(err, syscall.EPIPE) {
		return options.ExitDone // the reader closed the pipe
	}
	c.say(err.Error())
	if _, ok := errors.AsType[options.UsageError](err); ok {
		return options.ExitUsage
	}
	return options.ExitError
}

// say writes one line to standard error.
func (c *command) say(text string) {
	_, _ = io.WriteString(c.p.Stderr, program+": "+visible.Line(text)+"\n") // nobody is left to be told
}

// print writes what was asked for to standard output.
func (c *command) print(text string) int {
	if _, err := io.WriteString(c.p.Stdout, text); err != nil {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	return options.ExitDone
}

// logger makes the log, on standard error.
func (c *command) logger() *slog.Logger {
	level := c.line.Level()
	if level == options.LevelOff {
		return slog.New(slog.DiscardHandler)
	}
	out := c.p.Stderr
	return slog.New(logformat.New(logformat.Options{
		Out: out, Level: level, JSON: c.line.Log.JSON, Spell: c.line.Spell,
		Colours: !c.line.Log.NoColor && c.line.Variable("NO_COLOR") == "" && c.line.Variable("TERM") != "dumb" && display.Terminal(out) != nil,
	}))
}

// connections are those that this machine knows.
func (c *command) connections() (*connect.Connections, error) {
	known, err := connect.Load(c.own.connections, c.p.Environ)
	if err != nil {
		return nil, options.Misuse("%v", err)
	}
	for _, note := range known.Notes() {
		c.say("warning: " + note)
	}
	return known, nil
}

// interruptible returns a context that the first signal cancels, or drains if that is set.
// The second one ends the process.
func (c *command) interruptible(ctx context.Context) (context.Context, func() os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	done, ended := make(chan struct{}), make(chan os.Signal, 1)
	go func() {
		var first os.Signal
		var at time.Time // first came
		for {
			select {
			case <-done:
				ended <- first
				return
			case sig := <-c.p.Signals:
				if options.IsSameSignal(first, sig, time.Since(at)) {
					continue
				}
				if first != nil {
					c.p.Exit(options.ExitOfSignal(sig))
				}
				first, at = sig, time.Now()
				cancel()
			}
		}
	}()
	return ctx, func() os.Signal {
		close(done)
		defer cancel()
		return <-ended
	}
}
