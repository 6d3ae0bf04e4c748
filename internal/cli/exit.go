package cli

import (
	"errors"
	"os"
	"syscall"

	"s3sync"
)

// Exit codes. The table exitCodes explains them.
const (
	exitDone       = 0
	exitError      = 1
	exitUsage      = 2
	exitWarning    = 3
	exitBug        = 101
	exitInterrupt  = 128 + 2  // SIGINT, as shells count
	exitTerminated = 128 + 15 // SIGTERM
)

// exitCodes is what the help and the docs say.
func exitCodes() []struct {
	code int
	text string
} {
	return []struct {
		code int
		text string
	}{
		{exitDone, "done"},
		{exitError, "an error: something was not transferred or not deleted"},
		{exitUsage, "invalid arguments; nothing was done"},
		{exitWarning, "done with warnings: something was left out, or a report found a difference"},
		{exitBug, "a fault of s3sync itself"},
		{exitInterrupt, "stopped by SIGINT (Ctrl-C)"},
		{exitTerminated, "stopped by SIGTERM"},
	}
}

// A stacker is the error that a panic inside the library became.
type stacker interface {
	error
	Stack() []byte
}

// exitCode is the one place where the outcome of a run becomes an exit code.
// sig is the signal that asked the run to stop, or nil.
func exitCode(report *s3sync.Report, err error, sig os.Signal) int {
	if _, ok := errors.AsType[stacker](err); ok {
		return exitBug
	}
	if sig != nil {
		return signalCode(sig)
	}
	if _, ok := errors.AsType[*s3sync.ConfigError](err); ok {
		return exitUsage
	}
	switch {
	case err != nil, report != nil && report.Failed > 0:
		return exitError
	case report != nil && (report.Warnings > 0 || report.Incomplete || !report.Status.InSync()):
		return exitWarning
	}
	return exitDone
}

func signalCode(sig os.Signal) int {
	if sig == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupt
}
