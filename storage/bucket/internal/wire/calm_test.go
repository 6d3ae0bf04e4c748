package wire

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/transport"
)

// server is a RoundTripper made of a function.
type server func(*http.Request) (*http.Response, error)

func (s server) RoundTrip(r *http.Request) (*http.Response, error) { return s(r) }

// respond answers like S3 to requests of any kind.
func respond(r *http.Request) *http.Response {
	body := ""
	switch q := r.URL.Query(); {
	case q.Has("list-type"):
		body = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
	case q.Has("uploads"):
		body = "<InitiateMultipartUploadResult><UploadId>id</UploadId></InitiateMultipartUploadResult>"
	}
	return response(r, http.StatusOK, body, nil)
}

func response(r *http.Request, status int, body string, header http.Header) *http.Response {
	resp := &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(body)),
		Header: http.Header{"Etag": {`"0123456789abcdef0123456789abcdef"`}, "X-Amz-Request-Id": {"ID"}, "Content-Length": {fmt.Sprint(len(body))}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}
	maps.Copy(resp.Header, header)
	return resp
}

func slowDown(r *http.Request, header http.Header) *http.Response {
	return response(r, http.StatusServiceUnavailable, "<Error><Code>SlowDown</Code></Error>", header)
}

// Ways in which a server does not answer.
var (
	errRefused = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	errReset   = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
)

// bothWays runs a test in a bubble, with the SDK and without it.
func bothWays(t *testing.T, test func(t *testing.T, open func(server, ...func(*Options)) *Client)) {
	t.Helper()
	for _, way := range []string{"direct", "SDK"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test(t, func(s server, change ...func(*Options)) *Client {
					o := wayOptions(s)
					o.MaxAttempts, o.InitialBackoff = 10, 100*time.Millisecond
					for _, f := range change {
						f(&o)
					}
					return openWays(t, o)[way]
				})
			})
		})
	}
}

func head(ctx context.Context, c *Client, key string) error {
	_, err := c.HeadObject(ctx, request.ObjectRef{Key: key})
	return err
}

// TestRetriesAreSpread: when all operations fail at once, the server gets the retries of the
// budget and then about two a second, beyond one for ten answers. No operation is lost.
func TestRetriesAreSpread(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		const operations = 512
		var mu sync.Mutex
		var retries []time.Duration
		failed := map[string]bool{}
		began := time.Now()
		c := open(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			if !failed[r.URL.Path] {
				failed[r.URL.Path] = true
				return slowDown(r, nil), nil
			}
			retries = append(retries, time.Since(began))
			return respond(r), nil
		})
		var all sync.WaitGroup
		for n := range operations {
			all.Go(func() {
				if err := head(t.Context(), c, fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if len(retries) != operations {
			t.Fatalf("%d retries", len(retries))
		}
		for n, at := range retries { // those before it were answered
			if most := 100 + 2*at.Seconds() + 0.1*float64(n) + 3; float64(n+1) > most {
				t.Fatalf("retry %d after %v, want at most %.0f", n+1, at, most)
			}
			if n >= 150 && retries[n]-retries[n-50] < 15*time.Second {
				t.Errorf("50 retries between %v and %v", retries[n-50], at)
			}
		}
		if took := retries[operations-1]; took > 5*time.Minute {
			t.Errorf("the last retry after %v", took)
		}
	})
}

// TestSoonRetried: a single operation that fails is made again as soon as the user wants.
func TestSoonRetried(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		n := 0
		c := open(func(r *http.Request) (*http.Response, error) {
			if n++; n == 1 {
				return slowDown(r, nil), nil
			}
			return respond(r), nil
		})
		began := time.Now()
		if err := head(t.Context(), c, "k"); err != nil || n != 2 {
			t.Error(n, err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("took %v", took)
		}
	})
}

// TestRetryAfter: a server that throttles may say when the request is to be made again.
func TestRetryAfter(t *testing.T) {
	later := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for name, tt := range map[string]struct {
		status int
		body   string
		after  func() string
		want   time.Duration
	}{
		"seconds":           {503, "<Error><Code>SlowDown</Code></Error>", func() string { return "7" }, 7 * time.Second},
		"too many":          {429, "", func() string { return "7" }, 7 * time.Second},
		"date":              {503, "<Error><Code>SlowDown</Code></Error>", func() string { return later(8 * time.Second) }, 8 * time.Second},
		"a page of a proxy": {503, "<html><br></html>", func() string { return "7" }, 7 * time.Second},
		"too long":          {503, "", func() string { return "86400" }, time.Minute},
		"nonsense":          {503, "", func() string { return "soon" }, 0},
		"no throttling":     {500, "<Error><Code>InternalError</Code></Error>", func() string { return "7" }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
				n := 0
				c := open(func(r *http.Request) (*http.Response, error) {
					if n++; n == 1 {
						return response(r, tt.status, tt.body, http.Header{"Retry-After": {tt.after()}}), nil
					}
					return respond(r), nil
				})
				began := time.Now()
				_, err := c.ListObjectsV2(t.Context(), request.ListRequest{MaxKeys: 1})
				if took := time.Since(began); took < tt.want || took > tt.want+100*time.Millisecond || n != 2 || err != nil {
					t.Errorf("%d requests took %v: %v", n, took, err)
				}
			})
		})
	}
}

// TestObserveBoth: an observer that is given is told, too.
func TestObserveBoth(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var told []string
		c := open(func(r *http.Request) (*http.Response, error) { return respond(r), nil }, func(o *Options) {
			o.Transport.Observe = func(call transport.Call, o transport.Outcome) {
				told = append(told, fmt.Sprint(call.Operation, o.Status))
			}
		})
		if err := head(t.Context(), c, "k"); err != nil || len(told) != 1 || told[0] != "HeadObject200" {
			t.Error(told, err)
		}
	})
}
