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
	exitHangup     = 128 + 1  // SIGHUP, as shells count
	exitInterrupt  = 128 + 2  // SIGINT
	exitAborted    = 128 + 6  // SIGABRT, by which the Go runtime ends: see cmd/s3sync
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
		{exitError, "an error: something was not transferred or not deleted, or the log could not be written"},
		{exitUsage, "invalid arguments; nothing was done"},
		{exitWarning, "done with warnings: something was skipped, or a report found a difference"},
		{exitBug, "a fault of s3sync itself; also after SIGQUIT, which prints what it is doing"},
		{exitHangup, "stopped by SIGHUP (the terminal was closed), unless that was ignored, as nohup does"},
		{exitInterrupt, "stopped by SIGINT (Ctrl-C)"},
		{exitAborted, "out of memory, or another crash of s3sync that cannot be caught (SIGABRT)"},
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

// withoutLog is the exit code of a run of which the log could not be written:
// nobody can tell what it did, so that it did not end well.
func withoutLog(code int) int {
	if code == exitDone || code == exitWarning {
		return exitError
	}
	return code
}

func signalCode(sig os.Signal) int {
	switch sig {
	case syscall.SIGHUP:
		return exitHangup
	case syscall.SIGTERM:
		return exitTerminated
	}
	return exitInterrupt
}
