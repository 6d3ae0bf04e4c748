package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"s3sync/internal/cli"
)

// crashLoudly keeps a crash from ending with exit code 2, which is that of the Go
// runtime and, here, of invalid arguments: scripts take it for "nothing was done".
//
// SIGQUIT prints what every goroutine does and ends with the exit code of a
// crash. What nobody can catch, such as a lack of memory, ends by SIGABRT, which
// shells show as 134. Whoever sets GOTRACEBACK wants it otherwise.
func crashLoudly() {
	quit := make(chan os.Signal, 1)
	if !signal.Ignored(syscall.SIGQUIT) {
		signal.Notify(quit, syscall.SIGQUIT)
	}
	cli.DumpOn(quit, os.Stderr, os.Exit)
	traceback := func(variable string) bool { return strings.HasPrefix(variable, "GOTRACEBACK=") }
	if !slices.ContainsFunc(os.Environ(), traceback) {
		debug.SetTraceback("crash")
		disableCoreDumps()
	}
}
