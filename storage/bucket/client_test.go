package bucket_test

import (
	"bufio"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// TestCredentialsAndRegion: who signs, and for which region.
func TestCredentialsAndRegion(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := file("config", "[default]\nregion = default-region\n[profile p]\nregion = profile-region\n"+
		"[profile bare]\noutput = text\n")
	keys := file("credentials", "[default]\naws_access_key_id = DEFAULT\naws_secret_access_key = s\n"+
		"[p]\naws_access_key_id = PROFILE\naws_secret_access_key = s\n"+
		"[bare]\naws_access_key_id = BARE\naws_secret_access_key = s\n")
	other := file("other", "[profile p]\nregion = other-region\naws_access_key_id = OTHER\naws_secret_access_key = s\n")
	files := map[string]string{"AWS_CONFIG_FILE": config, "AWS_SHARED_CREDENTIALS_FILE": keys}
	ofEnv := map[string]string{"AWS_ACCESS_KEY_ID": "ENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "env-region"}

	static := func(o *bucket.Options) { o.AccessKey, o.SecretKey = "STATIC", "s" }
	for name, tt := range map[string]struct {
		env    []map[string]string
		change func(*bucket.Options)
		want   string // key/region
	}{
		"static keys alone":              {nil, static, "STATIC/us-east-1"},
		"static keys, region":            {nil, func(o *bucket.Options) { static(o); o.Region = "r" }, "STATIC/r"},
		"static keys before all":         {[]map[string]string{files, ofEnv}, static, "STATIC/env-region"},
		"static keys, default region":    {[]map[string]string{files}, static, "STATIC/default-region"},
		"environment":                    {[]map[string]string{ofEnv}, nil, "ENV/env-region"},
		"environment before files":       {[]map[string]string{files, ofEnv}, nil, "ENV/env-region"},
		"default profile":                {[]map[string]string{files}, nil, "DEFAULT/default-region"},
		"profile":                        {[]map[string]string{files}, func(o *bucket.Options) { o.Profile = "p" }, "PROFILE/profile-region"},
		"profile before environment":     {[]map[string]string{files, ofEnv}, func(o *bucket.Options) { o.Profile = "p" }, "PROFILE/profile-region"},
		"profile without region":         {[]map[string]string{files, ofEnv}, func(o *bucket.Options) { o.Profile = "bare" }, "BARE/env-region"},
		"profile, nobody has a region":   {[]map[string]string{files}, func(o *bucket.Options) { o.Profile = "bare" }, "BARE/us-east-1"},
		"profile, region":                {[]map[string]string{files}, func(o *bucket.Options) { o.Profile, o.Region = "p", "r" }, "PROFILE/r"},
		"profile of the environment":     {[]map[string]string{files, {"AWS_PROFILE": "p"}}, nil, "PROFILE/profile-region"},
		"own files":                      {nil, func(o *bucket.Options) { o.ConfigFile, o.CredentialsFile, o.Profile = config, keys, "p" }, "PROFILE/profile-region"},
		"own files without a profile":    {nil, func(o *bucket.Options) { o.ConfigFile, o.CredentialsFile = config, keys }, "DEFAULT/default-region"},
		"own config file":                {[]map[string]string{files}, func(o *bucket.Options) { o.ConfigFile, o.Profile = other, "p" }, "PROFILE/other-region"},
		"own config file holds the keys": {nil, func(o *bucket.Options) { o.ConfigFile, o.Profile = other, "p" }, "OTHER/other-region"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, env := range tt.env {
				for name, value := range env {
					t.Setenv(name, value)
				}
			}
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
			opts := bucket.Options{Bucket: "b", EndpointURL: f.URL, PathStyle: true}
			if tt.change != nil {
				tt.change(&opts)
			}
			if _, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
				t.Fatal(err)
			}
			r, _ := f.last(t)
			m := regexp.MustCompile(`Credential=([A-Z]+)/\d+/([a-z0-9-]+)/s3/`).FindStringSubmatch(r.Header.Get("Authorization"))
			if m == nil || m[1]+"/"+m[2] != tt.want {
				t.Errorf("signed by %q, want %s", m, tt.want)
			}
		})
	}
}

func TestSessionToken(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	opts := f.options()
	opts.SessionToken = "token"
	if _, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
		t.Fatal(err)
	}
	if r, _ := f.last(t); r.Header.Get("X-Amz-Security-Token") != "token" {
		t.Errorf("headers %v", r.Header)
	}
}

// TestEndpointOfEnvironment: the SDK's own variables work, and give way to the
// option.
func TestEndpointOfEnvironment(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	t.Setenv("AWS_ENDPOINT_URL_S3", f.URL)
	opts := f.options()
	opts.EndpointURL, opts.Region = "", ""
	if _, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
		t.Error(err)
	}
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	if _, err := open(t, f.options()).Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
		t.Error(err)
	}
}

// connectProxy is a proxy for https that wants a user and a password. It
// connects to the given address whatever it is asked for.
type connectProxy struct {
	*httptest.Server

	mu    sync.Mutex
	asked []string // host:port, "-" for wrong passwords
}

func newConnectProxy(t *testing.T, target string) *connectProxy {
	t.Helper()
	p := &connectProxy{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("user:pass:word"))
		p.mu.Lock()
		defer p.mu.Unlock()
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") != want {
			p.asked = append(p.asked, "-")
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		p.asked = append(p.asked, r.Host)
		server, err := net.Dial("tcp", target)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		client, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go splice(server, client, buffered.Reader)
	}))
	t.Cleanup(p.Close)
	return p
}

// splice joins two connections until one of them ends.
func splice(server, client net.Conn, fromClient *bufio.Reader) {
	go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
	_, _ = io.Copy(server, fromClient)
	_ = server.Close()
}

// tlsFake is a fake that speaks TLS, and the file of its authority.
func tlsFake(t *testing.T, handle http.HandlerFunc) (f *fake, caFile string) {
	t.Helper()
	f = &fake{}
	f.Server = httptest.NewUnstartedServer(withETag(f.record(handle)))
	f.EnableHTTP2 = true
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are meant to
	f.StartTLS()
	t.Cleanup(f.Close)
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw})
	if err := os.WriteFile(caFile, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return f, caFile
}

func TestProxy(t *testing.T) {
	f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	t.Setenv("AWS_CA_BUNDLE", ca)
	proxy := newConnectProxy(t, f.Listener.Addr().String())
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	opts := f.options()
	opts.EndpointURL = "https://example.com" // known to the proxy alone, and to the certificate
	for name, tt := range map[string]struct {
		user string
		ok   bool
	}{
		"right password": {"user:pass%3Aword@", true},
		"wrong password": {"user:very-secret@", false},
		"no password":    {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			opts := opts
			opts.MaxAttempts = 3
			opts.HTTPSProxy = "http://" + tt.user + address.Host
			proxy.asked = nil
			_, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{})
			if tt.ok {
				if err != nil {
					t.Fatal(err)
				}
				if len(proxy.asked) != 1 || proxy.asked[0] != "example.com:443" {
					t.Errorf("the proxy was asked for %q", proxy.asked)
				}
				return
			}
			wantKind(t, err, storage.ErrUnusable)
			if want := "the proxy " + address.Host + " wants another user or password"; !strings.Contains(err.Error(), want) {
				t.Errorf("message %q does not hold %q", err, want)
			}
			if len(proxy.asked) != 1 {
				t.Errorf("%d attempts", len(proxy.asked))
			}
		})
	}
}

func TestProxyFaults(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	busy := newConnectProxy(t, strings.TrimPrefix(down.URL, "http://"))
	for name, tt := range map[string]struct {
		proxy string
		want  error
	}{
		"not there":           {down.URL, storage.ErrUnusable},
		"cannot reach server": {strings.Replace(busy.URL, "//", "//user:pass%3Aword@", 1), storage.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			opts := bucket.Options{
				Bucket: "b", AccessKey: "a", SecretKey: "very-secret", Region: "r", EndpointURL: "https://example.com",
				PathStyle: true, HTTPSProxy: tt.proxy, MaxAttempts: 2, InitialBackoff: time.Millisecond,
			}
			_, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{})
			wantKind(t, err, tt.want)
			t.Log(err)
		})
	}
}

func TestTLS(t *testing.T) {
	f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("HTTP %d", r.ProtoMajor)
		}
		object(w, r, "", etag)
	})
	plain := newFake(t, func(http.ResponseWriter, *http.Request) {})
	for name, tt := range map[string]struct {
		ca, url string
		text    string
	}{
		"known authority":   {ca, f.URL, ""},
		"unknown authority": {"", f.URL, "name its file in AWS_CA_BUNDLE"},
		"no TLS":            {"", strings.Replace(plain.URL, "http:", "https:", 1), "does not speak TLS"},
		"another name":      {ca, strings.Replace(f.URL, "127.0.0.1", "localhost", 1), "the certificate is not valid"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.ca != "" {
				t.Setenv("AWS_CA_BUNDLE", tt.ca)
			}
			opts := f.options()
			opts.EndpointURL, opts.MaxAttempts = tt.url, 10
			opts.InitialBackoff = time.Hour // no attempt is worth another
			_, err := open(t, opts).Stat(t.Context(), "k", storage.StatOptions{})
			if tt.text == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, storage.ErrUnusable)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q does not hold %q", err, tt.text)
			}
		})
	}
}

func TestOldTLS(t *testing.T) {
	f := &fake{}
	f.Server = httptest.NewUnstartedServer(f.record(func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) }))
	f.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are meant to
	f.StartTLS()
	t.Cleanup(f.Close)
	f.TLS.MaxVersion = 0x0302 // TLS 1.1
	_, err := open(t, f.options()).Stat(t.Context(), "k", storage.StatOptions{})
	wantKind(t, err, storage.ErrUnusable)
}

// TestRealTLS: real servers with an authority of their own.
func TestRealTLS(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Start(t, kind, s3server.Options{TLS: true})
			t.Setenv("AWS_CA_BUNDLE", server.CAFile)
			s := open(t, options(server, server.Bucket(t)))
			if err := put(t, s, "k"); err != nil {
				t.Error(err)
			}
			if info, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil || info.Size != 4 {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

func TestUnknownBucketAndKeys(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			for name, tt := range map[string]struct {
				change func(*bucket.Options)
				want   error
			}{
				"bucket":     {func(o *bucket.Options) { o.Bucket = "no-such-bucket" }, storage.ErrNoBucket},
				"access key": {func(o *bucket.Options) { o.AccessKey = "nobody" }, storage.ErrCredentials},
				"secret key": {func(o *bucket.Options) { o.SecretKey = "very-secret" }, storage.ErrCredentials},
			} {
				t.Run(name, func(t *testing.T) {
					opts := options(server, server.Bucket(t))
					tt.change(&opts)
					_, err := keysOf(t.Context(), open(t, opts), storage.Range{})
					wantKind(t, err, tt.want)
					t.Log(err)
				})
			}
		})
	}
}

// TestWrongRegion: the servers name the right region, and requests are made there. That is
// told once.
func TestWrongRegion(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			opts := options(server, server.Bucket(t))
			right := opts.Region
			opts.Region = "eu-central-1"
			var told []string
			opts.Notice = func(n storage.Notice) { told = append(told, n.Text) }
			s := open(t, opts)
			for range 2 {
				if err := put(t, s, "k"); err != nil {
					t.Fatal(err)
				}
				if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			if want := fmt.Sprintf("is in region %q, not in %q", right, opts.Region); len(told) != 1 || !strings.Contains(told[0], want) {
				t.Errorf("notices %q do not hold %q", told, want)
			}
		})
	}
}

// TestNobodyAnswers: a wrong endpoint is told soon, however many attempts are
// allowed.
func TestNobodyAnswers(t *testing.T) {
	down := httptest.NewServer(nil)
	down.Close()
	for name, tt := range map[string]struct {
		endpoint, says string
		kind           error
	}{
		"nobody listens":         {down.URL, " does not answer", storage.ErrUnusable},
		"no such host":           {"http://no-such-host.invalid", " does not answer", storage.ErrUnusable},
		"no such port":           {"http://127.0.0.1:99999", " is no address", storage.ErrUnusable},
		"another kind of server": {greeting(t, "SSH-2.0-OpenSSH_9.2\r\n"), ": malformed HTTP response", storage.ErrUnusable},
		"one that hangs up":      {greeting(t, ""), "does the server expect https:// in its URL?", storage.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			opts := bucket.Options{
				Bucket: "b", AccessKey: "a", SecretKey: "very-secret", Region: "r", EndpointURL: tt.endpoint,
				PathStyle: true, MaxAttempts: 10, InitialBackoff: 100 * time.Millisecond,
			}
			began := time.Now()
			_, err := keysOf(t.Context(), open(t, opts), storage.Range{})
			if name == "no such host" && !errors.Is(err, storage.ErrUnusable) {
				t.Skipf("no resolver here: %v", err)
			}
			wantKind(t, err, tt.kind)
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			if !strings.Contains(err.Error(), tt.endpoint) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("message %q", err)
			}
			t.Log(err)
		})
	}
}

// greeting is the URL of a server that says something, if anything, and no HTTP.
func greeting(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := io.WriteString(c, text); err != nil || text == "" {
				_ = c.Close() // else the client closes it
			}
		}
	}()
	return "http://" + l.Addr().String()
}

// TestServerComesBack: a server that answered before gets all attempts.
func TestServerComesBack(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	opts := f.options()
	opts.MaxAttempts, opts.InitialBackoff = 10, 10*time.Millisecond
	s := open(t, opts)
	if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil {
		t.Fatal(err)
	}
	address := f.Listener.Addr().String()
	f.Close()
	back := make(chan *httptest.Server)
	go func() {
		time.Sleep(100 * time.Millisecond) // three attempts take at most 30 ms
		l, err := net.Listen("tcp", address)
		if err != nil {
			back <- nil
			return
		}
		again := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) }))
		_ = again.Listener.Close()
		again.Listener = l
		again.Start()
		back <- again
	}()
	_, err := s.Stat(t.Context(), "k", storage.StatOptions{})
	again := <-back
	if again == nil {
		t.Skip("somebody else has the port now")
	}
	again.Close()
	if err != nil {
		t.Error(err)
	}
}

// TestAddressing: where requests go.
func TestAddressing(t *testing.T) {
	f, ca := tlsFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, "", etag) })
	t.Setenv("AWS_CA_BUNDLE", ca)
	proxy := newConnectProxy(t, f.Listener.Addr().String())
	for name, tt := range map[string]struct {
		opts       bucket.Options
		host, path string
	}{
		"host":       {bucket.Options{EndpointURL: "https://example.com"}, "bbb.example.com", "/k"},
		"path":       {bucket.Options{EndpointURL: "https://example.com", PathStyle: true}, "example.com", "/bbb/k"},
		"path, port": {bucket.Options{EndpointURL: "https://example.com:9000", PathStyle: true}, "example.com:9000", "/bbb/k"},
		"AWS":        {bucket.Options{}, "bbb.s3.eu-test-1.amazonaws.com", "/k"},
		"accelerate": {bucket.Options{Accelerate: true}, "bbb.s3-accelerate.amazonaws.com", "/k"},
		"access point": {
			bucket.Options{Bucket: "arn:aws:s3:us-west-2:123456789012:accesspoint/name"},
			"name-123456789012.s3-accesspoint.us-west-2.amazonaws.com", "/k",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := tt.opts
			o.AccessKey, o.SecretKey, o.Region, o.MaxAttempts = "A", "s", "eu-test-1", 1
			o.HTTPSProxy = strings.Replace(proxy.URL, "//", "//user:pass%3Aword@", 1)
			if o.Bucket == "" {
				o.Bucket = "bbb"
			}
			proxy.asked = nil
			// The certificate of the fake holds only one of the names: it is
			// enough to see where the connection was to go.
			_, err := open(t, o).Stat(t.Context(), "k", storage.StatOptions{})
			want := tt.host
			if !strings.Contains(want, ":") {
				want += ":443"
			}
			if len(proxy.asked) == 0 || proxy.asked[0] != want {
				t.Fatalf("connected to %q, want %s (%v)", proxy.asked, want, err)
			}
			if err == nil {
				if r, _ := f.last(t); r.URL.Path != tt.path || r.Host != tt.host {
					t.Errorf("request to %s%s, want %s%s", r.Host, r.URL.Path, tt.host, tt.path)
				}
			}
		})
	}
}
