package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"s3sync"
)

// A Process is what the command sees and touches of the process it runs in.
type Process struct {
	Args           []string // without the program's name
	Environ        []string // NAME=value
	Stdout, Stderr io.Writer
	// Signals ask to stop: the first one gracefully, the second one at once.
	Signals <-chan os.Signal
	// Exit ends the process at once.
	Exit func(code int)
	// Sync does the work.
	Sync func(context.Context, *s3sync.Config) (*s3sync.Report, error)
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, p Process) (code int) {
	c := newCommand(p)
	defer func() {
		if r := recover(); r != nil {
			c.reportBug(fmt.Sprint(r), debug.Stack())
			code = exitBug
		}
	}()
	if err := c.root.Execute(); err != nil {
		return c.fail(err)
	}
	if !c.accepted {
		return c.code // help or completion
	}
	if err := c.run(ctx); err != nil {
		return c.fail(err)
	}
	return c.code
}

// A usageError is a refusal: nothing was done.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...)}
}

// fail reports an error that kept the run from starting.
func (c *command) fail(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		c.say(err.Error())
		return exitUsage
	}
	if errors.Is(err, syscall.EPIPE) {
		return exitDone // the reader of the help had enough of it
	}
	c.say(err.Error())
	return exitError
}

// say writes one line to standard error.
func (c *command) say(text string) {
	c.screen.put(c.p.Stderr, "s3sync: "+oneLine(text)+"\n")
}

// warn says something that the user should know before it does harm.
func (c *command) warn(text string) { c.say("warning: " + text) }

func (c *command) reportBug(what string, stack []byte) {
	c.say("internal error: " + what)
	c.screen.put(c.p.Stderr, string(stack)+
		"This is a fault of s3sync. Please report it with the lines above and what led to it.\n")
}

// oneLine keeps text that came from outside from drawing on the terminal.
func oneLine(text string) string {
	return string(appendShown(nil, strings.NewReplacer("\n", "; ", "\t", " ").Replace(text)))
}
