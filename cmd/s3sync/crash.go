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

// crashLoudly keeps a crash from ending with exit code 2, which the Go runtime uses for
// crashes and this command for invalid arguments: scripts would conclude that nothing
// was done.
//
// SIGQUIT prints the stacks of all goroutines and ends with the exit code of a crash. A
// crash that cannot be caught, such as a lack of memory, ends by SIGABRT, which shells
// show as 134. A user's GOTRACEBACK overrides this.
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
