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

// A careless server keeps and tells what it is given without comparing it with
// the digests that came along: it leaves them out, or replaces them by those of
// the bytes that arrived, signs the request anew and passes it on to a real one.
// Both real servers refuse damage, so that behind them nothing is left for the
// comparisons of s3sync to find.
type careless struct {
	URL    string
	server *s3server.Server
	// takes changes what reaches the server, tells what it answers. A body that
	// tells changes keeps its length.
	takes func(r *http.Request, body []byte) []byte
	tells func(r *http.Request, h http.Header, body []byte) []byte
}

func newCareless(t *testing.T, srv *s3server.Server) *careless {
	t.Helper()
	c := &careless{server: srv}
	front := httptest.NewServer(c)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	c.URL = front.URL
	return c
}

func (c *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone, and nothing of it is kept
	}
	if c.takes != nil {
		body = c.takes(r, body)
	}
	resp, err := c.pass(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return
	}
	if c.tells != nil {
		answer = c.tells(r, resp.Header, answer)
	}
	maps.Copy(w.Header(), resp.Header)
	if r.Method != http.MethodHead && resp.StatusCode != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(answer)
}

// pass makes the request anew.
func (c *careless) pass(r *http.Request, body []byte) (*http.Response, error) {
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
			if req.Header.Get(a.Header()) != "" {
				req.Header.Set(a.Header(), base64.StdEncoding.EncodeToString(a.Digest(body)))
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
