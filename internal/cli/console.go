package cli

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"

	"s3sync/internal/cli/display"
	"s3sync/internal/cli/options"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// A console is where a command writes: what was asked for, the log, and messages.
type console struct {
	p      Process
	line   *options.Line
	screen *display.Screen
	// stdout and stderr are where the log and the summary go; they may be one.
	stdout, stderr *logStream
}

// fail reports an error that prevented the run.
func (c *console) fail(err error) int {
	if readerGone(err) {
		return options.ExitDone // of the help, say
	}
	c.say(err.Error())
	if _, ok := errors.AsType[options.UsageError](err); ok {
		return options.ExitUsage
	}
	return options.ExitError
}

// readerGone reports whether a write failed because the reader of a pipe is gone, as in
// `s3sync --help | head`.
func readerGone(err error) bool {
	if errno, ok := errors.AsType[syscall.Errno](err); ok && runtime.GOOS == "windows" {
		// ERROR_BROKEN_PIPE and ERROR_NO_DATA, as in os/exec:
		// https://learn.microsoft.com/windows/win32/debug/system-error-codes--0-499-
		return errno == 109 || errno == 232
	}
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// say writes one line to standard error.
func (c *console) say(text string) {
	c.screen.Put(c.p.Stderr, "s3sync: "+visible.Line(text)+"\n")
}

// warn prints something that the user should know before it does harm.
func (c *console) warn(text string) { c.say("warning: " + text) }

// notice prints what a store has to say.
func (c *console) notice(n storage.Notice) {
	if n.Warning {
		c.warn(n.Text)
	}
}

func (c *console) reportBug(what string, stack []byte) {
	c.screen.Clear()
	c.say("internal error: " + what)
	c.screen.Put(c.p.Stderr, string(stack)+
		"This is a fault of s3sync. Please report it with the lines above and what led to it.\n")
}

// print writes what was asked for to standard output.
func (c *console) print(text string) int {
	if text == "" {
		return options.ExitDone // the shell has the completions already
	}
	if _, err := io.WriteString(c.p.Stdout, text); err != nil {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	return options.ExitDone
}

// logIncomplete reports whether lines could not be written.
func (c *console) logIncomplete() bool {
	return c.stdout.failure() != nil || c.stderr.failure() != nil
}
