package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage/bucket/internal/transport"
)

// newClient returns a client that dials as programs do.
func newClient(tb testing.TB, o transport.Options) *transport.Client {
	tb.Helper()
	d := new(net.Dialer)
	o.Dialer(d)
	return clientBy(tb, o, d.DialContext)
}

// clientBy returns a client whose connections dial makes.
func clientBy(tb testing.TB, o transport.Options, dial func(ctx context.Context, network, address string) (net.Conn, error)) *transport.Client {
	tb.Helper()
	setup, err := o.Setup()
	if err != nil {
		tb.Fatal(err)
	}
	if o.Secrets == nil {
		o.Secrets = transport.NewSecrets("")
	}
	t := &http.Transport{DialContext: dial, ExpectContinueTimeout: time.Second}
	setup(t)
	tb.Cleanup(t.CloseIdleConnections)
	return transport.New(t, o)
}

// roundTrips is a RoundTripper made of a function.
type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// answer is an answer with a body.
func answer(body io.Reader) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body)}
}

// failure sends a request that is to fail.
func failure(c *transport.Client, call transport.Call, req *http.Request) error {
	resp, err := c.Send(call, req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// hangs ends with the context of a request.
func hangs(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// readerFunc is a Reader made of a function.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// after returns a reader that waits before each of n bytes.
func after(pause time.Duration, n int) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		time.Sleep(pause)
		if n--; n < 0 {
			return 0, io.EOF
		}
		return copy(p, "x"), nil
	})
}

// TestLimits: a request ends when its limit has passed, not earlier, and says which it was.
func TestLimits(t *testing.T) {
	put := func(ctx context.Context, body io.Reader, length int64) *http.Request {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://server/b/k", io.NopCloser(body))
		if err != nil {
			panic(err)
		}
		req.ContentLength = length
		return req
	}
	limits := transport.Options{AttemptTimeout: 100 * time.Second, ReadTimeout: 10 * time.Second, StallTimeout: 7 * time.Second}
	for name, tt := range map[string]struct {
		given roundTrips
		body  io.Reader
		want  string
		after time.Duration
	}{
		"no answer":           {hangs, nil, "no answer to a request for 10s", 10 * time.Second},
		"body is never read":  {hangs, after(0, 4), "no answer to a request for 10s", 10 * time.Second},
		"answer after upload": {readThen(5, hangs), after(6*time.Second, 4), "no answer to a request for 10s", 40 * time.Second},
		"upload stops":        {readThen(3, hangs), after(6*time.Second, 4), "the upload made no progress for 7s", 25 * time.Second},
		"too long an upload":  {readThen(99, hangs), after(6*time.Second, 99), "no answer to a request for 1m40s", 102 * time.Second},
		"download stops": {func(req *http.Request) (*http.Response, error) {
			return answer(io.MultiReader(after(6*time.Second, 4), readerFunc(func([]byte) (int, error) {
				<-req.Context().Done()
				return 0, req.Context().Err()
			}))), nil
		}, nil, "the download made no progress for 7s", 31 * time.Second},
		"slow download": {func(*http.Request) (*http.Response, error) { return answer(after(6*time.Second, 99)), nil }, nil, "", 600 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := limits
				opts.Given = tt.given
				c := newClient(t, opts)
				req := object(t, http.MethodGet, "http://server")
				if tt.body != nil {
					req = put(t.Context(), tt.body, 4)
					if name == "too long an upload" {
						req.ContentLength = 99
					}
				}
				began := time.Now()
				resp, err := c.Send(transport.Call{Operation: "GetObject"}, req)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if took := time.Since(began); took < tt.after || took > tt.after+10*time.Millisecond {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && got != tt.want {
					t.Errorf("got %s, want %q", got, tt.want)
				}
				if late, ok := errors.AsType[*transport.TimeoutError](err); tt.want != "" && (!ok || !late.Timeout()) {
					t.Errorf("got %T", err)
				}
			})
		})
	}
}

// readThen reads n bytes of a body, one at a time, and goes on with then.
func readThen(n int, then roundTrips) roundTrips {
	return func(req *http.Request) (*http.Response, error) {
		for range n {
			if _, err := req.Body.Read(make([]byte, 1)); err != nil || req.Context().Err() != nil {
				break
			}
		}
		return then(req)
	}
}

// TestLimitsOfManyRequests: one timer is enough for requests that begin at any time.
func TestLimitsOfManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		c := newClient(t, transport.Options{ReadTimeout: limit, Given: roundTrips(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodGet {
				return answer(bytes.NewReader(nil)), nil
			}
			return hangs(req)
		})})
		var all sync.WaitGroup
		for i := range 300 {
			all.Go(func() {
				time.Sleep(time.Duration(i*i) * time.Millisecond)
				if i%3 == 0 {
					send(t, sendBy(c, "GetObject"), object(t, http.MethodGet, "http://server"), nil, make([]byte, 1))
					return
				}
				began := time.Now()
				err := failure(c, transport.Call{Operation: "HeadObject"}, object(t, http.MethodHead, "http://server"))
				if _, ok := errors.AsType[*transport.TimeoutError](err); !ok {
					t.Errorf("%d: %v", i, err)
				}
				if took := time.Since(began); took < limit || took > limit+10*time.Millisecond {
					t.Errorf("%d took %v", i, took)
				}
			})
		}
		all.Wait()
		if _, what := c.Waiting(); what != "" {
			t.Errorf("still waiting: %s", what)
		}
	})
}

// TestBodyAfterTheEnd: package http may read a body when the answer has been returned,
// and even read. Bodies may also be closed more than once.
func TestBodyAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var readers sync.WaitGroup
		closed := make(chan struct{})
		c := newClient(t, transport.Options{ReadTimeout: time.Second, StallTimeout: time.Second, Given: roundTrips(func(req *http.Request) (*http.Response, error) {
			readers.Go(func() {
				_, _ = req.Body.Read(make([]byte, 1))
				<-closed
				_, _ = io.ReadAll(req.Body)
				req.Body.Close()
				req.Body.Close()
			})
			return answer(bytes.NewReader([]byte("x"))), nil
		})})
		for range 3 {
			req := object(t, http.MethodPut, "http://server")
			req.Body, req.ContentLength = transport.NewBody(make([]byte, 100)), 100
			resp, err := c.Send(transport.Call{Operation: "PutObject"}, req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			_, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
			resp.Body.Close()
		}
		close(closed)
		readers.Wait()
		time.Sleep(time.Hour)
		if _, what := c.Waiting(); what != "" {
			t.Errorf("still waiting: %s", what)
		}
	})
}

// piped makes connections to a server that answers every request. The server takes writes
// one by one.
func piped(t *testing.T, wrote func([]byte)) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	return func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		servers.Go(func() {
			defer server.Close()
			for r := bufio.NewReader(server); ; {
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if req.Header.Get("Expect") != "" {
					_, _ = io.WriteString(server, "HTTP/1.1 100 Continue\r\n\r\n")
				}
				n, err := io.Copy(io.Discard, req.Body)
				if err != nil || n != req.ContentLength {
					t.Errorf("%d bytes, %v", n, err)
				}
				if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"); err != nil {
					return
				}
			}
		})
		return &watchedConn{client, wrote}, nil
	}
}

// A watchedConn tells what is written.
type watchedConn struct {
	net.Conn

	wrote func([]byte)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.wrote(p)
	return c.Conn.Write(p)
}

// TestWaitForConnection: it is not part of the wait for the answer.
func TestWaitForConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dial := piped(t, func([]byte) {})
		c := clientBy(t, transport.Options{ReadTimeout: time.Second}, func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(time.Minute)
			return dial(ctx, network, address)
		})
		resp, err := c.Send(transport.Call{Operation: "HeadObject"}, object(t, http.MethodHead, "http://server"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		c.HTTP().CloseIdleConnections()
	})
}

// TestBodiesInMemory: a small one goes with the header. A large one goes in pieces, whose
// progress can be seen, and is not copied.
func TestBodiesInMemory(t *testing.T) {
	limiter := &limiter{}
	for name, tt := range map[string]struct {
		size   int
		opts   transport.Options
		tries  *transport.Attempts
		writes int
	}{
		"nothing":                    {size: 0, writes: 1},
		"small":                      {size: objectSize, writes: 1},
		"small, with limits":         {size: objectSize, opts: transport.Options{ReadTimeout: time.Minute, StallTimeout: time.Minute}, writes: 1},
		"small, only progress":       {size: objectSize, opts: transport.Options{StallTimeout: time.Minute}, writes: 2},
		"small, with a condition":    {size: objectSize, tries: new(transport.Attempts), writes: 2},
		"small, with a limited rate": {size: objectSize, opts: transport.Options{Send: limiter}, writes: 2},
		"large":                      {size: 100 << 10, writes: 1 + 4},
		"large, with a condition":    {size: 100 << 10, tries: new(transport.Attempts), writes: 1 + 4},
		"large, with a limited rate": {size: 100 << 10, opts: transport.Options{Send: limiter}, writes: 1 + 4},
	} {
		t.Run(name, func(t *testing.T) {
			limiter.n = 0
			data := make([]byte, tt.size)
			writes, uncopied := 0, 0
			c := clientBy(t, tt.opts, piped(t, func(p []byte) {
				if off := tt.size - cap(p); writes > 0 && off >= 0 && &p[0] == &data[off] {
					uncopied += len(p)
				}
				writes++
			}))
			req := object(t, http.MethodPut, "http://server")
			req.Body, req.ContentLength = transport.NewBody(data), int64(tt.size)
			if tt.size == 0 {
				req.Body = http.NoBody
			}
			resp, err := c.Send(transport.Call{Operation: "PutObject", Attempts: tt.tries}, req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			c.HTTP().CloseIdleConnections()
			if writes != tt.writes {
				t.Errorf("%d writes, want %d", writes, tt.writes)
			}
			if writes > 1 && uncopied != tt.size {
				t.Errorf("%d bytes were not copied, want %d", uncopied, tt.size)
			}
			if tt.tries != nil && tt.tries.Whole() != 1 {
				t.Errorf("%d attempts", tt.tries.Whole())
			}
			if tt.opts.Send != nil && limiter.n != tt.size {
				t.Errorf("the rate of %d bytes was limited", limiter.n)
			}
		})
	}
}

// A limiter counts bytes.
type limiter struct{ n int }

func (l *limiter) WaitN(_ context.Context, n int) error {
	l.n += n
	return nil
}

// TestAttempts: only an attempt whose body was read to its end counts. Package http gets
// no other body than the one that counts.
func TestAttempts(t *testing.T) {
	tries := new(transport.Attempts)
	broken := errors.New("broken")
	var read int64
	c := newClient(t, transport.Options{Given: roundTrips(func(req *http.Request) (*http.Response, error) {
		if req.GetBody != nil {
			t.Error("there is another body")
		}
		if n, err := io.CopyN(io.Discard, req.Body, read); n != read {
			t.Error(err)
		}
		return nil, broken
	})})
	for i, tt := range []struct {
		read           int64
		whole, earlier int
	}{{3, 0, 0}, {4, 1, 0}, {0, 1, 1}, {4, 2, 1}} {
		read = tt.read
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://server/b/k", bytes.NewReader([]byte("data")))
		if err != nil {
			t.Fatal(err)
		}
		if err := failure(c, transport.Call{Operation: "PutObject", Attempts: tries}, req); !errors.Is(err, broken) {
			t.Error(err)
		}
		if tries.Whole() != tt.whole || tries.Earlier() != tt.earlier {
			t.Errorf("%d: %d whole, %d earlier, want %d and %d", i, tries.Whole(), tries.Earlier(), tt.whole, tt.earlier)
		}
	}
}
