package bucket_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// A pipeListener hands over connections without buffers, within a bubble of
// synctest.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.IPAddr{} }

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	l.conns <- server
	return client, nil
}

// openPiped opens a store whose server answers by handle, all within a bubble.
func openPiped(t *testing.T, handle http.HandlerFunc, change func(*bucket.Options)) *bucket.Store {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: handle, ReadHeaderTimeout: time.Hour}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	opts := bucket.Options{
		Bucket: "b", AccessKey: "AKTEST", SecretKey: "very-secret", Region: "r", EndpointURL: "http://server", PathStyle: true,
		MaxAttempts: 1, InitialBackoff: time.Millisecond, ReadTimeout: time.Minute, StallTimeout: 20 * time.Second,
	}
	if change != nil {
		change(&opts)
	}
	s, err := bucket.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Dial(l.dial)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		_ = server.Close()
		<-served
	})
	return s
}

// answerNever takes a request and answers when the client has gone.
func answerNever(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestNoAnswer: an answer is not waited for without end, and longer where the
// server works before it answers.
func TestNoAnswer(t *testing.T) {
	stat := func(ctx context.Context, s *bucket.Store) error {
		_, err := s.Stat(ctx, "k", storage.StatOptions{})
		return err
	}
	putSmall := func(ctx context.Context, s *bucket.Store) error {
		_, err := s.Put(ctx, "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4})
		return err
	}
	list := func(ctx context.Context, s *bucket.Store) error {
		_, err := keysOf(ctx, s, storage.Range{})
		return err
	}
	commit := func(ctx context.Context, s *bucket.Store) error {
		u, err := s.Create(ctx, "k", storage.WriteOptions{Size: 4})
		if err != nil {
			return err
		}
		if err := u.WritePart(ctx, 1, 0, storage.Block{Data: []byte("data")}); err != nil {
			return err
		}
		_, err = u.Commit(ctx)
		return err
	}
	for name, tt := range map[string]struct {
		do   func(context.Context, *bucket.Store) error
		read time.Duration
		want time.Duration
	}{
		"stat":            {stat, time.Minute, time.Minute},
		"put":             {putSmall, time.Minute, time.Minute},
		"list":            {list, time.Minute, time.Minute},
		"complete":        {commit, time.Minute, 15 * time.Minute},
		"complete, short": {commit, time.Second, 15 * time.Second},
		"complete, long":  {commit, time.Hour, time.Hour},
		"for ever":        {stat, 0, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := openPiped(t, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case r.URL.Query().Has("uploads"):
						_, _ = io.WriteString(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
					case r.URL.Query().Has("partNumber"):
						_, _ = io.Copy(io.Discard, r.Body)
						w.Header().Set("ETag", `"`+etag+`"`)
					default:
						answerNever(w, r)
					}
				}, func(o *bucket.Options) { o.ReadTimeout = tt.read })
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
				defer cancel()
				began := time.Now()
				err := tt.do(ctx, s)
				if took := time.Since(began); took < tt.want || took > tt.want+time.Second {
					t.Errorf("took %v, want %v (%v)", took, tt.want, err)
				}
				if tt.read > 0 {
					wantKind(t, err, storage.ErrTransient)
				}
			})
		})
	}
}

// TestNoAnswerIsRetried: the next attempt may be answered.
func TestNoAnswerIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int32
		s := openPiped(t, func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) == 1 {
				answerNever(w, r)
				return
			}
			object(w, r, "", etag)
		}, func(o *bucket.Options) { o.MaxAttempts = 2 })
		if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil || n.Load() != 2 {
			t.Errorf("%d attempts: %v", n.Load(), err)
		}
	})
}

// TestSlowUploadIsNoSlowAnswer: the wait for an answer begins when the request
// was sent, however long that took.
func TestSlowUploadIsNoSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pieces, size = 400, 400 * 4096
		s := openPiped(t, func(w http.ResponseWriter, r *http.Request) {
			for range pieces {
				time.Sleep(time.Second)
				if _, err := io.CopyN(io.Discard, r.Body, size/pieces); err != nil {
					return // the client tells why
				}
			}
			time.Sleep(55 * time.Second) // of 60
			w.Header().Set("ETag", `"`+etag+`"`)
		}, nil)
		began := time.Now()
		_, err := s.Put(t.Context(), "k", storage.Block{Data: make([]byte, size)}, storage.WriteOptions{Size: size})
		if took := time.Since(began); err != nil || took < 400*time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestWaiting: a store tells what it waits for, and for how long.
func TestWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openPiped(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/known") {
				object(w, r, "", etag)
				return
			}
			answerNever(w, r)
		}, func(o *bucket.Options) { o.MaxAttempts = 2; o.InitialBackoff = 0 })
		if _, err := s.Stat(t.Context(), "known", storage.StatOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if quiet, what := s.Waiting(); quiet != time.Minute || what != "" {
			t.Errorf("without a request: %v, %q", quiet, what)
		}
		var calls sync.WaitGroup
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			calls.Go(func() {
				if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); err == nil {
					t.Error("no error")
				}
			})
			time.Sleep(time.Second)
		}
		time.Sleep(26 * time.Second)
		const want = `HeadObject of "/b/a" for 31s, HeadObject of "/b/b" for 30s, HeadObject of "/b/c" for 29s and 2 more`
		if quiet, what := s.Waiting(); quiet != 27*time.Second || what != want {
			t.Errorf("got %v, %s, want %s", quiet, what, want)
		}
		time.Sleep(40 * time.Second)
		if quiet, what := s.Waiting(); quiet != 67*time.Second || !strings.HasPrefix(what, `HeadObject of "/b/a" for 11s`) {
			t.Errorf("a further attempt is taken for progress: %v, %s", quiet, what)
		}
		calls.Wait()
		if _, what := s.Waiting(); what != "" {
			t.Errorf("after the requests: %s", what)
		}
	})
}

// TestHeaderThatCannotBeSent: it is no fault of the connection, and no attempt
// would be better.
func TestHeaderThatCannotBeSent(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	opts := f.options()
	opts.MaxAttempts, opts.InitialBackoff = 10, time.Hour
	attributes := storage.Attributes{Metadata: map[string]string{"color": "red\r\nX-Amz-Acl: public-read"}}
	_, err := open(t, opts).Put(t.Context(), "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4, Attributes: attributes})
	wantKind(t, err, nil)
	if want := `the header x-amz-meta-color would hold '\r', which no header can`; !strings.Contains(err.Error(), want) {
		t.Errorf("message %q does not hold %q", err, want)
	}
	f.wantSeen(t)
}
