package bucket_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// block is a block with digests.
func block(data []byte) storage.Block {
	m, s := md5.Sum(data), sha256.Sum256(data)
	return storage.Block{Data: data, MD5: m[:], SHA256: s[:]}
}

// TestPutHeaders: what an upload carries, also in its second attempt.
func TestPutHeaders(t *testing.T) {
	data := []byte("some data")
	b := block(data)
	for name, tt := range map[string]struct {
		change      func(*bucket.Options)
		block       storage.Block
		md5, sha256 string
	}{
		"digests":          {nil, b, base64.StdEncoding.EncodeToString(b.MD5), hex.EncodeToString(b.SHA256)},
		"no digests given": {nil, storage.Block{Data: data}, "", hex.EncodeToString(b.SHA256)},
		"unsigned":         {func(o *bucket.Options) { o.UnsignedPayload = true }, b, base64.StdEncoding.EncodeToString(b.MD5), "UNSIGNED-PAYLOAD"},
		"no MD5":           {func(o *bucket.Options) { o.NoContentMD5 = true }, b, "", hex.EncodeToString(b.SHA256)},
		// The digest of the caller is sent, not one of the SDK.
		"not computed twice": {nil, storage.Block{Data: data, SHA256: make([]byte, 32)}, "", strings.Repeat("00", 32)},
	} {
		for _, part := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, part %v", name, part), func(t *testing.T) {
				var failed atomic.Bool
				f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("ETag", `"`+etag+`"`)
					switch {
					case r.Method == http.MethodPost:
						_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
					case !failed.Swap(true):
						refuse(w, 500, "InternalError")
					}
				})
				opts := f.options()
				opts.MaxAttempts = 2
				if tt.change != nil {
					tt.change(&opts)
				}
				s := open(t, opts)
				tt.block.MD5 = bytes.Clone(tt.block.MD5)
				var err error
				if part {
					w, cerr := s.Create(t.Context(), "k", storage.WriteOptions{Size: 9})
					if cerr != nil {
						t.Fatal(cerr)
					}
					err = w.WritePart(t.Context(), 1, 0, tt.block)
				} else {
					_, err = s.Put(t.Context(), "k", tt.block, storage.WriteOptions{Size: 9})
				}
				// The fake's ETag is none of the data, which a part notices.
				if err != nil && (!part || !errors.Is(err, storage.ErrMismatch)) {
					t.Fatal(err)
				}
				r, body := f.last(t)
				got := []string{r.Header.Get("Content-MD5"), r.Header.Get("X-Amz-Content-Sha256"), body, r.Header.Get("Content-Length")}
				if diff := cmp.Diff([]string{tt.md5, tt.sha256, "some data", "9"}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				for name := range r.Header {
					if strings.HasPrefix(name, "X-Amz-Checksum") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum") || name == "X-Amz-Trailer" {
						t.Errorf("header %s was not asked for", name)
					}
				}
				if auth := r.Header.Get("Authorization"); !strings.Contains(auth, "/eu-test-1/s3/aws4_request") {
					t.Errorf("Authorization %q", auth)
				}
			})
		}
	}
}

func TestPutAttributes(t *testing.T) {
	attrs := storage.Attributes{
		CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "de",
		ContentType: "text/x", Expires: "not a date", Metadata: map[string]string{"one": "1", "two": "=?UTF-8?Q?=C3=A9?="},
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+etag+`"`)
		if r.Method == http.MethodPost {
			_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
		}
	})
	opts := f.options()
	opts.RequestPayer = true
	s := open(t, opts)
	if _, err := s.Put(t.Context(), "k", storage.Block{}, storage.WriteOptions{Attributes: attrs}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "k", storage.WriteOptions{Attributes: attrs}); err != nil {
		t.Fatal(err)
	}
	f.wantSeen(t, "PUT", "POST uploads")
	for _, r := range f.all() {
		for name, want := range map[string]string{
			"Cache-Control": "no-cache", "Content-Disposition": "inline", "Content-Encoding": "gzip", "Content-Language": "de",
			"Content-Type": "text/x", "Expires": "not a date", "X-Amz-Meta-One": "1", "X-Amz-Meta-Two": "=?UTF-8?Q?=C3=A9?=",
			"X-Amz-Request-Payer": "requester",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", r.Method, name, got, want)
			}
		}
	}
}

func TestUnstorable(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	opts := f.options()
	for name, tt := range map[string]struct{ prefix, key string }{
		"empty":                {"", ""},
		"long":                 {"", strings.Repeat("x", 1025)},
		"long with its prefix": {"p/", strings.Repeat("x", 1023)},
		"not UTF-8":            {"", "a\xff"},
	} {
		t.Run(name, func(t *testing.T) {
			opts.Prefix = tt.prefix
			s := open(t, opts)
			wantKind(t, put(t, s, tt.key), storage.ErrUnstorable)
			_, err := s.Create(t.Context(), tt.key, storage.WriteOptions{})
			wantKind(t, err, storage.ErrUnstorable)
		})
	}
	f.wantSeen(t)
}

func TestPutWrongSize(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	_, err := open(t, f.options()).Put(t.Context(), "k", storage.Block{Data: []byte("abc")}, storage.WriteOptions{Size: 4})
	wantKind(t, err, nil)
	f.wantSeen(t)
}

// TestDamagedUpload: a real server refuses bytes that do not match a digest.
func TestDamagedUpload(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			opts := options(server, server.Bucket(t))
			for name, change := range map[string]func(*bucket.Options){
				"MD5":    func(o *bucket.Options) { o.UnsignedPayload = true },
				"SHA256": func(o *bucket.Options) { o.NoContentMD5 = true },
			} {
				t.Run(name, func(t *testing.T) {
					opts := opts
					change(&opts)
					s := open(t, opts)
					b := block([]byte("what was read"))
					b.Data = []byte("what was sent")
					_, err := s.Put(t.Context(), "k", b, storage.WriteOptions{Size: 13})
					wantKind(t, err, storage.ErrMismatch)
					w, err := s.Create(t.Context(), "k", storage.WriteOptions{Size: 13})
					if err != nil {
						t.Fatal(err)
					}
					wantKind(t, w.WritePart(t.Context(), 1, 0, b), storage.ErrMismatch)
					if err := w.Abort(t.Context()); err != nil {
						t.Error(err)
					}
					if _, err := s.Stat(t.Context(), "k", storage.StatOptions{}); !storage.Gone(err) {
						t.Errorf("Stat: %v, want that nothing was stored", err)
					}
				})
			}
		})
	}
}

// uploadServer is a multipart upload that complete ends.
func uploadServer(headETag string, complete http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case r.Method == http.MethodPost && q.Has("uploads"):
			_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", fmt.Sprintf(`"%x"`, md5.Sum([]byte(bodyOf(r)))))
		case r.Method == http.MethodPost:
			complete(w, r)
		case r.Method == http.MethodHead && headETag != "":
			object(w, r, "one"+"two", headETag)
		default:
			refuse(w, 404, "NoSuchUpload")
		}
	}
}

// completed is an answer to CompleteMultipartUpload.
func completed(tag string) string {
	return `<?xml version="1.0"?><CompleteMultipartUploadResult><ETag>` + tag + `</ETag></CompleteMultipartUploadResult>`
}

func TestCommit(t *testing.T) {
	one, two := md5.Sum([]byte("one")), md5.Sum([]byte("two"))
	want := fmt.Sprintf("%x-2", md5.Sum(append(one[:], two[:]...)))
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tt := range map[string]struct {
		complete http.HandlerFunc
		head     string // ETag of the object afterwards
		kind     error
		ok       bool
		requests int // after the parts
	}{
		"done":                     {complete: answer(200, completed("&quot;"+want+"&quot;")), ok: true, requests: 1},
		"blanks before the answer": {complete: answer(200, strings.Replace(completed(want), "?>", "?>\n\n  \n", 1)), ok: true, requests: 1},
		"error with status 200":    {complete: answer(200, "<Error><Code>InternalError</Code><Message>m</Message></Error>"), kind: storage.ErrTransient, requests: 1},
		"precondition, status 200": {complete: answer(200, "<Error><Code>PreconditionFailed</Code></Error>"), kind: storage.ErrPrecondition, requests: 1},
		"garbage":                  {complete: answer(200, "<html"), kind: storage.ErrTransient, requests: 2},
		"garbage, but it is there": {complete: answer(200, "<html><body>Log in</body></html>"), head: want, ok: true, requests: 2},
		"no body, but it is there": {complete: answer(200, ""), head: want, ok: true, requests: 2},
		"no body and not there":    {complete: answer(200, ""), kind: storage.ErrTransient, requests: 2},
		"no body, another object":  {complete: answer(200, ""), head: etag + "-2", kind: storage.ErrTransient, requests: 2},
		"gone, but it is there":    {complete: func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "NoSuchUpload") }, head: want, ok: true, requests: 2},
		"gone and not there":       {complete: func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "NoSuchUpload") }, requests: 2},
		"gone, another object":     {complete: func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "NoSuchUpload") }, head: etag + "-2", requests: 2},
		"refused":                  {complete: func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "InvalidPart") }, head: want, requests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, uploadServer(tt.head, tt.complete))
			w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Size: 6})
			if err != nil {
				t.Fatal(err)
			}
			for n, data := range map[int]string{2: "two", 1: "one"} {
				if err := w.WritePart(t.Context(), n, int64(3*n-3), block([]byte(data))); err != nil {
					t.Fatal(err)
				}
			}
			info, err := w.Commit(t.Context())
			if got := len(f.seen()) - 3; got != tt.requests {
				t.Errorf("requests %q", f.seen())
			}
			if !tt.ok {
				wantKind(t, err, tt.kind)
				return
			}
			if err != nil || info.ETag != want || info.Size != 6 || info.Key != "k" || info.ETagNotDigest {
				t.Errorf("Commit = %+v, %v", info, err)
			}
		})
	}
}

// TestCommitSendsParts: in ascending order, with the ETags of the last writes.
func TestCommitSendsParts(t *testing.T) {
	var sent string
	f := newFake(t, uploadServer("", func(w http.ResponseWriter, r *http.Request) {
		sent = bodyOf(r)
		_, _ = w.Write([]byte(completed(etag + "-3")))
	}))
	w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Size: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		n    int
		data string
	}{{3, "ccc"}, {1, "old"}, {2, "bbb"}, {1, "aaa"}} {
		if err := w.WritePart(t.Context(), p.n, 0, block([]byte(p.data))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := -1
	for n, data := range []string{"aaa", "bbb", "ccc"} {
		at := strings.Index(sent, fmt.Sprintf("%x", md5.Sum([]byte(data))))
		if at <= last || !strings.Contains(sent, fmt.Sprintf("<PartNumber>%d</PartNumber>", n+1)) {
			t.Errorf("part %d: %s", n+1, sent)
		}
		last = at
	}
}

func TestCommitWrongSize(t *testing.T) {
	f := newFake(t, uploadServer("", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(completed(etag))) }))
	w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Size: 9})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(t.Context(), 1, 0, block([]byte("aaa"))); err != nil {
		t.Fatal(err)
	}
	_, err = w.Commit(t.Context())
	wantKind(t, err, nil)
	f.wantSeen(t, "POST uploads", "PUT uploadId partNumber")
}

// TestPartMismatch: an ETag that is another digest than that of the bytes is
// damage that nobody else noticed, unless it is no digest.
func TestPartMismatch(t *testing.T) {
	for name, tt := range map[string]struct {
		etag, header, value string
		want                error
	}{
		"other digest":     {etag, "", "", storage.ErrMismatch},
		"no digest":        {"any-thing", "", "", nil},
		"no ETag":          {"", "", "", storage.ErrTransient},
		"KMS":              {etag, "X-Amz-Server-Side-Encryption", "aws:kms", nil},
		"customer key":     {etag, "X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", nil},
		"server-side keys": {etag, "X-Amz-Server-Side-Encryption", "AES256", storage.ErrMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					if tt.header != "" {
						w.Header().Set(tt.header, tt.value)
					}
					_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
					return
				}
				w.Header().Set("ETag", tt.etag)
			})
			w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{Size: 3})
			if err != nil {
				t.Fatal(err)
			}
			err = w.WritePart(t.Context(), 1, 0, block([]byte("abc")))
			if tt.want == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantKind(t, err, tt.want)
		})
	}
}

func TestCreateWithoutUpload(t *testing.T) {
	f := newFake(t, func(http.ResponseWriter, *http.Request) {})
	_, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{})
	wantKind(t, err, storage.ErrTransient)
}

func TestAbort(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"done":   {204, "", nil},
		"gone":   {404, "NoSuchUpload", nil},
		"denied": {403, "AccessDenied", errors.New("any")},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
				case tt.code == "":
					w.WriteHeader(tt.status)
				default:
					refuse(w, tt.status, tt.code)
				}
			})
			w, err := open(t, f.options()).Create(t.Context(), "k", storage.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Abort(t.Context()); (err != nil) != (tt.want != nil) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if _, err := w.Commit(t.Context()); err == nil {
				t.Error("Commit after Abort succeeded")
			}
		})
	}
}

// TestCommitAnswerLost: on a real server, an upload whose completion was not
// acknowledged is not lost, and not reported as failed.
func TestCommitAnswerLost(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			proxy := faultproxy.New(t, server.Endpoint, "CompleteMultipartUpload times=1 lost")
			opts := options(server, server.Bucket(t))
			opts.EndpointURL = proxy.URL
			s := open(t, opts)
			w, err := s.Create(t.Context(), "k", storage.WriteOptions{Size: 3})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.WritePart(t.Context(), 1, 0, block([]byte("abc"))); err != nil {
				t.Fatal(err)
			}
			info, err := w.Commit(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if stat, err := s.Stat(t.Context(), "k", storage.StatOptions{}); err != nil || stat.ETag != info.ETag || stat.Size != 3 {
				t.Errorf("Stat = %+v, %v; Commit said %+v", stat, err, info)
			}
		})
	}
}

// TestRetries: a request is made again with its whole body.
func TestRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		failures, attempts int
		fail               http.HandlerFunc
		want               error
	}{
		"server fault":      {2, 3, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 500, "InternalError") }, nil},
		"slow down":         {2, 3, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "SlowDown") }, nil},
		"throttled":         {1, 2, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 429, "Odd") }, nil},
		"request timeout":   {1, 2, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "RequestTimeout") }, nil},
		"bad gateway":       {1, 2, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }, nil},
		"connection closed": {2, 3, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil},
		"too often":         {3, 3, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "SlowDown") }, storage.ErrThrottled},
		"closed too often":  {3, 3, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, storage.ErrTransient},
		"not worth it":      {1, 3, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 400, "MalformedXML") }, errors.ErrUnsupported},
		"denied":            {1, 3, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "SignatureDoesNotMatch") }, storage.ErrCredentials},
	} {
		t.Run(name, func(t *testing.T) {
			failures := tt.failures
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if failures > 0 {
					failures--
					tt.fail(w, r)
					return
				}
				w.Header().Set("ETag", `"`+etag+`"`)
			})
			opts := f.options()
			opts.MaxAttempts = tt.attempts
			err := put(t, open(t, opts), "k")
			if (err == nil) != (tt.want == nil) || tt.want != errors.ErrUnsupported && !errors.Is(err, tt.want) { //nolint:errorlint // a marker
				t.Errorf("got %v, want %v", err, tt.want)
			}
			want := tt.failures + 1
			if tt.want != nil {
				want = tt.failures
			}
			if len(f.all()) != want {
				t.Errorf("%d requests, want %d", len(f.all()), want)
			}
			if _, body := f.last(t); body != "data" {
				t.Errorf("the last request had body %q", body)
			}
		})
	}
}

// TestEarlyAnswer: a server that refuses an upload without reading it is heard.
func TestEarlyAnswer(t *testing.T) {
	f := newRawFake(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.CopyN(io.Discard, r.Body, 1000)
		refuse(w, 403, "AccessDenied")
	}, nil)
	data := make([]byte, 100_000)
	_, err := open(t, f.options()).Put(t.Context(), "k", storage.Block{Data: data}, storage.WriteOptions{Size: 100_000})
	wantKind(t, err, fs.ErrPermission)
}
