package wire

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// A stub answers every request with the same answer, at no cost.
type stub struct {
	answer http.Response
	body   *bytes.Reader
	read   [16]byte
}

func (s *stub) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		if n, err := r.Body.Read(s.read[:]); n == 0 {
			return nil, err
		}
	}
	resp := s.answer
	if s.body != nil {
		_, _ = s.body.Seek(0, io.SeekStart) // which cannot fail
		resp.Body = io.NopCloser(s.body)
	}
	return &resp, nil
}

// allocations returns the smallest number of allocations that f makes. The race detector
// empties pools at random.
func allocations(f func()) float64 {
	least := testing.AllocsPerRun(1, f)
	for range 100 {
		least = min(least, testing.AllocsPerRun(1, f))
	}
	return least
}

// TestCost: the allocations of requests, with those of the transport and one to three of the stub.
// A change that needs more of them must be worth it.
func TestCost(t *testing.T) {
	answer := http.Response{
		StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody, ContentLength: 4,
		Header: http.Header{
			"Etag": {`"8d777f385d3dfec8815d20f7496026dc"`}, "Date": {"Sun, 29 Nov 2026 00:00:00 GMT"}, "X-Amz-Request-Id": {"ID"},
			"Content-Length": {"4"}, "Last-Modified": {"Sun, 29 Nov 2026 00:00:00 GMT"}, "Content-Type": {"text/plain"}, "X-Amz-Meta-Mtime": {"1"},
		},
	}
	data := storage.Block{Data: []byte("data"), MD5: make([]byte, 16), SHA256: make([]byte, 32), Checksum: make([]byte, 32)}
	opts := storage.WriteOptions{
		Size: 4, Attributes: storage.Attributes{ContentType: "text/plain", Metadata: map[string]string{"mtime": "1"}},
		Checksum: storage.Checksum{Algorithm: checksum.SHA256},
	}
	for name, tt := range map[string]struct {
		want float64
		send func(*Client) error
	}{
		"put": {25, func(c *Client) error {
			_, err := c.PutObject(t.Context(), "some/key", data, opts)
			return err
		}},
		"put plain": {17, func(c *Client) error {
			_, err := c.PutObject(t.Context(), "some/key", storage.Block{Data: data.Data, MD5: data.MD5, SHA256: data.SHA256}, storage.WriteOptions{Size: 4})
			return err
		}},
		"get": {21, func(c *Client) error {
			a, err := c.GetObject(t.Context(), request.ObjectRef{Key: "some/key"}, 0, 0)
			if err == nil {
				err = a.Body.Close()
			}
			return err
		}},
		"head": {14, func(c *Client) error {
			_, err := c.HeadObject(t.Context(), request.ObjectRef{Key: "some/key"})
			return err
		}},
		"delete": {10, func(c *Client) error {
			_, err := c.DeleteObject(t.Context(), "some/key", "", false)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			to := &stub{answer: answer}
			if name == "get" {
				to.body = bytes.NewReader(data.Data)
			}
			c, err := Open(t.Context(), wayOptions(to))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if n := allocations(func() { err = cmp.Or(err, tt.send(c)) }); n != tt.want || err != nil {
				t.Errorf("%v allocations, want %v; %v", n, tt.want, err)
			}
		})
	}
}
