package transport_test

import (
	"errors"
	"io"
	"net/http"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/transport"
)

// TestMeter: the bytes of an object count while they are sent. What the server did not
// accept does not count any more in the end.
func TestMeter(t *testing.T) {
	const size = 100 << 10
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		operation string
		read      int64
		status    int // 0: the connection breaks
		sent, end int64
	}{
		"accepted":        {"PutObject", size, 200, size, size},
		"part":            {"UploadPart", size, 200, size, size},
		"refused":         {"PutObject", size, 503, size, 0},
		"refused halfway": {"UploadPart", size / 2, 403, size / 2, 0},
		"broken":          {"PutObject", size / 4, 0, size / 4, 0},
		"not an object":   {"CompleteMultipartUpload", size, 200, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var m storage.Meter
			m.Add(1) // of something else
			c := newClient(t, transport.Options{Given: roundTrips(func(req *http.Request) (*http.Response, error) {
				if _, err := io.CopyN(io.Discard, req.Body, tt.read); err != nil {
					t.Error(err)
				}
				if got := m.Count() - 1; got != tt.sent {
					t.Errorf("%d bytes while they are sent, want %d", got, tt.sent)
				}
				if tt.status == 0 {
					return nil, broken
				}
				return &http.Response{StatusCode: tt.status, Request: req, Header: http.Header{}, Body: transport.NewBody([]byte("answer"))}, nil
			})})
			req := object(t, http.MethodPut, "http://server")
			req = req.WithContext(storage.WithMeter(req.Context(), &m))
			req.Body, req.ContentLength = transport.NewBody(make([]byte, size)), size
			resp, err := c.Send(transport.Call{Operation: tt.operation}, req)
			if (err != nil) != (tt.status == 0) {
				t.Fatal(err)
			}
			if err == nil {
				resp.Body.Close()
			}
			if got := m.Count() - 1; got != tt.end {
				t.Errorf("%d bytes in the end, want %d", got, tt.end)
			}
		})
	}
}
