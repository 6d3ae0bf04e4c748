package bucket_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// largeBody is more than what fits between client and server.
func largeBody() []byte { return []byte(strings.Repeat("0123456789abcdef", 6<<16)) }

// TestRefusedEarly: servers that refuse a write without reading its body, and end the
// connection then, are heard at once. What is there stays, and is not taken for what
// was written, although it has the same bytes.
func TestRefusedEarly(t *testing.T) {
	data := largeBody()
	for _, kind := range s3server.Kinds() {
		for _, rule := range []string{"", "PutObject header.If-None-Match=* early status=412"} {
			t.Run(fmt.Sprint(kind, " ", rule), func(t *testing.T) {
				server := s3server.Shared(t, kind)
				opts := options(server, server.Bucket(t))
				opts.MaxAttempts = 4
				direct := open(t, opts)
				if rule != "" {
					opts.EndpointURL = faultproxy.New(t, server.Endpoint, rule).URL
				}
				s := open(t, opts)
				for i := range 4 {
					key := fmt.Sprint("k", i)
					theirs := storage.WriteOptions{Size: int64(len(data)), Attributes: storage.Attributes{Metadata: map[string]string{"by": "them"}}}
					if _, err := direct.Put(t.Context(), key, block(data), theirs); err != nil {
						t.Fatal(err)
					}
					_, err := s.Put(t.Context(), key, block(data), storage.WriteOptions{Size: int64(len(data)), IfAbsent: true})
					wantKind(t, err, storage.ErrPrecondition)
				}
			})
		}
	}
}

// A rawServer takes one request on each connection: handle gets its headers, and may
// leave the body alone.
func rawServer(t *testing.T, handle func(conn *net.TCPConn, req *http.Request, body *bufio.Reader)) bucket.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			accepted, err := l.Accept()
			if err != nil {
				return
			}
			conn, ok := accepted.(*net.TCPConn)
			if !ok {
				panic("no TCP")
			}
			go func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				if req, err := http.ReadRequest(r); err == nil {
					handle(conn, req, r)
				}
			}()
		}
	}()
	return optionsAt("http://" + l.Addr().String())
}

// refusal is an answer on the wire.
func refusal() string {
	const body = "<Error><Code>PreconditionFailed</Code></Error>"
	return fmt.Sprintf("HTTP/1.1 412 Precondition Failed\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(body), body)
}

// TestAsksFirst: a large body with a condition is sent only after the server said so.
func TestAsksFirst(t *testing.T) {
	data := largeBody()
	for name, tt := range map[string]struct {
		size   int
		opts   storage.WriteOptions
		expect string
	}{
		"large, absent":       {len(data), storage.WriteOptions{IfAbsent: true}, "100-continue"},
		"large, match":        {len(data), storage.WriteOptions{IfMatch: etag}, "100-continue"},
		"large, no condition": {len(data), storage.WriteOptions{}, ""},
		"small":               {1000, storage.WriteOptions{IfAbsent: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var expect atomic.Value
			opts := rawServer(t, func(conn *net.TCPConn, req *http.Request, body *bufio.Reader) {
				expect.Store(req.Header.Get("Expect"))
				if req.Header.Get("Expect") == "" {
					_, _ = io.CopyN(io.Discard, body, req.ContentLength)
				}
				_, _ = io.WriteString(conn, refusal())
				if req.Header.Get("Expect") != "" {
					if n, _ := io.Copy(io.Discard, body); n > 0 {
						t.Errorf("%d bytes were sent nevertheless", n)
					}
				}
			})
			tt.opts.Size = int64(tt.size)
			_, err := open(t, opts).Put(t.Context(), "k", block(data[:tt.size]), tt.opts)
			wantKind(t, err, storage.ErrPrecondition)
			if expect.Load() != tt.expect {
				t.Errorf("Expect: %q", expect.Load())
			}
		})
	}
}

// TestAsksInVain: a server that never says that the body may be sent gets it after a
// while, and is not asked again.
func TestAsksInVain(t *testing.T) {
	expects := make(chan string, 2)
	opts := rawServer(t, func(conn *net.TCPConn, req *http.Request, body *bufio.Reader) {
		expects <- req.Header.Get("Expect")
		_, _ = io.CopyN(io.Discard, body, req.ContentLength)
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	})
	s := open(t, opts)
	data := largeBody()
	for range 2 {
		if _, err := s.Put(t.Context(), "k", block(data), storage.WriteOptions{Size: int64(len(data)), IfAbsent: true}); err != nil {
			t.Fatal(err)
		}
	}
	if first, second := <-expects, <-expects; first != "100-continue" || second != "" {
		t.Errorf("Expect: %q, %q", first, second)
	}
}

// TestEarlyRefusalIsHeard: also where nothing was asked, an answer that was sent
// before a reset is read, not taken for a broken connection.
func TestEarlyRefusalIsHeard(t *testing.T) {
	data := largeBody()
	var requests atomic.Int32
	opts := rawServer(t, func(conn *net.TCPConn, req *http.Request, body *bufio.Reader) {
		requests.Add(1)
		_, _ = io.CopyN(io.Discard, body, 100_000)
		_, _ = io.WriteString(conn, refusal())
		_ = conn.SetLinger(0)
	})
	opts.MaxAttempts = 4
	s := open(t, opts)
	for range 10 {
		_, err := s.Put(t.Context(), "k", block(data), storage.WriteOptions{Size: int64(len(data))})
		wantKind(t, err, storage.ErrPrecondition)
	}
	if n := requests.Load(); n != 10 {
		t.Errorf("%d requests for 10 writes", n)
	}
}

// TestHalfAnAttempt: an attempt that broke off in the middle of its body wrote
// nothing, so that the refusal of the next one is one, whatever is there.
func TestHalfAnAttempt(t *testing.T) {
	var requests atomic.Int32
	opts := rawServer(t, func(conn *net.TCPConn, req *http.Request, body *bufio.Reader) {
		if requests.Add(1) > 1 {
			_, _ = io.WriteString(conn, refusal())
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
		_, _ = io.CopyN(io.Discard, body, 1000)
		_ = conn.SetLinger(0)
	})
	opts.MaxAttempts = 3
	data := largeBody()
	_, err := open(t, opts).Put(t.Context(), "k", block(data), storage.WriteOptions{Size: int64(len(data)), IfAbsent: true})
	wantKind(t, err, storage.ErrPrecondition)
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests, want 2 and no look at the object", n)
	}
}

// A heldStream is a source that is slow: its second half comes when it is released.
type heldStream struct {
	left     int
	held     chan struct{} // closed when a Read waits
	released chan struct{}
}

func (s *heldStream) Read(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		close(s.held)
		<-s.released
		s.left = 1 << 30
	}
	return len(p), nil
}

// TestStreamIsLeftAlone: a server may answer before a stream was read to its end. What the
// stream is read from belongs to the caller when Put has returned, so nobody reads it then.
func TestStreamIsLeftAlone(t *testing.T) {
	stream := &heldStream{left: 64 << 10, held: make(chan struct{}), released: make(chan struct{})}
	answered := make(chan struct{})
	opts := rawServer(t, func(conn *net.TCPConn, _ *http.Request, _ *bufio.Reader) {
		<-stream.held
		const text = "<Error><Code>SlowDown</Code></Error>"
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 503 Slow Down\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
		close(answered)
		<-t.Context().Done()
	})
	s := open(t, opts)
	returned := make(chan error, 1)
	go func() {
		_, err := s.Put(t.Context(), "k", storage.Block{Stream: stream, Size: 64 << 20}, storage.WriteOptions{Size: 64 << 20})
		returned <- err
	}()
	<-answered
	select {
	case err := <-returned:
		close(stream.released)
		t.Fatalf("returned while the stream is read: %v", err)
	case <-time.After(200 * time.Millisecond): // it waits
	}
	close(stream.released)
	wantKind(t, <-returned, storage.ErrThrottled)
}

// A closable is the body of an answer that tells whether it was closed.
type closable struct {
	io.Reader

	closed atomic.Bool
}

func (c *closable) Close() error {
	c.closed.Store(true)
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestErrorInsideIsClosed: an answer whose headers tell a success, and whose body tells an
// error, is closed, so that nothing of the request remains.
func TestErrorInsideIsClosed(t *testing.T) {
	body := &closable{Reader: strings.NewReader("<Error><Code>AccessDenied</Code></Error>")}
	opts := optionsAt("http://localhost")
	opts.MaxAttempts = 1
	opts.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: body, ContentLength: -1, Request: req,
			Header: http.Header{"Etag": {`"d41d8cd98f00b204e9800998ecf8427e"`}},
		}, nil
	})
	wantKind(t, put(t, open(t, opts), "k"), fs.ErrPermission)
	if !body.closed.Load() {
		t.Error("the answer was not closed")
	}
}
