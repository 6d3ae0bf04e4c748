package options

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"s3sync"
)

func newLine(args ...string) *Line {
	return (&call{args: args}).line()
}

// A call is a command that does nothing: what a user sees of a line and its
// environment.
type call struct {
	args, env      []string
	stdout, stderr bytes.Buffer
	// cfg is what would be run, nil if nothing would.
	cfg *s3sync.Config
}

func (c *call) line() *Line {
	return New(Program{Args: c.args, Environ: c.env, Stdout: &c.stdout, Stderr: &c.stderr, Version: "s3sync 1.2.3\n", Commands: testCommands()})
}

// testCommands are the sync and three of other kinds.
func testCommands() []Command {
	return []Command{
		{Args: "[SOURCE] [TARGET]", Sides: true},
		{Name: "sides", Args: "SOURCE TARGET", Sides: true, Options: []string{"probe-writes", "policy", "json"}, Usage: "look at both sides"},
		{Name: "one", Args: "FILE", Options: []string{"json", "worker-size"}, Usage: "read a file", More: "It may be old."},
		{Name: "words", Args: "[WORD...]", Verbatim: true, Usage: "print the words", Values: (*Line).Shells},
		{Name: "none", Usage: "print nothing"},
	}
}

// between is a call that would sync two buckets.
func between(args ...string) *call {
	return &call{args: append(args, "s3://a", "s3://b")}
}

func (c *call) main(t *testing.T) int {
	t.Helper()
	l := c.line()
	asked, args, text, err := l.Parse()
	if err == nil && asked != nil && asked.Sides {
		err = l.Check()
	}
	if err != nil {
		fmt.Fprintf(&c.stderr, "s3sync: %v\n", err)
		if _, ok := errors.AsType[UsageError](err); ok {
			return ExitUsage
		}
		return ExitError
	}
	c.stdout.WriteString(text)
	if asked == nil {
		return ExitDone
	}
	if asked.Name != "" {
		fmt.Fprintf(&c.stdout, "%s %q\n", asked.call(), args)
	}
	if !asked.Sides {
		return ExitDone
	}
	c.cfg = l.Config
	out := &c.stderr
	if l.Log.JSON {
		out = &c.stdout
	}
	for _, note := range l.Notes {
		if l.Level() <= s3sync.LevelNote {
			fmt.Fprintln(out, "NOTE", note)
		}
	}
	fmt.Fprintln(&c.stdout, l.Given())
	return ExitDone
}
