package bucket_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"s3sync/storage"
)

// TestWrongEndpoint: an address where no S3 server is ends the run soon, and says what to
// do. A page between the answers of an S3 server does not.
func TestWrongEndpoint(t *testing.T) {
	page := func(status int, header, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			if header != "" {
				w.Header().Set("Location", header)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(text))
		}
	}
	for name, tt := range map[string]struct {
		answer   http.HandlerFunc
		want     string
		requests int
	}{
		"page":            {page(200, "", "<html></html>"), "does not answer as an S3 server (check the endpoint: the console of a server has another port): ", 3},
		"page, not found": {page(404, "", "<html></html>"), "does not answer as an S3 server (check the endpoint", 3},
		"odd page":        {page(403, "", "<html><br></html>"), "does not answer as an S3 server (check the endpoint", 3},
		"redirect":        {page(301, "https://example.com/", "<html></html>"), " redirects to https://example.com/ (give the URL of the server itself)", 1},
		"TLS, Go":         {page(400, "", "Client sent an HTTP request to an HTTPS server.\n"), " expects TLS (give a URL with https:// instead of http://)", 1},
		"TLS, nginx":      {page(400, "", "<html><hr>The plain HTTP request was sent to HTTPS port</html>"), " expects TLS (give a URL with https:// instead of http://)", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tt.answer)
			o := f.options()
			o.MaxAttempts = 10
			s := open(t, o)
			for _, err := range s.List(t.Context(), storage.ListOptions{}) {
				if !errors.Is(err, storage.ErrUnusable) || !strings.Contains(err.Error(), f.URL+" "+strings.TrimPrefix(tt.want, " ")) {
					t.Errorf("got  %v\nwant %s", err, tt.want)
				}
			}
			if got := len(f.requests); got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
		})
	}
	t.Run("page after an answer", func(t *testing.T) {
		n := 0
		f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
			if n++; n == 1 {
				w.Header().Set("X-Amz-Request-Id", "ID")
				refuse(w, 503, "SlowDown")
				return
			}
			page(200, "", "<html></html>")(w, r)
		})
		o := f.options()
		o.MaxAttempts = 5
		for _, err := range open(t, o).List(t.Context(), storage.ListOptions{}) {
			if !errors.Is(err, storage.ErrTransient) || errors.Is(err, storage.ErrUnusable) {
				t.Errorf("%v; want storage.ErrTransient", err)
			}
		}
	})
}
