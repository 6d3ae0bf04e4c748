package transport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage/bucket/internal/transport"
)

// errBroken is a failure to send.
var errBroken = errors.New("broken")

// A reply is what a server does with a request.
type reply struct {
	after  time.Duration
	status int // 0: the request fails
}

// A slowServer answers requests at once, but for those of one object, whose replies follow
// each other. It counts the bodies that were not closed.
type slowServer struct {
	replies []reply
	asked   atomic.Int32 // requests for the object
	given   atomic.Int32 // of them, those that ended before their reply
	open    atomic.Int32
}

const (
	quick = "/quick"
	slow  = "/slow"
)

// An openBody is a body that counts. As that of a connection, it ends with its request.
type openBody struct {
	io.Reader

	request context.Context //nolint:containedctx // that of the request
	close   func()
}

func (b *openBody) Read(p []byte) (int, error) {
	if err := b.request.Err(); err != nil {
		return 0, err
	}
	return b.Reader.Read(p)
}

func (b *openBody) Close() error {
	b.close()
	return nil
}

func (s *slowServer) RoundTrip(req *http.Request) (*http.Response, error) {
	r := reply{10 * time.Millisecond, http.StatusOK}
	n := 0
	if req.URL.Path == slow {
		n = int(s.asked.Add(1))
		r = s.replies[n-1]
	}
	select {
	case <-time.After(r.after):
	case <-req.Context().Done():
		s.given.Add(1)
		return nil, req.Context().Err()
	}
	if r.status == 0 {
		return nil, fmt.Errorf("%w %d", errBroken, n)
	}
	s.open.Add(1)
	closeOnce := sync.OnceFunc(func() { s.open.Add(-1) })
	return &http.Response{StatusCode: r.status, Body: &openBody{strings.NewReader(fmt.Sprint(n)), req.Context(), closeOnce}}, nil
}

// ask sends a request and returns what its answer holds.
func ask(ctx context.Context, c *transport.Client, call transport.Call, path string) (string, error) {
	method := http.MethodGet
	if call.Operation == "PutObject" {
		method = http.MethodPut
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://server"+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := c.Send(call, req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(data)), err
}

// busy sends quick requests of an operation until the function that it returns is called.
func busy(ctx context.Context, c *transport.Client, operation string, workers int) (stop func()) {
	var all sync.WaitGroup
	var over atomic.Bool
	for range workers {
		all.Go(func() {
			for !over.Load() && ctx.Err() == nil {
				_, _ = ask(ctx, c, transport.Call{Operation: operation}, quick)
			}
		})
	}
	return func() {
		over.Store(true)
		all.Wait()
	}
}

// TestLateRead: a read that is late while others are answered is asked again, twice at most, and
// the first definite answer counts.
func TestLateRead(t *testing.T) {
	const ok, never = http.StatusOK, time.Hour
	get := transport.Call{Operation: "GetObject"}
	for name, tt := range map[string]struct {
		call    transport.Call
		replies []reply
		want    string
		after   time.Duration
		asked   int32
		given   int32 // requests that were given up
	}{
		"in time":                      {get, []reply{{900 * time.Millisecond, ok}}, "200 1", 900 * time.Millisecond, 1, 0},
		"second answers":               {get, []reply{{never, ok}, {20 * time.Millisecond, ok}}, "200 2", 1020 * time.Millisecond, 2, 1},
		"first answers":                {get, []reply{{1500 * time.Millisecond, ok}, {never, ok}}, "200 1", 1500 * time.Millisecond, 2, 1},
		"headers":                      {transport.Call{Operation: "HeadObject"}, []reply{{never, ok}, {0, ok}}, "200 2", time.Second, 2, 1},
		"second fails":                 {get, []reply{{10 * time.Second, ok}, {0, 0}}, "200 1", 10 * time.Second, 2, 0},
		"second is refused":            {get, []reply{{10 * time.Second, ok}, {0, 503}}, "200 1", 10 * time.Second, 2, 0},
		"first fails":                  {get, []reply{{1500 * time.Millisecond, 0}, {900 * time.Millisecond, ok}}, "200 2", 1900 * time.Millisecond, 2, 0},
		"first is refused":             {get, []reply{{1500 * time.Millisecond, 503}, {900 * time.Millisecond, ok}}, "200 2", 1900 * time.Millisecond, 2, 0},
		"both fail":                    {get, []reply{{1500 * time.Millisecond, 0}, {900 * time.Millisecond, 0}}, "broken 1", 1900 * time.Millisecond, 2, 0},
		"both fail, second first":      {get, []reply{{1500 * time.Millisecond, 0}, {0, 0}}, "broken 1", 1500 * time.Millisecond, 2, 0},
		"first is throttled":           {get, []reply{{1500 * time.Millisecond, 429}, {900 * time.Millisecond, ok}}, "200 2", 1900 * time.Millisecond, 2, 0},
		"first is timed out":           {get, []reply{{1500 * time.Millisecond, 408}, {900 * time.Millisecond, ok}}, "200 2", 1900 * time.Millisecond, 2, 0},
		"both are refused":             {get, []reply{{1500 * time.Millisecond, 503}, {900 * time.Millisecond, 500}}, "503 1", 1900 * time.Millisecond, 2, 0},
		"refused, the other late":      {get, []reply{{59 * time.Second, 503}, {never, ok}, {never, ok}}, "503 1", 62 * time.Second, 3, 2},
		"first finds nothing":          {get, []reply{{1500 * time.Millisecond, 404}, {never, ok}}, "404 1", 1500 * time.Millisecond, 2, 1},
		"first finds nothing, 2nd ok":  {get, []reply{{1500 * time.Millisecond, 404}, {900 * time.Millisecond, ok}}, "404 1", 1500 * time.Millisecond, 2, 1},
		"second finds nothing":         {get, []reply{{never, ok}, {0, 404}}, "404 2", time.Second, 2, 1},
		"second is not modified":       {get, []reply{{never, ok}, {0, 304}}, "304 2", time.Second, 2, 1},
		"first lacks permission":       {get, []reply{{1500 * time.Millisecond, 403}, {900 * time.Millisecond, 503}}, "403 1", 1500 * time.Millisecond, 2, 1},
		"first is of another version":  {get, []reply{{1500 * time.Millisecond, 412}, {900 * time.Millisecond, 0}}, "412 1", 1500 * time.Millisecond, 2, 1},
		"third answers":                {get, []reply{{never, ok}, {never, ok}, {20 * time.Millisecond, ok}}, "200 3", 2020 * time.Millisecond, 3, 2},
		"third finds nothing":          {get, []reply{{never, ok}, {never, ok}, {0, 404}}, "404 3", 2 * time.Second, 3, 2},
		"third late, first answers":    {get, []reply{{3 * time.Second, ok}, {never, ok}, {never, ok}}, "200 1", 3 * time.Second, 3, 2},
		"third late, second answers":   {get, []reply{{never, ok}, {2 * time.Second, ok}, {never, ok}}, "200 2", 3 * time.Second, 3, 2},
		"third late, first fails":      {get, []reply{{1500 * time.Millisecond, 0}, {3 * time.Second, ok}, {never, ok}}, "200 2", 4 * time.Second, 3, 1},
		"all late":                     {get, []reply{{never, ok}, {never, ok}, {never, ok}}, "no answer to a request for 1m0s", 62 * time.Second, 3, 3},
		"all fail":                     {get, []reply{{4 * time.Second, 503}, {4 * time.Second, 0}, {4 * time.Second, 0}}, "503 1", 6 * time.Second, 3, 0},
		"all answer at the same time":  {get, []reply{{3 * time.Second, ok}, {2 * time.Second, ok}, {time.Second, ok}}, "200", 3 * time.Second, 3, 0},
		"a retry":                      {transport.Call{Operation: "GetObject", Again: true}, []reply{{10 * time.Second, ok}}, "200 1", 10 * time.Second, 1, 0},
		"a write":                      {transport.Call{Operation: "PutObject"}, []reply{{10 * time.Second, ok}}, "200 1", 10 * time.Second, 1, 0},
		"a listing":                    {transport.Call{Operation: "ListObjectsV2"}, []reply{{10 * time.Second, ok}}, "200 1", 10 * time.Second, 1, 0},
		"answers at the same time":     {get, []reply{{1500 * time.Millisecond, ok}, {500 * time.Millisecond, ok}}, "200", 1500 * time.Millisecond, 2, 0},
		"both fail at the same time":   {get, []reply{{1500 * time.Millisecond, 0}, {500 * time.Millisecond, 0}}, "broken 1", 1500 * time.Millisecond, 2, 0},
		"second at once, first at 1 s": {get, []reply{{time.Second, ok}, {0, ok}}, "200", time.Second, -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowServer{replies: append(tt.replies, reply{0, ok}, reply{0, ok})}
				c := newClient(t, transport.Options{Given: s, ReadTimeout: time.Minute})
				stop := busy(t.Context(), c, tt.call.Operation, 1)
				time.Sleep(time.Second)
				began := time.Now()
				got, err := ask(t.Context(), c, tt.call, slow)
				took := time.Since(began)
				stop()
				if err != nil {
					got = err.Error()
				}
				if took < tt.after || took > tt.after+20*time.Millisecond {
					t.Errorf("took %v, want %v", took, tt.after)
				}
				if !strings.HasPrefix(got, tt.want) {
					t.Errorf("got %s, want %q", got, tt.want)
				}
				if n, given := s.asked.Load(), s.given.Load(); tt.asked >= 0 && (n != tt.asked || given != tt.given) {
					t.Errorf("%d requests, of which %d were given up, want %d and %d", n, given, tt.asked, tt.given)
				}
				if n := s.open.Load(); n != 0 {
					t.Errorf("%d bodies are open", n)
				}
			})
		})
	}
}

// TestLateReadAlone: nothing is asked again if the others are not answered either, if too few
// were, or if nothing could end a request.
func TestLateReadAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		limit time.Duration
		reads int // that are answered
	}{
		"no others":     {time.Minute, 0},
		"few others":    {time.Minute, 7},
		"no limit":      {0, 100},
		"enough others": {time.Minute, 8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &slowServer{replies: []reply{{10 * time.Second, http.StatusOK}, {0, http.StatusOK}}}
				c := newClient(t, transport.Options{Given: s, ReadTimeout: tt.limit})
				get := transport.Call{Operation: "GetObject"}
				for range 100 {
					if _, err := ask(t.Context(), c, get, quick); err != nil {
						t.Fatal(err)
					}
				}
				var others sync.WaitGroup
				others.Go(func() {
					time.Sleep(time.Millisecond)
					for range tt.reads {
						_, _ = ask(t.Context(), c, get, quick)
					}
				})
				if _, err := ask(t.Context(), c, get, slow); err != nil {
					t.Error(err)
				}
				others.Wait()
				want := int32(1)
				if name == "enough others" {
					want = 2
				}
				if n := s.asked.Load(); n != want {
					t.Errorf("%d requests, want %d", n, want)
				}
			})
		})
	}
}

// TestCancelledLateRead: all requests end with their context.
func TestCancelledLateRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const never = time.Hour
		s := &slowServer{replies: []reply{{never, 200}, {never, 200}, {never, 200}}}
		c := newClient(t, transport.Options{Given: s, ReadTimeout: time.Minute})
		stop := busy(t.Context(), c, "GetObject", 1)
		time.Sleep(time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := ask(ctx, c, transport.Call{Operation: "GetObject"}, slow)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took != 3*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		stop()
		if n, given := s.asked.Load(), s.given.Load(); n != 3 || given != 3 {
			t.Errorf("%d requests, of which %d were given up", n, given)
		}
		if _, what := c.Waiting(); what != "" {
			t.Errorf("still waits for %s", what)
		}
	})
}

// TestTraceOfSecondRequest: the trace tells it apart, and why the first one ended. Nobody is
// told that the first one failed.
func TestTraceOfSecondRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lockedBuilder
		var failed atomic.Int32
		s := &slowServer{replies: []reply{{time.Hour, 200}, {0, 200}}}
		c := newClient(t, transport.Options{
			Given: s, ReadTimeout: time.Minute,
			Trace: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Observe: func(call transport.Call, o transport.Outcome) {
				if o.Err != nil || call.Hedge && !call.Again {
					failed.Add(1)
				}
			},
		})
		stop := busy(t.Context(), c, "GetObject", 1)
		time.Sleep(time.Second)
		if _, err := ask(t.Context(), c, transport.Call{Operation: "GetObject"}, slow); err != nil {
			t.Error(err)
		}
		stop()
		for _, want := range []string{
			`path=/slow sent=0 took=1s error="another request for the same was answered first"`,
			`path=/slow sent=0 took=0s hedge=true status=200`,
		} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("the trace lacks %s", want)
			}
		}
		if n := failed.Load(); n != 0 {
			t.Errorf("%d failures were told of", n)
		}
	})
}

// A lockedBuilder is a strings.Builder for several goroutines.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuilder) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestLateReadOfServer: over a connection, the request that lost is ended and its connection
// is closed.
func TestLateReadOfServer(t *testing.T) {
	var asked atomic.Int32
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == slow && asked.Add(1) == 1 {
			<-r.Context().Done()
			close(ended)
			return
		}
		_, _ = io.WriteString(w, "data")
	}))
	defer server.Close()
	c := newClient(t, transport.Options{ReadTimeout: time.Minute})
	defer c.HTTP().CloseIdleConnections()
	read := func(path string) (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
		if err != nil {
			return "", err
		}
		resp, err := c.Send(transport.Call{Operation: "GetObject"}, req)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		return string(data), err
	}
	ctx, cancel := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer cancel()
	others.Go(func() {
		for ctx.Err() == nil {
			if _, err := read(quick); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if got, err := read(slow); err != nil || got != "data" || asked.Load() != 2 {
		t.Errorf("got %q after %d requests: %v", got, asked.Load(), err)
	}
	<-ended
}
