package wire

import (
	"context"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/transport"
)

// A sentRequest is a request as a server has received it.
type sentRequest struct {
	Host, Method, URI string
	Header            http.Header
	Length            int64
	Encoding          []string
	Body              string
}

// A recorder is a server for all hosts, and the way to it. It answers each request like S3.
type recorder struct {
	http.RoundTripper

	mu  sync.Mutex
	all []sentRequest
}

func newRecorder(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{}
	server := httptest.NewServer(http.HandlerFunc(r.record))
	t.Cleanup(server.Close)
	r.RoundTripper = &http.Transport{
		DisableCompression: true, MaxIdleConnsPerHost: 1,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		},
	}
	return r
}

// RoundTrip sends a request without TLS.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	plain := req.Clone(req.Context())
	plain.URL.Scheme = "http"
	if plain.Host == "" {
		plain.Host = req.URL.Host
	}
	return r.RoundTripper.RoundTrip(plain)
}

func (r *recorder) record(w http.ResponseWriter, req *http.Request) {
	data, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.all = append(r.all, sentRequest{req.Host, req.Method, req.RequestURI, req.Header.Clone(), req.ContentLength, req.TransferEncoding, string(data)})
	r.mu.Unlock()
	w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
	w.Header().Set("X-Amz-Request-Id", "ID")
	if req.Method == http.MethodHead {
		w.Header().Set("Content-Length", "9")
	}
	switch q := req.URL.Query(); {
	case q.Has("list-type"):
		_, _ = w.Write([]byte("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
	case q.Has("versions"):
		_, _ = w.Write([]byte("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"))
	case q.Has("delete"):
		_, _ = w.Write([]byte("<DeleteResult/>"))
	case req.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNoContent)
	}
}

// take returns the only request since the last call.
func (r *recorder) take(t *testing.T) sentRequest {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) != 1 {
		t.Fatalf("%d requests", len(r.all))
	}
	sent := r.all[0]
	r.all = nil
	return sent
}

// wayOptions are those of the requests that are compared.
func wayOptions(given http.RoundTripper) Options {
	return Options{
		Bucket: "my-bucket", MaxAttempts: 1,
		Account:   account.Options{AccessKey: "AKTEST", SecretKey: "very-secret", Region: "eu-north-1"},
		Transport: transport.Options{Given: given},
	}
}

// openWays opens a client for requests without the SDK, and one for requests with it.
func openWays(t *testing.T, o Options) map[string]*Client {
	t.Helper()
	for _, name := range []string{"AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"} {
		t.Setenv(name, t.TempDir()+"/none")
	}
	ways := map[string]*Client{}
	for _, name := range []string{"direct", "SDK"} {
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if c.hot == requests(&c.sdk) {
			t.Fatal("the SDK makes the requests")
		}
		if name == "SDK" {
			c.hot = &c.sdk
		}
		ways[name] = c
	}
	return ways
}

// comparable leaves out what only the SDK sends, and what differs with the time.
func comparable(h http.Header) http.Header {
	for _, name := range []string{"User-Agent", "Amz-Sdk-Invocation-Id", "Amz-Sdk-Request", "X-Amz-Date"} {
		h.Del(name)
	}
	credential, rest, _ := strings.Cut(h.Get("Authorization"), "SignedHeaders=")
	signed, _, _ := strings.Cut(rest, ", Signature=")
	names := slices.DeleteFunc(strings.Split(signed, ";"), func(name string) bool {
		return name == "amz-sdk-invocation-id" || name == "amz-sdk-request"
	})
	h.Set("Authorization", credential+strings.Join(names, ";"))
	return h
}

// checkSignature signs what has arrived as the SDK does.
func checkSignature(t *testing.T, what string, r sentRequest, anonymous bool) {
	t.Helper()
	authorization := r.Header.Get("Authorization")
	if anonymous {
		if authorization != "" || r.Header.Get("X-Amz-Date") != "" {
			t.Errorf("%s is signed: %v", what, r.Header)
		}
		return
	}
	_, rest, _ := strings.Cut(authorization, "Credential=")
	credential, rest, _ := strings.Cut(rest, ", SignedHeaders=")
	signed, _, _ := strings.Cut(rest, ", Signature=")
	scope := strings.Split(credential, "/")
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	u, uerr := url.ParseRequestURI("http://" + r.Host + r.URI)
	if err != nil || uerr != nil || len(scope) != 5 {
		t.Fatalf("%s: %v, %v, %q", what, err, uerr, authorization)
	}
	again := &http.Request{Method: r.Method, Host: r.Host, URL: u, Header: http.Header{}}
	for name := range strings.SplitSeq(signed, ";") {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.Length
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	secret := map[string]string{"AKTEST": "very-secret", "AK": "SK"}[scope[0]]
	creds := aws.Credentials{AccessKeyID: scope[0], SecretAccessKey: secret, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(t.Context(), creds, again, r.Header.Get("X-Amz-Content-Sha256"), scope[3], scope[2], at); err != nil {
		t.Fatal(err)
	}
	if got := again.Header.Get("Authorization"); got != authorization {
		t.Errorf("%s: the signature\n%s does not fit to the request, which has\n%s", what, authorization, got)
	}
	if age := time.Since(at); age < -time.Minute || age > time.Minute {
		t.Errorf("%s: it is from %v", what, at)
	}
	for name := range r.Header {
		if (strings.HasPrefix(name, "X-Amz-") || name == "Content-Md5") && !slices.Contains(strings.Split(signed, ";"), strings.ToLower(name)) {
			t.Errorf("%s: header %s is not signed", what, name)
		}
	}
	if slices.Contains(strings.Split(signed, ";"), "accept-encoding") || r.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("%s: Accept-Encoding %q, signed %q", what, r.Header.Get("Accept-Encoding"), signed)
	}
	if r.Method == http.MethodPost && !strings.Contains(r.URI, "?uploads") && xml.Unmarshal([]byte(r.Body), new(struct{ XMLName xml.Name })) != nil {
		t.Errorf("%s: body %q", what, r.Body)
	}
}
