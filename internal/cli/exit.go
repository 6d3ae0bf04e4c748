package cli

import (
	"errors"
	"os"

	"s3sync"
	"s3sync/internal/cli/options"
)

// A stacker is an error made from a panic inside the library.
type stacker interface {
	error
	Stack() []byte
}

// exitCode is the only place that turns the outcome of a run into an exit code. sig is
// the signal that asked the run to stop, or nil.
func exitCode(report *s3sync.Report, err error, sig os.Signal) int {
	if _, ok := errors.AsType[stacker](err); ok {
		return options.ExitBug
	}
	if sig != nil {
		return options.ExitOfSignal(sig)
	}
	if _, ok := errors.AsType[*s3sync.ConfigError](err); ok || errors.Is(err, s3sync.ErrPlan) {
		return options.ExitUsage
	}
	if err != nil {
		return options.ExitError
	}
	return options.ExitOf(report)
}

// withoutLog returns the exit code of a run whose log could not be written. Such a run
// does not succeed, because the user cannot know what it did.
func withoutLog(code int) int {
	if code == options.ExitDone || code == options.ExitWarning {
		return options.ExitError
	}
	return code
}
