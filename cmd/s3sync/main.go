// Command s3sync syncs local directories and S3 buckets and verifies what arrived.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

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
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Signals: stopSignals(),
		Exit:    os.Exit,
		Sync:    s3sync.Sync,

		Password: password,
	}))
}

// password asks for a password without showing it. The terminal stops to show what is typed
// before the question appears, so that nothing that is typed soon, or pasted, is shown.
func password(prompt string) (text string, err error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", errors.New("standard input is no terminal")
	}
	before, err := term.MakeRaw(in)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(in, before)) }()
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stderr}, "")
	if err := t.SetSize(1<<15, 1); err != nil { // the terminal breaks long lines by itself
		return "", err
	}
	text, err = t.ReadPassword(prompt)
	if errors.Is(err, io.EOF) { // Ctrl-C and Ctrl-D, too
		err = errors.New("no password was given")
	}
	return text, err
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
