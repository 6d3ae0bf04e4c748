package options

import (
	"os"
	"syscall"
	"time"

	"s3sync"
)

// Exit codes.
const (
	ExitDone       = 0
	ExitError      = 1
	ExitUsage      = 2
	ExitWarning    = 3
	ExitBug        = 101
	ExitHangup     = 128 + 1  // SIGHUP, as shells count
	ExitInterrupt  = 128 + 2  // SIGINT
	ExitAborted    = 128 + 6  // SIGABRT, by which the Go runtime ends: see cmd/s3sync
	ExitTerminated = 128 + 15 // SIGTERM
)

type exitCode struct {
	code int
	text string
}

// exitCodes returns the table of exit codes for the help and the docs.
func exitCodes() []exitCode {
	return []exitCode{
		{ExitDone, "done"},
		{ExitError, "an error: something was not transferred or not deleted, or the log could not be written"},
		{ExitUsage, "invalid arguments; nothing was done"},
		{ExitWarning, "done with warnings: something was skipped, or a report found a difference"},
		{ExitBug, "a fault of s3sync itself; also after SIGQUIT, which prints what it is doing"},
		{ExitHangup, "stopped by SIGHUP (the terminal was closed), unless that was ignored, as nohup does"},
		{ExitInterrupt, "stopped by SIGINT (Ctrl-C)"},
		{ExitAborted, "out of memory, or another crash of s3sync that cannot be caught (SIGABRT)"},
		{ExitTerminated, "stopped by SIGTERM"},
	}
}

// Misuse is a mistake in the arguments of a command.
func Misuse(format string, args ...any) error { return usagef(format, args...) }

// ExitMeaning says what an exit code means.
func ExitMeaning(code int) string {
	for _, row := range exitCodes() {
		if row.code == code {
			return row.text
		}
	}
	return "unknown"
}

// ExitOf returns the exit code of a run that ended without an error. Its report may be nil.
func ExitOf(report *s3sync.Report) int {
	switch {
	case report == nil:
		return ExitDone
	case report.Failed > 0:
		return ExitError
	case report.Warnings > 0 || report.Incomplete || !report.Status.InSync():
		return ExitWarning
	}
	return ExitDone
}

// IsSameSignal reports whether a signal is the one that came before, sent once more by the
// same sender: timeout(1) sends its signal to the process and then to the group. A person
// who presses Ctrl-C again means it.
func IsSameSignal(before, sig os.Signal, since time.Duration) bool {
	return sig == before && sig != os.Interrupt && since < time.Second
}

// ExitOfSignal returns the exit code of a command that a signal stopped, as shells count it.
func ExitOfSignal(sig os.Signal) int {
	switch sig {
	case syscall.SIGHUP:
		return ExitHangup
	case syscall.SIGTERM:
		return ExitTerminated
	}
	return ExitInterrupt
}
