package transport_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"s3sync/storage/bucket/internal/transport"
)

// objectSize is the size of the objects whose cost is measured, in bytes.
const objectSize = 10 << 10

// send sends one request and reads its answer to the end.
type send func(*http.Request) (*http.Response, error)

// object returns a request like those of objects, as lean as it can be.
func object(tb testing.TB, method, url string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url+"/bucket/some/prefix/object.bin", nil)
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range map[string]string{
		"Authorization":        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261128/us-east-1/s3/aws4_request, SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date, Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
		"Content-Md5":          "1B2M2Y8AsgTpgAmY7PhCfg==",
		"User-Agent":           "s3sync",
		"X-Amz-Content-Sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"X-Amz-Date":           "20261128T000000Z",
	} {
		req.Header.Set(name, value)
	}
	return req
}

// trip makes one request with s. Its cost beside s is that of one body.
func trip(tb testing.TB, s send, req *http.Request, data, buf []byte) {
	tb.Helper()
	if req.Method == http.MethodPut {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	}
	resp, err := s(req)
	if err != nil {
		tb.Fatal(err)
	}
	for err == nil {
		_, err = resp.Body.Read(buf)
	}
	if cmp.Or(resp.Body.Close(), err) != io.EOF {
		tb.Fatal(err)
	}
}

// A stub answers as net/http does: it derives a context and returns a body.
type stub struct{ answer, buf []byte }

func (s *stub) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	for err := ctx.Err(); err == nil && req.Body != nil; {
		_, err = req.Body.Read(s.buf)
	}
	body := io.NopCloser(bytes.NewReader(s.answer))
	return &http.Response{StatusCode: http.StatusOK, Request: req, Header: req.Header, Body: body}, nil
}

func options() transport.Options {
	return transport.Options{
		MaxConns: 16, ReadTimeout: time.Minute, StallTimeout: 20 * time.Second, Secrets: transport.NewSecrets(""),
		Operation: func(context.Context) string { return "GetObject" },
	}
}

func client(tb testing.TB, o transport.Options) *transport.Client {
	tb.Helper()
	d := new(net.Dialer)
	o.Dialer(d)
	t := &http.Transport{DialContext: d.DialContext}
	setup, err := o.Setup()
	if err != nil {
		tb.Fatal(err)
	}
	setup(t)
	tb.Cleanup(t.CloseIdleConnections)
	return transport.New(t, o)
}

func TestCost0(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		data, buf := make([]byte, objectSize), make([]byte, objectSize)
		o := options()
		s := &stub{data, buf}
		o.Given = s
		req := object(t, method, "http://server")
		alone := testing.AllocsPerRun(1000, func() { trip(t, s.RoundTrip, req, data, buf) })
		c := client(t, o)
		whole := testing.AllocsPerRun(1000, func() { trip(t, c.Do, req, data, buf) })
		t.Logf("%s: %v, alone %v", method, whole, alone)
	}
}

func BenchmarkStub(b *testing.B) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		data, buf := make([]byte, objectSize), make([]byte, objectSize)
		o := options()
		s := &stub{data, buf}
		o.Given = s
		c := client(b, o)
		for name, send := range map[string]send{"alone": s.RoundTrip, "client": c.Do} {
			b.Run(fmt.Sprint(method, "/", name), func(b *testing.B) {
				req := object(b, method, "http://server")
				b.ReportAllocs()
				for b.Loop() {
					trip(b, send, req, data, buf)
				}
			})
		}
	}
}

// BenchmarkLoopback compares a client with net/http alone, with the cost of the server.
func BenchmarkLoopback(b *testing.B) {
	data := make([]byte, objectSize)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = io.Copy(io.Discard, r.Body)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data)
	}))
	defer server.Close()
	c := client(b, options())
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		for name, send := range map[string]send{"net-http": c.HTTP().RoundTrip, "client": c.Do} {
			b.Run(fmt.Sprint(method, "/", name), func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					buf := make([]byte, 32<<10)
					req := object(b, method, server.URL)
					for pb.Next() {
						trip(b, send, req, data, buf)
					}
				})
			})
		}
	}
}
