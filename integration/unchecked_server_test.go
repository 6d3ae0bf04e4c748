package integration_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"s3sync/internal/checksum"
	"s3sync/internal/s3server"
)

// An uncheckedServer does not compare the bytes of a request with its digests. It
// removes the digests, or replaces them by those of the received bytes, signs the
// request again and forwards it to a real server. Real servers refuse damaged bytes, so
// the comparisons of s3sync would have nothing to detect.
type uncheckedServer struct {
	URL    string
	server *s3server.Server
	// changeBody changes the body of a request, changeAnswer a response. The body of a
	// response must keep its length.
	changeBody   func(r *http.Request, body []byte) []byte
	changeAnswer func(r *http.Request, h http.Header, body []byte) []byte
}

func newUncheckedServer(t *testing.T, srv *s3server.Server) *uncheckedServer {
	t.Helper()
	c := &uncheckedServer{server: srv}
	front := httptest.NewServer(c)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	c.URL = front.URL
	return c
}

func (c *uncheckedServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has disconnected, and nothing of its request is kept
	}
	if c.changeBody != nil {
		body = c.changeBody(r, body)
	}
	resp, err := c.forward(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return
	}
	if c.changeAnswer != nil {
		answer = c.changeAnswer(r, resp.Header, answer)
	}
	maps.Copy(w.Header(), resp.Header)
	if r.Method != http.MethodHead && resp.StatusCode != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// forward sends the request again.
func (c *uncheckedServer) forward(r *http.Request, body []byte) (*http.Response, error) {
	const unsigned = "UNSIGNED-PAYLOAD"
	req, err := http.NewRequestWithContext(context.WithoutCancel(r.Context()), r.Method, c.server.Endpoint+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, r.Header)
	for _, name := range []string{"Authorization", "Content-Md5", "X-Amz-Date", "Connection", "Accept-Encoding"} {
		req.Header.Del(name)
	}
	if r.Method == http.MethodPut {
		for _, a := range checksum.Algorithms() {
			if req.Header.Get(checksum.Header(a)) != "" {
				req.Header.Set(checksum.Header(a), base64.StdEncoding.EncodeToString(checksum.Digest(a, body)))
			}
		}
	}
	req.Header.Set("X-Amz-Content-Sha256", unsigned)
	o := c.server.Client().Options()
	creds, err := o.Credentials.Retrieve(req.Context())
	if err != nil {
		return nil, err
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(req.Context(), creds, req, unsigned, "s3", c.server.Region, time.Now()); err != nil {
		return nil, err
	}
	return http.DefaultTransport.RoundTrip(req)
}
