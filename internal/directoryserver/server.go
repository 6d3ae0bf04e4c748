// Package directoryserver is an S3 server for tests that has directory buckets (S3
// Express One Zone). No other server that one can run oneself has them. It implements
// only the part of the protocol in which they matter, as the reference of the S3 API
// describes it, and is strict where they differ from other buckets:
//
//   - every request except CreateSession and copies is signed with the key of a
//     live session and carries its token;
//   - there is no Content-MD5, and there are no tags, ACLs, versions, redirects;
//   - listings have their own order, and accept no start-after, no encoding-type,
//     no prefix that does not end in a slash, and no delimiter other than a slash;
//     with a delimiter they also name the prefixes of uploads that are not complete;
//   - ETags look like MD5 digests and are none;
//   - objects get CRC64NVME if no other checksum is requested;
//   - parts of an upload are numbered without a gap.
//
// Buckets are in the path, objects are in memory. Signatures are not verified, but
// their keys and the digest of the payload are.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
package directoryserver

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// AccessKey and SecretKey are the credentials for sessions. Any secret works, because
// signatures are not verified.
const (
	AccessKey = "AKDIRECTORY"
	SecretKey = "secret-of-the-directory"
)

// A Server serves directory buckets on a free port of the loopback address. Its
// methods may be called concurrently.
type Server struct {
	URL string // http://127.0.0.1:port

	http *httptest.Server

	mu       sync.Mutex
	buckets  map[string]*bucket
	sessions map[string]bool // live ones, by token
	counts   map[string]int  // requests, by operation
	made     int             // sessions and ETags
}

type bucket struct {
	objects map[string]*object
	uploads map[string]*upload
}

// New starts a server with buckets of these names and stops it at the end of the
// test.
func New(t testing.TB, names ...string) *Server {
	t.Helper()
	s := &Server{buckets: map[string]*bucket{}, sessions: map[string]bool{}, counts: map[string]int{}}
	for _, name := range names {
		s.AddBucket(name)
	}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	t.Cleanup(s.http.Close)
	return s
}

// AddBucket adds an empty bucket.
func (s *Server) AddBucket(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buckets[name] = &bucket{objects: map[string]*object{}, uploads: map[string]*upload{}}
}

// Expire ends all sessions.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.sessions)
}

// Count returns how many requests of an operation came, including rejected ones.
// Operations have the names of the S3 API.
func (s *Server) Count(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts[operation]
}

// Uploads returns how many multipart uploads are open.
func (s *Server) Uploads(bucket string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buckets[bucket].uploads)
}

// A refusal is a response with an S3 error code.
type refusal struct {
	status int
	code   string
	text   string
}

func (r *refusal) Error() string { return r.code }

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status, code, fmt.Sprintf(format, args...)}
}

// A request is a request of a client, read to its end.
type request struct {
	*http.Request

	w      http.ResponseWriter
	bucket *bucket
	key    string
	data   []byte
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	// A client may send other requests before it reads this response.
	answer := s.answer(r, data)
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (s *Server) answer(r *http.Request, data []byte) *httptest.ResponseRecorder {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := httptest.NewRecorder()
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	operation, handle := s.route(r, key)
	s.counts[operation]++
	req := &request{Request: r, w: w, bucket: s.buckets[name], key: key, data: data}
	err := s.admit(req, operation)
	if err == nil {
		err = handle(req)
	}
	if err != nil {
		answerError(w, r, err)
	}
	return w
}

func answerError(w http.ResponseWriter, r *http.Request, err error) {
	f, ok := err.(*refusal) //nolint:errorlint // nobody wraps them
	if !ok {
		f = &refusal{http.StatusInternalServerError, "InternalError", err.Error()}
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.status)
	if r.Method != http.MethodHead {
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", f.code, text(f.text))
	}
}

// route returns the operation of a request.
func (s *Server) route(r *http.Request, key string) (name string, handle func(*request) error) {
	has := r.URL.Query().Has
	switch {
	case r.Method == http.MethodGet && key == "" && has("session"):
		return "CreateSession", s.createSession
	case r.Method == http.MethodGet && key == "" && has("list-type"):
		return "ListObjectsV2", s.list
	case r.Method == http.MethodPost && key == "" && has("delete"):
		return "DeleteObjects", s.deleteObjects
	case r.Method == http.MethodGet && key == "" && has("uploads"):
		return "ListMultipartUploads", s.listUploads
	case key == "":
	case r.Method == http.MethodGet && has("uploadId"):
		return "ListParts", s.listParts
	case r.Method == http.MethodGet:
		return "GetObject", s.get
	case r.Method == http.MethodHead:
		return "HeadObject", s.get
	case r.Method == http.MethodPost && has("uploads"):
		return "CreateMultipartUpload", s.createUpload
	case r.Method == http.MethodPut && has("uploadId") && r.Header.Get("X-Amz-Copy-Source") != "":
		return "UploadPartCopy", s.copyPart
	case r.Method == http.MethodPut && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject", s.copyObject
	case r.Method == http.MethodPut && has("uploadId"):
		return "UploadPart", s.uploadPart
	case r.Method == http.MethodPost && has("uploadId"):
		return "CompleteMultipartUpload", s.completeUpload
	case r.Method == http.MethodDelete && has("uploadId"):
		return "AbortMultipartUpload", s.abortUpload
	case r.Method == http.MethodPut:
		return "PutObject", s.put
	case r.Method == http.MethodDelete:
		return "DeleteObject", s.deleteObject
	}
	return "unknown", func(*request) error {
		return refuse(http.StatusNotImplemented, "NotImplemented", "%s %s", r.Method, r.URL)
	}
}

// admit makes the checks that all requests have in common.
func (s *Server) admit(r *request, operation string) error {
	if r.bucket == nil {
		return refuse(http.StatusNotFound, "NoSuchBucket", "There is no such bucket.")
	}
	credential := AccessKey
	token := r.Header.Get("X-Amz-S3session-Token")
	switch operation {
	case "CreateSession", "CopyObject", "UploadPartCopy":
		if token != "" {
			return refuse(http.StatusForbidden, "AccessDenied", "%s takes no session.", operation)
		}
	default:
		credential = "AK" + token
		switch {
		case token == "":
			return refuse(http.StatusForbidden, "AccessDenied", "There is no session token.")
		case !s.sessions[token]:
			return refuse(http.StatusBadRequest, "ExpiredToken", "The session has expired.")
		}
	}
	authorization := r.Header.Get("Authorization")
	if !strings.Contains(authorization, "Credential="+credential+"/") || !strings.Contains(authorization, "/s3express/aws4_request") {
		return refuse(http.StatusForbidden, "AccessDenied", "Signed with another key.")
	}
	sum := sha256.Sum256(r.data)
	if hash := r.Header.Get("X-Amz-Content-Sha256"); hash != hex.EncodeToString(sum[:]) && hash != "UNSIGNED-PAYLOAD" {
		return refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch", "The payload has another digest than %q.", hash)
	}
	for _, name := range []string{
		"Content-Md5", "X-Amz-Acl", "X-Amz-Tagging", "X-Amz-Website-Redirect-Location", "X-Amz-Request-Payer",
		"X-Amz-Optional-Object-Attributes",
	} {
		if r.Header.Get(name) != "" {
			return refuse(http.StatusNotImplemented, "NotImplemented", "Directory buckets take no %s.", name)
		}
	}
	query := r.URL.Query()
	for _, name := range []string{"versionId", "tagging", "acl", "start-after", "encoding-type", "versions"} {
		if query.Has(name) {
			return refuse(http.StatusNotImplemented, "NotImplemented", "Directory buckets take no %s.", name)
		}
	}
	return nil
}

// createSession returns credentials for five minutes.
func (s *Server) createSession(r *request) error {
	s.made++
	token := fmt.Sprintf("session%d", s.made)
	s.sessions[token] = true
	return r.document("<CreateSessionResult><Credentials><AccessKeyId>AK%s</AccessKeyId><SecretAccessKey>SK</SecretAccessKey>"+
		"<SessionToken>%s</SessionToken><Expiration>%s</Expiration></Credentials></CreateSessionResult>",
		token, token, stamp(time.Now().Add(5*time.Minute)))
}

// document responds with XML, whose texts must be escaped.
func (r *request) document(format string, args ...any) error {
	r.w.Header().Set("Content-Type", "application/xml")
	_, err := fmt.Fprintf(r.w, `<?xml version="1.0" encoding="UTF-8"?>`+"\n"+format, args...)
	return err
}

func (r *request) decode(into any) error {
	if err := xml.NewDecoder(bytes.NewReader(r.data)).Decode(into); err != nil {
		return refuse(http.StatusBadRequest, "MalformedXML", "%v", err)
	}
	return nil
}

// text returns s escaped for XML.
func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// kept returns the headers that are kept with an object, besides x-amz-meta-*.
func kept(h http.Header) http.Header {
	k := http.Header{}
	for name, values := range h {
		if strings.HasPrefix(name, "X-Amz-Meta-") || slices.Contains([]string{
			"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires",
		}, name) {
			k[name] = values
		}
	}
	return k
}
