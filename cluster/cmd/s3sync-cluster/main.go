// Command s3sync-cluster runs a sync between two buckets on many machines.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"s3sync/cluster/internal/command"
)

func main() {
	// With SIGPIPE caught, a broken pipe is a write error and does not end the worker.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	os.Exit(command.Main(context.Background(), command.Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr, Signals: signals, Exit: os.Exit,
	}))
}
