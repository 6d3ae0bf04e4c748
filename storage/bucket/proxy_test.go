package bucket_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// socksProxy is a SOCKS 5 proxy (RFC 1928) that connects to one address,
// whatever it is asked for, and remembers that.
type socksProxy struct {
	net.Listener

	mu    sync.Mutex
	asked []string
}

func newSocksProxy(t *testing.T, target string) *socksProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &socksProxy{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(conn, target)
		}
	}()
	return p
}

func (p *socksProxy) serve(conn net.Conn, target string) {
	r := bufio.NewReader(conn)
	hello := make([]byte, 2)
	if _, err := io.ReadFull(r, hello); err != nil {
		return
	}
	_, _ = r.Discard(int(hello[1]))
	_, _ = conn.Write([]byte{5, 0})
	head := make([]byte, 5) // version, connect, 0, a name follows, its length
	if _, err := io.ReadFull(r, head); err != nil || head[3] != 3 {
		_ = conn.Close()
		return
	}
	name := make([]byte, int(head[4])+2)
	_, _ = io.ReadFull(r, name)
	p.mu.Lock()
	p.asked = append(p.asked, string(name[:len(name)-2]))
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		_ = conn.Close()
		return
	}
	_, _ = conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	splice(server, conn, r)
}

// TestAllProxy: ALL_PROXY is the proxy for what no other variable names one for.
func TestAllProxy(t *testing.T) {
	// net/http reads the environment only once.
	if _, err := http.ProxyFromEnvironment(httptest.NewRequest(http.MethodGet, "http://h", nil)); err != nil {
		t.Fatal(err)
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	target := f.Listener.Addr().String()
	socks := newSocksProxy(t, target)
	var mu sync.Mutex
	var asked []string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Host)
		object(w, r, "", etag)
	}))
	t.Cleanup(plain.Close)
	for name, tt := range map[string]struct {
		env   map[string]string
		socks bool
		plain bool
	}{
		"http":             {map[string]string{"ALL_PROXY": plain.URL}, false, true},
		"no scheme":        {map[string]string{"ALL_PROXY": strings.TrimPrefix(plain.URL, "http://")}, false, true},
		"lower case":       {map[string]string{"all_proxy": plain.URL}, false, true},
		"SOCKS":            {map[string]string{"ALL_PROXY": "socks5://" + socks.Addr().String()}, true, false},
		"SOCKS, by name":   {map[string]string{"ALL_PROXY": "socks5h://" + socks.Addr().String()}, true, false},
		"of another host":  {map[string]string{"ALL_PROXY": plain.URL, "NO_PROXY": "example.org"}, false, true},
		"of another port":  {map[string]string{"ALL_PROXY": plain.URL, "NO_PROXY": "s3.example.com:8080"}, false, true},
		"the host":         {map[string]string{"ALL_PROXY": plain.URL, "NO_PROXY": "x, S3.example.com"}, false, false},
		"the domain":       {map[string]string{"ALL_PROXY": plain.URL, "no_proxy": ".example.com"}, false, false},
		"everything":       {map[string]string{"ALL_PROXY": plain.URL, "NO_PROXY": "*"}, false, false},
		"other variable":   {map[string]string{"ALL_PROXY": plain.URL, "HTTP_PROXY": "http://127.0.0.1:1"}, false, false},
		"of https only":    {map[string]string{"ALL_PROXY": plain.URL, "HTTPS_PROXY": "http://127.0.0.1:1"}, false, true},
		"nothing is given": {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range []string{"ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"} {
				t.Setenv(v, "")
				t.Setenv(strings.ToLower(v), "")
			}
			for v, text := range tt.env {
				t.Setenv(v, text)
			}
			asked, socks.asked = nil, nil
			opts := f.options()
			opts.EndpointURL = "http://s3.example.com"
			s := open(t, opts)
			s.Resolve(target) // what goes directly
			if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
				t.Fatal(err)
			}
			if got := slices.Equal(socks.asked, []string{"s3.example.com"}); got != tt.socks {
				t.Errorf("the SOCKS proxy was asked for %q", socks.asked)
			}
			if got := slices.Equal(asked, []string{"s3.example.com"}); got != tt.plain {
				t.Errorf("the proxy was asked for %q", asked)
			}
		})
	}
}

// TestAllProxyFaults: what is wrong with it is told at once, without its password.
func TestAllProxyFaults(t *testing.T) {
	opts := bucket.Options{
		Bucket: "b", AccessKey: "a", SecretKey: "very-secret", Region: "r", EndpointURL: "http://s3.example.com",
		PathStyle: true, MaxAttempts: 2, InitialBackoff: time.Millisecond,
	}
	for _, text := range []string{"socks4://u:hunter2@h:1", "ftp://u:hunter2@h", "http://u:hunter2@", "://hunter2"} {
		t.Setenv("ALL_PROXY", text)
		s, err := bucket.Open(t.Context(), opts)
		if err == nil {
			t.Fatal(s.Close(), text)
		}
		if !strings.Contains(err.Error(), "the variable ALL_PROXY is not of the form") || strings.Contains(err.Error(), "hunter2") {
			t.Error(err)
		}
	}
	// Where other settings win, the variable may be meant for other programs.
	t.Setenv("ALL_PROXY", "socks4://u:hunter2@h:1")
	other := opts
	other.EndpointURL, other.HTTPSProxy = "https://s3.example.com", "http://127.0.0.1:1"
	_, err := open(t, other).Stat(t.Context(), "k", storage.StatOptions{})
	wantKind(t, err, storage.ErrUnusable)
	if strings.Contains(err.Error(), "ALL_PROXY") {
		t.Error(err)
	}
	other.EndpointURL = "http://s3.example.com" // for which the option does not count
	_, err = open(t, other).Stat(t.Context(), "k", storage.StatOptions{})
	wantKind(t, err, storage.ErrUnusable)
	if !strings.Contains(err.Error(), "ALL_PROXY") || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	t.Setenv("ALL_PROXY", "socks5://u:hunter2@127.0.0.1:1")
	_, err = open(t, opts).Stat(t.Context(), "k", storage.StatOptions{})
	wantKind(t, err, storage.ErrUnusable)
	if strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	t.Log(err)
}
