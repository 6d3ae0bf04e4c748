package wire

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// A keeper answers requests in their order, and keeps their headers.
type keeper struct {
	answers   []func(http.Header) (status int, body string)
	sent      []http.Header
	sentAsNow []http.Header
}

func (k *keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	k.sent, k.sentAsNow = append(k.sent, r.Header), append(k.sentAsNow, r.Header.Clone())
	h := http.Header{"X-Amz-Request-Id": {"ID"}, "Etag": {`"e"`}, "Content-Length": {"4"}}
	status, body := k.answers[len(k.sent)-1](h)
	return &http.Response{StatusCode: status, Header: h, ContentLength: 4, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// TestSentRequestsAreLeftAlone: package http may still read a request whose answer has come.
// The next attempt has headers of its own.
func TestSentRequestsAreLeftAlone(t *testing.T) {
	for name, refusal := range map[string]func(http.Header) (int, string){
		"retry": func(http.Header) (int, string) { return 503, "<Error><Code>SlowDown</Code></Error>" },
		"correction": func(h http.Header) (int, string) {
			h.Set("X-Amz-Bucket-Region", "ap-test-2")
			return 301, "<Error><Code>PermanentRedirect</Code></Error>"
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := &keeper{answers: []func(http.Header) (int, string){refusal, func(http.Header) (int, string) { return 200, "" }}}
			o := wayOptions(k)
			o.MaxAttempts = 2
			o.Account.SessionToken = "the-token"
			c, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.PutObject(t.Context(), "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{}); err != nil {
				t.Fatal(err)
			}
			k.sent[1].Set("X-Amz-Date", "changed")
			if diff := cmp.Diff(k.sentAsNow[0], k.sent[0]); diff != "" || len(k.sent) != 2 {
				t.Errorf("%d requests; the first was changed (-sent +now):\n%s", len(k.sent), diff)
			}
		})
	}
}

// TestStreamIsSentOnce: what a refusal tells is used for later requests.
func TestStreamIsSentOnce(t *testing.T) {
	k := &keeper{answers: []func(http.Header) (int, string){
		func(h http.Header) (int, string) {
			h.Set("X-Amz-Bucket-Region", "ap-test-2")
			return 301, "<Error><Code>PermanentRedirect</Code></Error>"
		},
		func(http.Header) (int, string) { return 200, "" },
	}}
	c, err := Open(t.Context(), wayOptions(k))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	stream := storage.Block{Stream: strings.NewReader("data"), Size: 4}
	if _, err := c.PutObject(t.Context(), "k", stream, storage.WriteOptions{}); err == nil || len(k.sent) != 1 {
		t.Errorf("%d requests, %v", len(k.sent), err)
	}
	if _, err := c.HeadObject(t.Context(), request.ObjectRef{Key: "k"}); err != nil {
		t.Error(err)
	}
	if got := k.sent[1].Get("Authorization"); !strings.Contains(got, "/ap-test-2/s3/") {
		t.Errorf("signed as %q", got)
	}
}
