package integration_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"s3sync/internal/faultproxy"
)

// A front is a server before a proxy. It counts the requests in flight, and lets a test
// do something before one of them, or respond to it itself.
type front struct {
	*faultproxy.Proxy

	URL string
	// before may respond to a request: then it returns true.
	before func(w http.ResponseWriter, r *http.Request) bool

	mu   gosync.Mutex
	now  map[string]int
	peak map[string]int
	wait map[string]*gathering
}

// A gathering holds requests until a number of them are in flight at once.
type gathering struct {
	most int
	met  chan struct{}
}

// newFront starts a front and a proxy behind it.
func newFront(t *testing.T, target string, rules ...string) *front {
	t.Helper()
	f := &front{now: map[string]int{}, peak: map[string]int{}, wait: map[string]*gathering{}}
	server := httptest.NewUnstartedServer(f)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	f.Proxy = faultproxy.New(t, target, rules...) // closed before the server, which waits for stalled requests here
	server.Start()
	f.URL = server.URL
	return f
}

// onRequest sets what is called before a request is passed on.
func (f *front) onRequest(before func(w http.ResponseWriter, r *http.Request) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// gather holds requests of a kind until n of them are in flight at once, so that a slow
// machine does not hide their concurrency. If the limit is below n, it gives up after
// some seconds, and most returns the limit.
func (f *front) gather(kind string, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wait[kind] = &gathering{most: n, met: make(chan struct{})}
}

// ServeHTTP counts a request by its method, as LIST if it is one, and as "part" if it
// has a part number.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kinds := []string{r.Method}
	switch query := r.URL.Query(); {
	case query.Has("list-type"):
		kinds[0] = "LIST"
	case query.Has("partNumber"):
		kinds = append(kinds, "part")
	}
	var held []*gathering
	f.mu.Lock()
	for _, kind := range kinds {
		f.now[kind]++
		f.peak[kind] = max(f.peak[kind], f.now[kind])
		if g := f.wait[kind]; g != nil && f.peak[kind] < g.most {
			held = append(held, g)
		} else if g != nil {
			close(g.met)
			delete(f.wait, kind)
		}
	}
	before := f.before
	f.mu.Unlock()
	for _, g := range held {
		select {
		case <-g.met:
		case <-r.Context().Done():
		case <-time.After(10 * time.Second):
		}
	}
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, kind := range kinds {
			f.now[kind]--
		}
	}()
	if before == nil || !before(w, r) {
		f.Proxy.ServeHTTP(w, r)
	}
}

// answerLate lets the server carry out a request, even if the client disconnects, and
// answers when wait returns.
func (f *front) answerLate(w http.ResponseWriter, r *http.Request, wait func()) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client disconnected before
	}
	r = r.Clone(context.WithoutCancel(r.Context()))
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	f.Proxy.ServeHTTP(answer, r)
	wait()
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // the client may have left
}

// most returns how many requests of a kind were in flight at once.
func (f *front) most(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.peak[kind]
}

// ranged reports whether a request asks for the bytes from some offset on.
func ranged(r *http.Request, from string) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.Header.Get("Range"), "bytes="+from+"-")
}
