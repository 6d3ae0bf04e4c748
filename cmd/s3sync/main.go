// Command s3sync syncs local directories and S3 buckets and verifies what arrived.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"s3sync"
	"s3sync/internal/cli"
)

func main() {
	crashLoudly()
	// With SIGPIPE caught, a broken pipe is a write error and does not end the run.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	collectLessOften()
	os.Exit(cli.Main(context.Background(), cli.Process{
		Args:    os.Args[1:],
		Environ: os.Environ(),
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Signals: stopSignals(),
		Exit:    os.Exit,
		Sync:    s3sync.Sync,
	}))
}

// stopSignals returns the signals that stop a run. If SIGHUP is ignored, as with nohup,
// it is not among them: the command outlives the terminal.
func stopSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	return signals
}
