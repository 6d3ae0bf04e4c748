package bucket_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// A fake answers requests as a test wants and remembers them. It is for what no
// real server does.
type fake struct {
	*httptest.Server

	mu sync.Mutex

	requests []*http.Request // without bodies
	bodies   []string
}

// newFake starts a fake that remembers requests. Its handler need not read the
// request body.
func newFake(t testing.TB, handle http.HandlerFunc) *fake {
	t.Helper()
	f := &fake{}
	return f.start(t, f.record(handle), nil)
}

// newRawFake starts a fake that leaves requests to the handler alone.
func newRawFake(t testing.TB, handle http.HandlerFunc, change func(*http.Server)) *fake {
	t.Helper()
	return new(fake).start(t, handle, change)
}

func (f *fake) start(t testing.TB, handle http.Handler, change func(*http.Server)) *fake {
	t.Helper()
	f.Server = httptest.NewUnstartedServer(withETag(handle))
	if change != nil {
		change(f.Config)
	}
	f.Start()
	t.Cleanup(f.Close)
	return f
}

// withETag gives the answers to writes an ETag, without which they would be none of
// S3. The handler may set another, or delete it.
func withETag(handle http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut && !r.URL.Query().Has("tagging") {
			w.Header().Set("ETag", `"of-no-form"`)
		}
		handle.ServeHTTP(w, r)
	})
}

// deletedAll is the answer to a DeleteObjects request after which all is gone.
func deletedAll(request string) []byte {
	keys := regexp.MustCompile("<Key>[^<]*</Key>").FindAllString(request, -1)
	return []byte("<DeleteResult><Deleted>" + strings.Join(keys, "</Deleted><Deleted>") + "</Deleted></DeleteResult>")
}

func (f *fake) record(handle http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client went away
		}
		f.mu.Lock()
		f.requests = append(f.requests, r.Clone(r.Context()))
		f.bodies = append(f.bodies, string(data))
		f.mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(data))
		handle(w, r)
	})
}

// seen returns the requests so far as "METHOD operation", where the operation
// is the first query parameter without a value, if any.
func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var seen []string
	for _, r := range f.requests {
		s := r.Method
		for _, name := range []string{"uploads", "uploadId", "partNumber", "list-type", "delete", "tagging", "versions", "versioning"} {
			if r.URL.Query().Has(name) {
				s += " " + name
			}
		}
		seen = append(seen, s)
	}
	return seen
}

// all returns the requests so far, without their bodies.
func (f *fake) all() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// last returns the last request and its body.
func (f *fake) last(t testing.TB) (*http.Request, string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.requests) == 0 {
		t.Fatal("there was no request")
	}
	return f.requests[len(f.requests)-1], f.bodies[len(f.bodies)-1]
}

// options reach bucket "b" of the fake.
func (f *fake) options() bucket.Options { return optionsAt(f.URL) }

// optionsAt reach bucket "b" of a server.
func optionsAt(url string) bucket.Options {
	return bucket.Options{
		Bucket:         "b",
		AccessKey:      "AKTEST",
		SecretKey:      "very-secret",
		Region:         "eu-test-1",
		EndpointURL:    url,
		PathStyle:      true,
		MaxAttempts:    1,
		InitialBackoff: time.Millisecond,
	}
}

// refuse answers with an S3 error.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\"?>\n<Error><Code>%s</Code><Message>The message.</Message><RequestId>REQ-ID</RequestId></Error>", code)
}

// object answers a GET or HEAD like an object with that content. It heeds
// ranges and If-Match.
func object(w http.ResponseWriter, r *http.Request, data, etag string) {
	w.Header().Set("ETag", `"`+etag+`"`)
	http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader(data))
}

// etag is a well-formed ETag.
const etag = "0123456789abcdef0123456789abcdef"

// wantSeen fails the test if the requests were others.
func (f *fake) wantSeen(t *testing.T, want ...string) {
	t.Helper()
	if got := f.seen(); !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// put writes a small object.
func put(t *testing.T, s *bucket.Store, key string) error {
	t.Helper()
	_, err := s.Put(t.Context(), key, storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4})
	return err
}

// bodyOf reads the body of a request.
func bodyOf(r *http.Request) string {
	data, _ := io.ReadAll(r.Body)
	return string(data)
}
