package transport_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"s3sync/storage/bucket/internal/transport"
)

// objectSize is the size of the objects whose cost is measured, in bytes.
const objectSize = 10 << 10

// An exchange sends one request.
type exchange func(*http.Request) (*http.Response, error)

// sendBy returns how a client sends requests of an operation.
func sendBy(c *transport.Client, operation string) exchange {
	return func(req *http.Request) (*http.Response, error) {
		return c.Send(transport.Call{Operation: operation}, req)
	}
}

// object returns a request as those of objects are, without a body.
func object(tb testing.TB, method, url string) *http.Request {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, url+"/bucket/some/prefix/object.bin", nil)
	if err != nil {
		tb.Fatal(err)
	}
	for name, value := range map[string]string{
		"Authorization": "AWS4-HMAC-SHA256 Credential=AKTEST/20261128/us-east-1/s3/aws4_request, SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date, " +
			"Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"Content-Md5":          "1B2M2Y8AsgTpgAmY7PhCfg==",
		"X-Amz-Content-Sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"X-Amz-Date":           "20261128T000000Z",
	} {
		req.Header.Set(name, value)
	}
	return req
}

// send makes an exchange, and reads the answer to its end.
func send(tb testing.TB, do exchange, req *http.Request, data, buf []byte) {
	tb.Helper()
	if req.Method == http.MethodPut {
		req.Body, req.ContentLength = transport.NewBody(data), int64(len(data))
	}
	resp, err := do(req)
	if err != nil {
		tb.Fatal(err)
	}
	for err == nil {
		_, err = resp.Body.Read(buf)
	}
	if err := cmp.Or(resp.Body.Close(), err); !errors.Is(err, io.EOF) {
		tb.Fatal(err)
	}
}

// A stub does with requests what package http does with their contexts and bodies.
type stub struct{ answer, buf []byte }

func (s *stub) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	defer cancel(nil)
	for err := ctx.Err(); err == nil && req.Body != nil; {
		_, err = req.Body.Read(s.buf)
	}
	return &http.Response{StatusCode: http.StatusOK, Request: req, Header: req.Header, Body: transport.NewBody(s.answer)}, nil
}

// TestAllocations: what a request costs beside what package http does.
func TestAllocations(t *testing.T) {
	data, buf := make([]byte, objectSize), make([]byte, objectSize)
	s := &stub{data, buf}
	limited := transport.Options{Given: s, AttemptTimeout: time.Hour, ReadTimeout: time.Minute, StallTimeout: 20 * time.Second}
	observed := limited
	observed.Observe = func(transport.Call, transport.Outcome) {}
	const get, put = "GetObject", "PutObject"
	for name, tt := range map[string]struct {
		opts transport.Options
		want map[string]float64
	}{
		// The flight, its context with the function that ends it, and what that context
		// allocates for the one below it: a channel, a map, and the memory of the map. To
		// outlive its caller takes a context more, and three allocations to hear of its end.
		"limits":   {limited, map[string]float64{put: 6, get: 10}},
		"observer": {observed, map[string]float64{put: 6, get: 10}},
		"no limit": {transport.Options{Given: s}, map[string]float64{put: 1, get: 10}},
	} {
		for operation, want := range tt.want {
			t.Run(name+", "+operation, func(t *testing.T) {
				by := sendBy(newClient(t, tt.opts), operation)
				method := map[string]string{get: http.MethodGet, put: http.MethodPut}[operation]
				req := object(t, method, "http://server")
				alone := testing.AllocsPerRun(100, func() { send(t, s.RoundTrip, req, data, buf) })
				whole := testing.AllocsPerRun(100, func() { send(t, by, req, data, buf) })
				if got := whole - alone; got > want {
					t.Errorf("%v allocations, want %v", got, want)
				}
			})
		}
	}
}

// BenchmarkSend compares a client with package http alone. The cost of the server is in
// the figures, too.
func BenchmarkSend(b *testing.B) {
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
	c := newClient(b, transport.Options{ReadTimeout: time.Minute, StallTimeout: 20 * time.Second})
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		for name, by := range map[string]exchange{"http": new(http.Transport).RoundTrip, "client": sendBy(c, "GetObject")} {
			b.Run(method+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					buf, req := make([]byte, objectSize), object(b, method, server.URL)
					for pb.Next() {
						send(b, by, req, data, buf)
					}
				})
			})
		}
	}
}
