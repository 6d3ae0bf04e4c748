package faultproxy

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Proxy forwards requests to a server, except where a rule says otherwise. Its
// methods may be called concurrently.
type Proxy struct {
	// URL is where the proxy listens: http://127.0.0.1:port.
	URL string

	target    *url.URL
	transport *http.Transport
	server    *http.Server
	closing   chan struct{}
	handlers  sync.WaitGroup

	mu     sync.Mutex
	closed bool
	rules  []*rule
	log    []*Request
}

// New starts a proxy in front of the server at target (http://host:port) and stops it
// at the end of the test. The test then fails if the fault of a rule without "maybe"
// never happened, because such a test shows nothing. If the test failed, New logs the
// rules and the last requests.
func New(t testing.TB, target string, rules ...string) *Proxy {
	t.Helper()
	p, err := Start(target)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range rules {
		if err := p.Add(text); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		p.Close()
		for _, text := range p.Unreached() {
			t.Errorf("faultproxy: the test never reached the fault %q", text)
		}
		if t.Failed() {
			t.Log(p.Report(50))
		}
	})
	return p
}

// Start starts a proxy for a caller that is not a test. It is stopped by Close.
func Start(target string) (*Proxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("faultproxy: target %q is not http(s)://host:port", target)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		URL:    "http://" + listener.Addr().String(),
		target: u,
		// Nothing may be added to the headers that the client signed, and no proxy of
		// the environment may come between us and a loopback address.
		transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 256},
		closing:   make(chan struct{}),
	}
	p.server = &http.Server{Handler: p}
	p.handlers.Go(func() { _ = p.server.Serve(listener) })
	return p, nil
}

// Close closes all connections and waits until no handler runs any more.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.closing)
	_ = p.server.Close()
	p.handlers.Wait()
	p.transport.CloseIdleConnections()
}

// Add adds a rule after the existing ones.
func (p *Proxy) Add(text string) error {
	r, err := parseRule(text)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = append(p.rules, r)
	return nil
}

// Hits returns how often the fault of a rule happened. It did not happen if a matching
// request was too short for it.
func (p *Proxy) Hits(text string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, r := range p.rules {
		if r.text == text {
			n += r.hits
		}
	}
	return n
}

// Unreached returns the rules without "maybe" whose fault never happened.
func (p *Proxy) Unreached() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var texts []string
	for _, r := range p.rules {
		if r.hits == 0 && !r.maybe {
			texts = append(texts, r.text)
		}
	}
	return texts
}

// Requests returns the requests so far, in the order they arrived.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]Request, len(p.log))
	for i, r := range p.log {
		all[i] = *r
	}
	return all
}

// Count returns how many of the requests so far match the conditions, written
// as in a rule: "HEAD", "GetObject *.bin", "PUT bucket=b partNumber=1". It
// panics if they are not well-formed.
func (p *Proxy) Count(conditions string) int {
	pat, err := parsePattern(conditions)
	if err != nil {
		panic(err)
	}
	n := 0
	for _, r := range p.Requests() {
		if pat.matches(&r) {
			n++
		}
	}
	return n
}

// Report describes the rules and the last n requests for a log.
func (p *Proxy) Report(n int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "faultproxy before %s, %d requests\n", p.target, len(p.log))
	for _, r := range p.rules {
		fmt.Fprintf(&b, "  rule %q: matched %d, happened %d\n", r.text, r.seen, r.hits)
	}
	for _, r := range p.log[max(0, len(p.log)-n):] {
		fmt.Fprintf(&b, "  %3d %s %s", r.Status, r.Operation, r.uri)
		if r.Fault != "" {
			fmt.Fprintf(&b, "  <- %s", r.Fault)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// enter counts a running handler. It fails once Close waits for the handlers.
func (p *Proxy) enter() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.handlers.Add(1)
	}
	return !p.closed
}

// admit logs a request and returns the rule that applies to it, if any.
func (p *Proxy) admit(r *http.Request) (*Request, *rule) {
	req := describe(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	var found *rule
	for _, r := range p.rules {
		// Every rule counts, even if an earlier one applies.
		if r.due(&req) && found == nil {
			found = r
			req.Fault = r.text
		}
	}
	p.log = append(p.log, &req)
	return &req, found
}

func (p *Proxy) hit(r *rule) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.hits++
}

func (p *Proxy) answered(req *Request, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	req.Status = status
}

// forward sends the request to the server as it came.
func (p *Proxy) forward(r *http.Request, body io.ReadCloser) (*http.Response, error) {
	out := (&http.Request{
		Method: r.Method,
		// An opaque URL is sent unchanged: no cleaning, no other escapes.
		URL:           &url.URL{Scheme: p.target.Scheme, Host: p.target.Host, Opaque: r.RequestURI},
		Host:          r.Host,
		Header:        r.Header.Clone(),
		Body:          body,
		ContentLength: r.ContentLength,
		Trailer:       r.Trailer,
	}).WithContext(r.Context())
	// These headers are for this connection only, not for the next one.
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Expect", "Te", "Transfer-Encoding"} {
		out.Header.Del(name)
	}
	if !slices.Contains([]string{http.MethodPut, http.MethodPost}, r.Method) && r.ContentLength <= 0 || r.ContentLength == 0 {
		out.Body = http.NoBody
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header["User-Agent"] = []string{""} // keeps the transport from adding its own
	}
	return p.transport.RoundTrip(out)
}
