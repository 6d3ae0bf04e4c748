package bucket_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// short is a time-out that a test waits for.
const short = 100 * time.Millisecond

// TestTimeouts: whatever part of a request hangs, it ends, and may be retried.
func TestTimeouts(t *testing.T) {
	large := storage.Block{Data: make([]byte, 64<<20)} // more than any buffer between
	upload := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		_, err := s.Put(t.Context(), "k", large, storage.WriteOptions{Size: int64(len(large.Data))})
		return err
	}
	stat := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		_, err := s.Stat(t.Context(), "k", storage.StatOptions{})
		return err
	}
	read := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		r, err := s.Open(t.Context(), "k", storage.OpenOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		return r.ReadAt(t.Context(), make([]byte, r.Info().Size), 0)
	}
	list := func(t *testing.T, s *bucket.Store) error {
		t.Helper()
		_, err := keysOf(t.Context(), s, storage.Range{})
		return err
	}
	// A server that did not read the body does not notice that the client left.
	done := make(chan struct{})
	noAnswer := func(http.ResponseWriter, *http.Request) { <-done }
	halfAnswer := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("<?xml"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, tt := range map[string]struct {
		change func(*bucket.Options)
		handle http.HandlerFunc // does not read the body
		do     func(*testing.T, *bucket.Store) error
		text   string
	}{
		"upload stands still":   {func(o *bucket.Options) { o.StallTimeout = short }, noAnswer, upload, "the upload made no progress"},
		"download stands still": {func(o *bucket.Options) { o.StallTimeout = short }, halfAnswer, read, "the download made no progress"},
		"listing stands still":  {func(o *bucket.Options) { o.StallTimeout = short }, halfAnswer, list, "the download made no progress"},
		"read, no answer":       {func(o *bucket.Options) { o.ReadTimeout = short }, noAnswer, stat, "no answer to a request"},
		"read, half an answer":  {func(o *bucket.Options) { o.ReadTimeout, o.StallTimeout = short, time.Hour }, halfAnswer, read, "made no progress"},
		"attempt, no answer":    {func(o *bucket.Options) { o.AttemptTimeout = short }, noAnswer, stat, "no answer to a request"},
		"attempt, upload":       {func(o *bucket.Options) { o.AttemptTimeout = short }, noAnswer, upload, "no answer to a request"},
		"operation":             {func(o *bucket.Options) { o.OperationTimeout = short }, noAnswer, stat, "no answer within the time-out"},
		"operation, open":       {func(o *bucket.Options) { o.OperationTimeout = short }, noAnswer, read, "no answer"},
		"operation, listing":    {func(o *bucket.Options) { o.OperationTimeout = short }, halfAnswer, list, "no answer within the time-out"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRawFake(t, tt.handle, nil)
			done = make(chan struct{})
			defer close(done)
			opts := f.options()
			tt.change(&opts)
			began := time.Now()
			err := tt.do(t, open(t, opts))
			wantKind(t, err, storage.ErrTransient)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q does not hold %q", err, tt.text)
			}
			if took := time.Since(began); took < short/2 || took > 100*short {
				t.Errorf("took %v", took)
			}
		})
	}
}

// TestAttemptTimeoutIsRetried: a hanging attempt is followed by another one.
func TestAttemptTimeoutIsRetried(t *testing.T) {
	var n atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		w.Header().Set("ETag", `"`+etag+`"`)
	})
	opts := f.options()
	opts.MaxAttempts, opts.AttemptTimeout = 2, short
	if err := put(t, open(t, opts), "k"); err != nil {
		t.Error(err)
	}
	if _, body := f.last(t); n.Load() != 2 || body != "data" {
		t.Errorf("%d requests, the last with %q", n.Load(), body)
	}
}

// TestSlowIsNotStalled: time-outs of progress do not bound a slow transfer, nor
// a consumer that takes its time.
func TestSlowIsNotStalled(t *testing.T) {
	const stall, size = 4 * short, 8 << 20
	f := newRawFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+etag+`"`)
		if r.Method == http.MethodPut {
			for {
				time.Sleep(stall / 80)
				if _, err := io.CopyN(io.Discard, r.Body, size/160); err != nil {
					return
				}
			}
		}
		w.Header().Set("Content-Length", "8")
		for range 8 {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(stall / 4)
		}
	}, nil)
	opts := f.options()
	opts.StallTimeout, opts.ReadTimeout = stall, 0
	began := time.Now()
	if _, err := open(t, opts).Put(t.Context(), "k", storage.Block{Data: make([]byte, size)}, storage.WriteOptions{Size: size}); err != nil {
		t.Errorf("slow upload: %v after %v", err, time.Since(began))
	}
	opts.ReadTimeout = 2 * stall
	r := reader(t, open(t, opts), storage.OpenOptions{})
	time.Sleep(2 * stall) // nobody reads: that is our own doing
	if got, err := readAt(t, r, 8, 0); err != nil || got != "xxxxxxxx" {
		t.Errorf("slow download: %q, %v", got, err)
	}
}

// counter is a Limiter that lets all pass.
type counter struct {
	mu sync.Mutex

	total, largest int
	fail           error
}

func (c *counter) WaitN(_ context.Context, n int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += n
	c.largest = max(c.largest, n)
	return c.fail
}

func TestLimiter(t *testing.T) {
	const size = 1 << 20
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.Header().Set("ETag", `"`+etag+`"`)
			return
		}
		object(w, r, strings.Repeat("x", size), etag)
	})
	send, receive := &counter{}, &counter{}
	opts := f.options()
	opts.SendLimit, opts.ReceiveLimit = send, receive
	s := open(t, opts)
	if _, err := s.Put(t.Context(), "k", storage.Block{Data: make([]byte, size)}, storage.WriteOptions{Size: size}); err != nil {
		t.Fatal(err)
	}
	if send.total != size || send.largest > 32<<10 || receive.total != 0 {
		t.Errorf("upload: sent %d in pieces of up to %d, received %d", send.total, send.largest, receive.total)
	}
	r := reader(t, s, storage.OpenOptions{})
	if _, err := readAt(t, r, size, 0); err != nil {
		t.Fatal(err)
	}
	if receive.total != size || receive.largest > 32<<10 || send.total != size {
		t.Errorf("download: received %d in pieces of up to %d, sent %d", receive.total, receive.largest, send.total)
	}
}

// TestLimiterWaits: the wait for a limiter is no stall, and ends with the context.
func TestLimiterWaits(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"`+etag+`"`) })
	opts := f.options()
	opts.StallTimeout = short / 4
	opts.SendLimit = limiterFunc(func(ctx context.Context, _ int) error {
		select {
		case <-time.After(short):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := put(t, open(t, opts), "k"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	opts.SendLimit = limiterFunc(func(ctx context.Context, _ int) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	})
	_, err := open(t, opts).Put(ctx, "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

type limiterFunc func(context.Context, int) error

func (f limiterFunc) WaitN(ctx context.Context, n int) error { return f(ctx, n) }

// TestNothingStays: after Close neither connections nor goroutines are left.
func TestNothingStays(t *testing.T) {
	before := runtime.NumGoroutine()
	var mu sync.Mutex
	conns := map[net.Conn]bool{}
	f := newRawFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, strings.Repeat("x", 1<<20), etag) },
		func(server *http.Server) {
			server.ConnState = func(c net.Conn, state http.ConnState) {
				mu.Lock()
				defer mu.Unlock()
				switch state {
				case http.StateNew:
					conns[c] = true
				case http.StateClosed:
					delete(conns, c)
				}
			}
		})
	opts := f.options()
	opts.StallTimeout, opts.AttemptTimeout, opts.OperationTimeout = time.Minute, time.Minute, time.Minute
	s, err := bucket.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		r, err := s.Open(t.Context(), "k", storage.OpenOptions{First: int64(i)})
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := readAt(t, r, 100, 50); err != nil {
				t.Error(err)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		mu.Lock()
		open := len(conns)
		mu.Unlock()
		// The server has a goroutine for its listener.
		if extra := runtime.NumGoroutine() - before; open == 0 && extra <= 2 {
			return
		} else if time.Now().After(deadline) {
			t.Fatalf("%d connections and %d goroutines are left", open, extra)
		}
		time.Sleep(time.Millisecond)
	}
}
