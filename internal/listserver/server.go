// Package listserver is an S3 server for tests whose buckets do not exist: it computes
// the listing of any number of objects from their numbers. So a test can compare a
// million objects with no memory for them and in little time. All objects are empty and
// of the same age.
//
// It answers ListObjectsV2 (prefix, start-after, continuation-token, max-keys; no
// delimiter), ListObjectVersions (without delete markers), both with keys encoded for
// URLs, GetBucketVersioning, HeadObject, GetObjectTagging and DeleteObjects, which deletes
// nothing. Files have data, and GET. It does not check signatures. Everything else is tested with real servers.
package listserver

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Bucket describes the objects of one bucket.
type Bucket struct {
	// Objects is the number of objects.
	Objects int
	// Key is the key of object number i, counted from 0. Keys must ascend in
	// byte order. Nil is [Flat].
	Key func(i int) string
	// Versions is the number of versions of each object; 0 means no versioning. Only
	// listings show versions.
	Versions int

	// Files are objects with data, by their keys. They are read, but not listed.
	Files map[string][]byte

	// Tag, if set, is the name of a tag that each object has, with its key as the
	// value.
	Tag string
}

// Flat returns keys of one level: "000000000042".
func Flat(i int) string { return fmt.Sprintf("%012d", i) }

// Deep returns keys of three levels, up to 1,000 names each: "000/000/042".
func Deep(i int) string { return fmt.Sprintf("%03d/%03d/%03d", i/1_000_000, i/1000%1000, i%1000) }

// Odd returns keys that must be escaped in XML and in URLs, of one to four
// bytes a character: "a b+%&<é日😀/000000000042".
func Odd(i int) string { return "a b+%&<é日😀/" + Flat(i) }

// Counts are the numbers of requests of each kind, including failed ones.
type Counts struct {
	List, Head, Tagging, Delete atomic.Int64
	// Deleted counts the objects in Delete requests.
	Deleted atomic.Int64
	// Unknown counts those among them that do not exist.
	Unknown atomic.Int64
}

// A Server serves buckets on a free port of the loopback address.
type Server struct {
	Counts

	URL string // http://127.0.0.1:port

	buckets map[string]*Bucket
	server  *http.Server
	serving sync.WaitGroup
}

func modTime() time.Time { return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC) }

// New starts a server and stops it at the end of the test.
func New(t testing.TB, buckets map[string]Bucket) *Server {
	t.Helper()
	s, err := Start(buckets)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Start starts a server, which is stopped by Close.
func Start(buckets map[string]Bucket) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + listener.Addr().String(), buckets: make(map[string]*Bucket)}
	for name, b := range buckets {
		if b.Key == nil {
			b.Key = Flat
		}
		s.buckets[name] = &b
	}
	s.server = &http.Server{Handler: s}
	s.serving.Go(func() { _ = s.server.Serve(listener) })
	return s, nil
}

// Close breaks all connections.
func (s *Server) Close() {
	_ = s.server.Close()
	s.serving.Wait()
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	b := s.buckets[name]
	query := r.URL.Query()
	switch {
	case b == nil:
		fail(w, http.StatusNotFound, "NoSuchBucket")
	case key == "" && r.Method == http.MethodGet && query.Get("list-type") == "2":
		s.List.Add(1)
		b.list(w, query)
	case key == "" && r.Method == http.MethodGet && query.Has("versions") && b.Versions > 0:
		s.List.Add(1)
		b.listVersions(w, query)
	case key == "" && r.Method == http.MethodGet && query.Has("versioning"):
		status := ""
		if b.Versions > 0 {
			status = "<Status>Enabled</Status>"
		}
		document(w, "<VersioningConfiguration>"+status+"</VersioningConfiguration>")
	case key == "" && r.Method == http.MethodPost && query.Has("delete"):
		s.Delete.Add(1)
		s.deleteMany(w, r, b)
	case key == "":
		fail(w, http.StatusNotImplemented, "NotImplemented")
	case b.Files[key] != nil && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		w.Header().Set("ETag", `"`+etag+`"`)
		http.ServeContent(w, r, "", modTime(), bytes.NewReader(b.Files[key]))
	case r.Method == http.MethodHead:
		s.Head.Add(1)
		b.head(w, key)
	case r.Method == http.MethodGet && query.Has("tagging"):
		s.Tagging.Add(1)
		b.tags(w, key)
	default:
		fail(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>made up by listserver</Message></Error>", code)
}

func document(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/xml")
	_, _ = io.WriteString(w, xml.Header+body)
}
