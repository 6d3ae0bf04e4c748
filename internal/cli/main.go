package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"s3sync"
	"s3sync/internal/cli/options"
)

// A Process is the part of its process that the command uses.
type Process struct {
	Args           []string // without the program's name
	Environ        []string // NAME=value
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Signals ask to stop: the first one gracefully, the second one at once.
	Signals <-chan os.Signal
	// Exit ends the process at once.
	Exit func(code int)
	// Sync does the work.
	Sync func(context.Context, *s3sync.Config) (*s3sync.Report, error)
	// Password asks for a password on the terminal. It may be nil.
	Password func(prompt string) (string, error)
}

// Main runs the command and returns its exit code.
func Main(ctx context.Context, p Process) (code int) {
	c := newCommand(p)
	defer func() {
		if r := recover(); r != nil {
			c.reportBug(fmt.Sprint(r), debug.Stack())
			code = options.ExitBug
		}
	}()
	return c.run(ctx)
}
