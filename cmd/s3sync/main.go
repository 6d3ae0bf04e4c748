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
	// Caught, a broken pipe is an error of the write and not the end of the run.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
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

// stopSignals are the signals that ask a run to stop. Who started the command
// with SIGHUP ignored, as nohup does, wants it to outlive the terminal.
func stopSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	return signals
}
