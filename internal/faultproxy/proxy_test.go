package faultproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"s3sync/internal/faultproxy"
)

const object = "0123456789abcdef"

// A server remembers what reached it.
type server struct {
	*httptest.Server
	lines  chan string // method, raw URI and host of each request
	bodies chan string
	failed chan error // of reading a body
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{lines: make(chan string, 20), bodies: make(chan string, 20), failed: make(chan error, 20)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.lines <- r.Method + " " + r.RequestURI + " " + r.Host + " " + strings.Join(r.Header["User-Agent"], "+")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			s.failed <- err
			return
		}
		s.bodies <- string(body)
		w.Header().Set("ETag", `"good"`)
		if r.URL.Query().Has("list-type") {
			w.Header().Set("Content-Type", "application/xml")
			_, _ = io.WriteString(w, "<List><ETag>&#34;good&#34;</ETag></List>")
			return
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(object))
	}))
	t.Cleanup(s.Close)
	return s
}

// send makes one request on a connection of its own.
func send(t *testing.T, method, url, body string) (status int, header http.Header, got string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(data), err
}

func dial(t *testing.T, url string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestPassesUntouched: what a signature covers arrives as it was sent.
func TestPassesUntouched(t *testing.T) {
	s := newServer(t)
	p := faultproxy.New(t, s.URL)
	for _, uri := range []string{
		"/b//a/../b/./c%2Fd%20e+f?list-type=2&prefix=a%2fb&x=%41&flag",
		"/b/%E3%81%82?",
		"/b/a;b=c&d?y=a;b",
	} {
		conn := dial(t, p.URL)
		request := "GET " + uri + " HTTP/1.1\r\nHost: signed.example:1234\r\nConnection: close\r\n\r\n"
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
		if got, want := <-s.lines, "GET "+uri+" signed.example:1234 "; got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestAnswersAndBodies(t *testing.T) {
	s := newServer(t)
	p := faultproxy.New(t, s.URL)
	status, header, body, err := send(t, http.MethodGet, p.URL+"/b/k", "")
	if status != 200 || header.Get("ETag") != `"good"` || body != object || err != nil {
		t.Errorf("got %d %v %q %v", status, header, body, err)
	}
	big := strings.Repeat("x", 1<<20)
	if status, _, _, err := send(t, http.MethodPut, p.URL+"/b/k", big); status != 200 || err != nil {
		t.Errorf("got %d %v", status, err)
	}
	<-s.bodies
	if got := <-s.bodies; got != big {
		t.Errorf("%d bytes arrived, want %d", len(got), len(big))
	}
	status, header, body, err = send(t, http.MethodHead, p.URL+"/b/k", "")
	if status != 200 || header.Get("Content-Length") != "16" || body != "" || err != nil {
		t.Errorf("got %d %v %q %v", status, header, body, err)
	}
	if got := p.Count("*"); got != 3 {
		t.Errorf("%d requests, want 3", got)
	}
	if got := p.Count("PutObject k"); got != 1 {
		t.Errorf("%d uploads, want 1", got)
	}
	if log := p.Requests(); log[2].Operation != "HeadObject" || log[2].Key != "k" || log[2].Status != 200 {
		t.Errorf("got %+v", log[2])
	}
}

func TestFaultsOnTheWayBack(t *testing.T) {
	flipped := []byte(object)
	flipped[10] ^= 1
	other := []byte(object)
	other[10] ^= 1 << 6
	last := []byte(object)
	last[15] ^= 1
	reset := func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }
	short := func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
	ended := func(err error) bool { return errors.Is(err, io.EOF) }

	for rule, tt := range map[string]struct {
		method, uri string
		status      int
		body        string // prefix, where err is expected
		etag        string
		err         func(error) bool
		untouched   bool // the server never sees it
	}{
		"* status=503":                {status: 503, untouched: true},
		"HEAD status=404":             {method: "HEAD", status: 404, untouched: true},
		"* status=200 code=SlowDown":  {status: 200, untouched: true},
		"GET k html":                  {status: 200, body: "<!DOCTYPE html>\n<html><body>Please sign in.</body></html>\n", untouched: true},
		"GET k html set.ETag=\"x\"":   {status: 200, etag: `"x"`, untouched: true},
		"GET k empty":                 {status: 200, untouched: true},
		"* close":                     {err: ended, untouched: true},
		"* lost":                      {err: ended},
		"GET k reset after=4":         {status: 200, etag: `"good"`, err: reset},
		"GET k truncate after=4":      {status: 200, etag: `"good"`, body: object[:4], err: short},
		"GET k truncate":              {status: 200, etag: `"good"`, err: short},
		"GET k shorten after=4":       {status: 200, etag: `"good"`, body: object[:4]},
		"GET k flip byte=10":          {status: 200, etag: `"good"`, body: string(flipped)},
		"GET k flip byte=10 bit=6":    {status: 200, etag: `"good"`, body: string(other)},
		"GET k flip byte=-1":          {status: 200, etag: `"good"`, body: string(last)},
		"GET k etag=bad":              {status: 200, etag: `"0bad0bad0bad0bad0bad0bad0bad0bad"`, body: object},
		"HEAD k etag=x":               {method: "HEAD", status: 200, etag: `"x"`},
		"GET k set.ETag=":             {status: 200, body: object},
		"LIST truncate-xml":           {uri: "/b?list-type=2", status: 200, etag: `"good"`, body: "<List><ETag>&#34;goo"},
		"LIST etag=x":                 {uri: "/b?list-type=2", status: 200, etag: `"x"`, body: "<List><ETag>&quot;x&quot;</ETag></List>"},
		"LIST etag=none":              {uri: "/b?list-type=2", status: 200, body: "<List></List>"},
		"LIST root=Other":             {uri: "/b?list-type=2", status: 200, etag: `"good"`, body: `<Other><ETag>&#34;good&#34;</ETag></Other>`},
		"GET k etag=none":             {status: 200, body: object},
		"GET k etag=huge":             {status: 200, etag: `"` + strings.Repeat("0bad", 25_000) + `"`, body: object},
		"GET k set.ETag=a%20b":        {status: 200, etag: `a b`, body: object},
		"GET k delay=1ms":             {status: 200, etag: `"good"`, body: object},
		"GET k delay=1ms nth=1 close": {err: ended, untouched: true},
	} {
		t.Run(rule, func(t *testing.T) {
			s := newServer(t)
			p := faultproxy.New(t, s.URL, rule)
			method, uri := tt.method, tt.uri
			if method == "" {
				method = http.MethodGet
			}
			if uri == "" {
				uri = "/b/k"
			}
			status, header, body, err := send(t, method, p.URL+uri, "")
			if status != tt.status {
				t.Errorf("status %d, want %d", status, tt.status)
			}
			if tt.err == nil && err != nil || tt.err != nil && !tt.err(err) {
				t.Errorf("unexpected error %v", err)
			}
			if got := header.Get("ETag"); got != tt.etag {
				t.Errorf("ETag %s, want %s", got, tt.etag)
			}
			if tt.body != "" && body != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
			if strings.Contains(rule, "status=") && method != "HEAD" && !strings.Contains(body, "<Code>SlowDown</Code>") {
				t.Errorf("no S3 error in %q", body)
			}
			if tt.untouched != (len(s.lines) == 0) {
				t.Errorf("the server saw %d requests", len(s.lines))
			}
			if p.Hits(rule) != 1 {
				t.Errorf("%d hits, want 1", p.Hits(rule))
			}
		})
	}
}

func TestFaultsOnTheWayThere(t *testing.T) {
	data := bytes.Repeat([]byte("x"), 1<<20)
	damaged := bytes.Clone(data)
	damaged[10] ^= 1

	t.Run("flip", func(t *testing.T) {
		s := newServer(t)
		p := faultproxy.New(t, s.URL, "PUT * flip byte=10")
		status, _, body, err := send(t, http.MethodPut, p.URL+"/b/k", string(data))
		if status != 200 || body != object || err != nil {
			t.Errorf("got %d %q %v", status, body, err)
		}
		if got := <-s.bodies; got != string(damaged) {
			t.Error("the body was not damaged as told")
		}
	})
	t.Run("reset", func(t *testing.T) {
		s := newServer(t)
		p := faultproxy.New(t, s.URL, "PUT * reset after=4096")
		if _, _, _, err := send(t, http.MethodPut, p.URL+"/b/k", string(data)); err == nil {
			t.Error("the client got an answer")
		}
		if err := <-s.failed; err == nil {
			t.Error("the server got the whole body")
		}
	})
}

// TestEarlyAnswer: it comes although the body was not read, and nothing behind it.
func TestEarlyAnswer(t *testing.T) {
	s := newServer(t)
	p := faultproxy.New(t, s.URL, "PUT * early status=412")
	conn := dial(t, p.URL)
	if _, err := io.WriteString(conn, "PUT /b/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if !strings.HasPrefix(string(got), "HTTP/1.1 412 ") || !errors.Is(err, syscall.ECONNRESET) || len(s.lines) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}

// TestTooShort: a fault beyond the end of a body does not count as one.
func TestTooShort(t *testing.T) {
	s := newServer(t)
	for _, action := range []string{"reset after=16", "truncate after=16", "stall after=16", "shorten after=16", "flip byte=16"} {
		rule := "GET " + action
		p := faultproxy.New(t, s.URL, rule+" maybe")
		if _, _, body, err := send(t, http.MethodGet, p.URL+"/b/k", ""); body != object || err != nil {
			t.Errorf("%s: got %q %v", rule, body, err)
		}
		if p.Hits(rule+" maybe") != 0 || len(p.Unreached()) != 0 {
			t.Errorf("%s: counted as a hit, or as unreached in spite of maybe", rule)
		}
		rule = "PUT " + action
		p = faultproxy.New(t, s.URL, rule+" maybe")
		if _, _, _, err := send(t, http.MethodPut, p.URL+"/b/k", object); err != nil {
			t.Errorf("%s: got %v", rule, err)
		}
	}
}

// TestStall: nothing comes until the client gives up or the proxy ends.
func TestStall(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		t.Run(method, func(t *testing.T) {
			s := newServer(t)
			rule := method + " * stall after=4"
			p, err := faultproxy.Start(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Add(rule); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() {
				_, _, _, err := send(t, method, p.URL+"/b/k", object)
				ended <- err
			}()
			for p.Hits(rule) == 0 {
				select {
				case err := <-ended:
					t.Fatalf("ended early: %v", err)
				case <-time.After(time.Millisecond):
				}
			}
			p.Close()
			if err := <-ended; err == nil {
				t.Error("the request succeeded")
			}
		})
	}
}

func TestUnreachedRuleFailsTheTest(t *testing.T) {
	s := newServer(t)
	p, err := faultproxy.Start(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for _, rule := range []string{"GET never close", "GET k nth=2 close", "GET k shorten", "GET other close maybe"} {
		if err := p.Add(rule); err != nil {
			t.Fatal(err)
		}
	}
	_, _, _, _ = send(t, http.MethodGet, p.URL+"/b/k", "")
	if got := strings.Join(p.Unreached(), "; "); got != "GET never close; GET k nth=2 close" {
		t.Errorf("got %q", got)
	}
	for _, want := range []string{`rule "GET k shorten": matched 1, happened 1`, "GetObject /b/k  <- GET k shorten"} {
		if report := p.Report(1); !strings.Contains(report, want) {
			t.Errorf("%q is not in the report:\n%s", want, report)
		}
	}
}

func TestServerAway(t *testing.T) {
	s := newServer(t)
	p := faultproxy.New(t, s.URL)
	s.Close()
	if status, _, _, err := send(t, http.MethodGet, p.URL+"/b/k", ""); status != http.StatusBadGateway || err != nil {
		t.Errorf("got %d %v", status, err)
	}
}

func TestStartRefusesBadTargets(t *testing.T) {
	for _, target := range []string{"", "localhost:80", "s3://bucket", "http://"} {
		if _, err := faultproxy.Start(target); err == nil {
			t.Errorf("%q was taken", target)
		}
	}
}

// A request that is never answered reaches no server, and the proxy ends all the
// same.
func TestSilent(t *testing.T) {
	s := newServer(t)
	p := faultproxy.New(t, s.URL, "PUT silent")
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, p.URL+"/b/k", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		resp, err := http.DefaultClient.Do(request)
		if err == nil {
			err = resp.Body.Close()
		}
		done <- err
	}()
	for p.Hits("PUT silent") == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
