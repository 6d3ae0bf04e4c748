package cli

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"s3sync"
)

// TestSignalSentTwice: a signal that timeout(1) sends to the process and to its group does
// not keep the run from cleaning up.
func TestSignalSentTwice(t *testing.T) {
	signals := make(chan os.Signal)
	p := Process{
		Args: []string{"--no-state", "s3://a", "s3://b"}, Stdout: io.Discard, Stderr: io.Discard, Signals: signals,
		Exit: func(code int) { t.Errorf("left at once, with exit code %d", code) },
		Sync: func(ctx context.Context, _ *s3sync.Config) (*s3sync.Report, error) {
			signals <- syscall.SIGTERM
			signals <- syscall.SIGTERM
			<-ctx.Done()
			return &s3sync.Report{}, context.Cause(ctx)
		},
	}
	if code := Main(t.Context(), p); code != 143 {
		t.Errorf("exit code %d, want 143", code)
	}
}

// TestSignalsWhileNothingIsRead: a reader of standard error that has stopped does not keep a
// run from being stopped, and not from being left.
func TestSignalsWhileNothingIsRead(t *testing.T) {
	unread, stderr := io.Pipe()
	signals, exited, left := make(chan os.Signal), make(chan int, 1), make(chan struct{})
	p := Process{
		Args: []string{"--no-state", "s3://a", "s3://b"}, Stdout: io.Discard, Stderr: stderr, Signals: signals,
		Exit: func(code int) { exited <- code },
		Sync: func(ctx context.Context, _ *s3sync.Config) (*s3sync.Report, error) {
			signals <- os.Interrupt
			<-ctx.Done()
			signals <- os.Interrupt
			<-left
			return &s3sync.Report{}, context.Cause(ctx)
		},
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Main(t.Context(), p)
	}()
	select {
	case code := <-exited:
		if code != 130 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(10 * time.Second):
		t.Error("the second signal does not end the process")
	}
	close(left)
	_ = unread.Close()
	<-ended
}
