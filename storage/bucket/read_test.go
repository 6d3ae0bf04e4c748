package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

const content = "0123456789abcdefghij"

// reader opens object "k".
func reader(t *testing.T, s *bucket.Store, opts storage.OpenOptions) storage.Reader {
	t.Helper()
	r, err := s.Open(t.Context(), "k", opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return r
}

// readAt reads n bytes.
func readAt(t *testing.T, r storage.Reader, n, off int64) (string, error) {
	t.Helper()
	p := make([]byte, n)
	err := r.ReadAt(t.Context(), p, off)
	return string(p), err
}

// TestReadRequests: which requests a pattern of reads costs, and what they ask.
func TestReadRequests(t *testing.T) {
	type read struct{ off, n int64 }
	for name, tt := range map[string]struct {
		data  string
		first int64
		reads []read
		want  []string // Range If-Match of each request
	}{
		"whole":               {content, 0, []read{{0, 20}}, []string{" "}},
		"first part":          {content, 8, []read{{0, 8}}, []string{"bytes=0-7 "}},
		"parts":               {content, 8, []read{{0, 8}, {8, 8}, {16, 4}}, []string{"bytes=0-7 ", `bytes=8-15 "e"`, `bytes=16-19 "e"`}},
		"parts out of order":  {content, 8, []read{{8, 8}, {0, 8}}, []string{"bytes=0-7 ", `bytes=8-15 "e"`}},
		"first part twice":    {content, 8, []read{{0, 8}, {0, 8}}, []string{"bytes=0-7 ", `bytes=0-7 "e"`}},
		"less than announced": {content, 8, []read{{0, 4}, {4, 4}}, []string{"bytes=0-7 ", `bytes=0-3 "e"`, `bytes=4-7 "e"`}},
		"more than there is":  {"abc", 8, []read{{0, 3}}, []string{"bytes=0-7 "}},
		"nothing":             {content, 8, []read{{3, 0}}, []string{"bytes=0-7 "}},
		"empty":               {"", 8, []read{{0, 0}}, []string{"bytes=0-7 ", " "}},
		"empty whole":         {"", 0, []read{{0, 0}}, []string{" "}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.data == "" && r.Header.Get("Range") != "" {
					refuse(w, 416, "InvalidRange")
					return
				}
				object(w, r, tt.data, "e")
			})
			r := reader(t, open(t, f.options()), storage.OpenOptions{First: tt.first})
			if got := r.Info().Size; got != int64(len(tt.data)) {
				t.Errorf("size %d, want %d", got, len(tt.data))
			}
			for _, rd := range tt.reads {
				got, err := readAt(t, r, rd.n, rd.off)
				if want := tt.data[rd.off : rd.off+rd.n]; got != want || err != nil {
					t.Errorf("read %+v: %q, %v; want %q", rd, got, err, want)
				}
			}
			if err := r.Check(t.Context()); err != nil {
				t.Errorf("Check: %v", err)
			}
			var got []string
			for _, r := range f.all() {
				got = append(got, r.Header.Get("Range")+" "+r.Header.Get("If-Match"))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadFaults: an answer that is not exactly what was asked for never passes.
func TestReadFaults(t *testing.T) {
	answer := func(status int, length int, contentRange, tag, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"`+tag+`"`)
			w.Header().Set("Content-Length", fmt.Sprint(length))
			if contentRange != "" {
				w.Header().Set("Content-Range", contentRange)
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		want   error
	}{
		"another range":             {answer(206, 4, "bytes 4-7/20", "e", "4567"), storage.ErrTransient},
		"range and length disagree": {answer(206, 4, "bytes 9-11/20", "e", "89ab"), storage.ErrTransient},
		"shorter range":             {answer(206, 3, "bytes 8-10/20", "e", "89a"), storage.ErrTransient},
		"longer range":              {answer(206, 5, "bytes 8-12/20", "e", "89abc"), storage.ErrTransient},
		"all of it":                 {answer(200, 20, "", "e", content), storage.ErrTransient},
		"no Content-Range":          {answer(206, 4, "", "e", "89ab"), storage.ErrChanged},
		"range of no form":          {answer(206, 4, "bytes 8-11/*", "e", "89ab"), storage.ErrTransient},
		"another size":              {answer(206, 4, "bytes 8-11/21", "e", "89ab"), storage.ErrChanged},
		"another ETag":              {answer(206, 4, "bytes 8-11/20", "f", "89ab"), storage.ErrChanged},
		"length differs":            {answer(206, 3, "bytes 8-11/20", "e", "89a"), storage.ErrTransient},
		"body is cut off":           {answer(206, 4, "bytes 8-11/20", "e", "89"), storage.ErrTransient},
		"precondition":              {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 412, "PreconditionFailed") }, storage.ErrChanged},
		"deleted":                   {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "NoSuchKey") }, storage.ErrChanged},
		"shrunk, no code":           {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(416) }, storage.ErrChanged},
		"shrunk":                    {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 416, "InvalidRange") }, storage.ErrChanged},
		"denied":                    {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "AccessDenied") }, fs.ErrPermission},
		"slow down":                 {func(w http.ResponseWriter, _ *http.Request) { refuse(w, 503, "SlowDown") }, storage.ErrThrottled},
	} {
		t.Run(name, func(t *testing.T) {
			var opened atomic.Bool
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if opened.Swap(true) {
					tt.handle(w, r)
					return
				}
				object(w, r, content, "e")
			})
			r := reader(t, open(t, f.options()), storage.OpenOptions{First: 8})
			_, err := readAt(t, r, 4, 8)
			wantKind(t, err, tt.want)
		})
	}
}

// TestOpenFaults: the same for the first request.
func TestOpenFaults(t *testing.T) {
	for name, contentRange := range map[string]string{
		"another range": "bytes 1-8/20",
		"shorter":       "bytes 0-6/20",
		"longer":        "bytes 0-8/20",
		"no size":       "bytes 0-7/*",
		"no form":       "0-7",
		"backwards":     "bytes 7-0/20",
		"negative":      "bytes -1-7/20",
		"huge":          "bytes 0-7/99999999999999999999",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("ETag", `"e"`)
				w.Header().Set("Content-Range", contentRange)
				w.WriteHeader(206)
				_, _ = w.Write([]byte(content[:8]))
			})
			_, err := open(t, f.options()).Open(t.Context(), "k", storage.OpenOptions{First: 8})
			wantKind(t, err, storage.ErrTransient)
		})
	}
}

func TestReadFirstBodyCutOff(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("Content-Length", "20")
		_, _ = w.Write([]byte(content[:10]))
	})
	r := reader(t, open(t, f.options()), storage.OpenOptions{})
	_, err := readAt(t, r, 20, 0)
	wantKind(t, err, storage.ErrTransient)
}

func TestReadOutside(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, content, "e") })
	r := reader(t, open(t, f.options()), storage.OpenOptions{})
	for _, tt := range [][2]int64{{20, 1}, {0, 21}, {21, 0}, {-1, 1}} {
		if _, err := readAt(t, r, tt[1], tt[0]); err == nil {
			t.Errorf("%d bytes at %d were read of an object of %d", tt[1], tt[0], len(content))
		}
	}
}

// TestReadCancelled: a read that waits ends with its context, and leaves the
// reader usable.
func TestReadCancelled(t *testing.T) {
	started := make(chan struct{}, 1)
	hold := make(chan struct{})
	var n atomic.Int32
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 1 {
			object(w, r, content, "e")
			return
		}
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("Content-Length", "20")
		_, _ = w.Write([]byte("01"))
		_ = http.NewResponseController(w).Flush()
		started <- struct{}{}
		select {
		case <-hold:
		case <-r.Context().Done():
		}
	})
	r := reader(t, open(t, f.options()), storage.OpenOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if err := r.ReadAt(ctx, make([]byte, 20), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	close(hold)
	got, err := readAt(t, r, 20, 0)
	if err != nil { // the cancellation came before the first read, which left the first answer to this one
		got, err = readAt(t, r, 20, 0)
	}
	if got != content || err != nil {
		t.Errorf("reading again: %q, %v", got, err)
	}
}

// TestReadOutlivesOpen: the context of Open bounds Open alone.
func TestReadOutlivesOpen(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) { object(w, r, strings.Repeat(content, 100_000), "e") })
	ctx, cancel := context.WithCancel(t.Context())
	r, err := open(t, f.options()).Open(ctx, "k", storage.OpenOptions{})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := readAt(t, r, r.Info().Size, 0); err != nil || got != strings.Repeat(content, 100_000) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestInfo(t *testing.T) {
	headers := map[string]string{
		"ETag": `"` + etag + `-3"`, "X-Amz-Version-Id": "v1", "Cache-Control": "no-cache", "Content-Disposition": "inline",
		"Content-Encoding": "gzip", "Content-Language": "de", "Content-Type": "text/x", "Expires": "some day",
		"X-Amz-Meta-One": "1", "X-Amz-Meta-TWO-words": "=?UTF-8?Q?=C3=A9?=",
		"Last-Modified": "Thu, 02 Jan 2020 03:04:05 GMT", "Content-Length": "20",
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		for name, value := range headers {
			w.Header().Set(name, value)
		}
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte(content))
		}
	})
	s := open(t, f.options())
	stat, err := s.Stat(t.Context(), "k", storage.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	opened := reader(t, s, storage.OpenOptions{}).Info()
	if diff := cmp.Diff(stat, opened); diff != "" {
		t.Errorf("HEAD and GET differ: %s", diff)
	}
	want := storage.Info{
		Object: storage.Object{Key: "k", Size: 20, ETag: etag + "-3", VersionID: "v1", ModTime: stat.ModTime},
		Attributes: storage.Attributes{
			CacheControl: "no-cache", ContentDisposition: "inline", ContentEncoding: "gzip", ContentLanguage: "de",
			ContentType: "text/x", Expires: "some day", Metadata: map[string]string{"one": "1", "two-words": "=?UTF-8?Q?=C3=A9?="},
		},
	}
	if diff := cmp.Diff(want, stat); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := stat.ModTime.UTC().Format("2006-01-02 15:04:05"); got != "2020-01-02 03:04:05" {
		t.Errorf("time %s", got)
	}
}

func TestETagNotDigest(t *testing.T) {
	for name, tt := range map[string]struct {
		etag, header, value string
		want                bool
	}{
		"plain":     {etag, "", "", false},
		"parts":     {etag + "-2", "", "", false},
		"SSE-S3":    {etag, "X-Amz-Server-Side-Encryption", "AES256", false},
		"SSE-KMS":   {etag, "X-Amz-Server-Side-Encryption", "aws:kms", true},
		"DSSE-KMS":  {etag, "X-Amz-Server-Side-Encryption", "aws:kms:dsse", true},
		"SSE-C":     {etag, "X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256", true},
		"no digest": {"some-tag", "", "", true},
		"longer":    {etag + etag, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.header != "" {
					w.Header().Set(tt.header, tt.value)
				}
				if r.Method == http.MethodPut {
					w.Header().Set("ETag", tt.etag)
					return
				}
				object(w, r, content, tt.etag)
			})
			s := open(t, f.options())
			stat, err := s.Stat(t.Context(), "k", storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			written, err := s.Put(t.Context(), "k", storage.Block{}, storage.WriteOptions{})
			if err != nil {
				t.Fatal(err)
			}
			got := []bool{stat.ETagNotDigest, reader(t, s, storage.OpenOptions{}).Info().ETagNotDigest, written.ETagNotDigest}
			if !slices.Equal(got, []bool{tt.want, tt.want, tt.want}) {
				t.Errorf("Stat, Open, Put say ETagNotDigest %v, want %v", got, tt.want)
			}
		})
	}
}

// partServer answers HEAD with partNumber for an object of those parts.
func partServer(sizes []int64, tag string) http.HandlerFunc {
	var total int64
	for _, n := range sizes {
		total += n
	}
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+tag+`"`)
		size := total
		if text := r.URL.Query().Get("partNumber"); text != "" {
			var n int
			_, _ = fmt.Sscan(text, &n)
			if n > len(sizes) {
				w.WriteHeader(416)
				return
			}
			size = sizes[n-1]
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
	}
}

func query(exact bool) storage.PartsQuery {
	if exact {
		return storage.ExactParts
	}
	return storage.InferParts
}

func TestLayout(t *testing.T) {
	for name, tt := range map[string]struct {
		sizes    []int64
		etag     string
		exact    bool
		want     []int64
		requests int
	}{
		"one piece":           {[]int64{20}, etag, false, []int64{20}, 0},
		"one piece, exact":    {[]int64{20}, etag, true, []int64{20}, 0},
		"one part":            {[]int64{20}, etag + "-1", true, []int64{20}, 0},
		"uniform":             {[]int64{8, 8, 4}, etag + "-3", false, []int64{8, 8, 4}, 1},
		"uniform, exact":      {[]int64{8, 8, 4}, etag + "-3", true, []int64{8, 8, 4}, 3},
		"full last part":      {[]int64{8, 8}, etag + "-2", false, []int64{8, 8}, 1},
		"mixed":               {[]int64{5, 9, 6}, etag + "-3", false, []int64{5, 9, 6}, 3},
		"mixed like uniform":  {[]int64{8, 7, 5}, etag + "-3", true, []int64{8, 7, 5}, 3},
		"many":                {slices.Repeat([]int64{3}, 100), etag + "-100", true, slices.Repeat([]int64{3}, 100), 100},
		"small first part":    {[]int64{1, 9, 10}, etag + "-3", false, []int64{1, 9, 10}, 3},
		"number is no number": {[]int64{20}, etag + "-x", false, nil, 0},
		"number is too large": {[]int64{20}, etag + "-10001", false, nil, 0},
		"parts not known":     {[]int64{20}, etag + "-3", false, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			handle := partServer(tt.sizes, tt.etag)
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					var total int64
					for _, n := range tt.sizes {
						total += n
					}
					object(w, r, strings.Repeat("x", int(total)), tt.etag)
					return
				}
				handle(w, r)
			})
			r := reader(t, open(t, f.options()), storage.OpenOptions{})
			got, err := r.Layout(t.Context(), query(tt.exact))
			if err != nil || !slices.Equal(got, tt.want) || (got == nil) != (tt.want == nil) {
				t.Errorf("Layout(%v) = %v, %v; want %v", tt.exact, got, err, tt.want)
			}
			if got := len(f.all()) - 1; got != tt.requests {
				t.Errorf("%d requests, want %d", got, tt.requests)
			}
		})
	}
}

// TestLayoutUnknown: servers that speak of the part where they are asked for it.
// The object is the same, as one more request tells; what its parts are is not
// known.
func TestLayoutUnknown(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"precondition":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(412) },
		"ETag of a part":  partServer([]int64{10, 10}, "0123456789abcdef0123456789abcdee"),
		"any ETag at all": partServer([]int64{10, 10}, "part"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Query().Has("partNumber") {
					handle(w, r)
					return
				}
				object(w, r, content, etag+"-2")
			})
			sizes, err := reader(t, open(t, f.options()), storage.OpenOptions{}).Layout(t.Context(), storage.ExactParts)
			if sizes != nil || err != nil {
				t.Errorf("%v, %v", sizes, err)
			}
			f.wantSeen(t, "GET", "HEAD partNumber", "HEAD")
		})
	}
}

func TestLayoutChanged(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"precondition": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(412) },
		"deleted":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"another ETag": partServer([]int64{10, 10}, "other"),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					object(w, r, content, etag+"-2")
					return
				}
				if r.Header.Get("If-Match") != `"`+etag+`-2"` {
					t.Errorf("If-Match %q", r.Header.Get("If-Match"))
				}
				handle(w, r)
			})
			_, err := reader(t, open(t, f.options()), storage.OpenOptions{}).Layout(t.Context(), storage.InferParts)
			wantKind(t, err, storage.ErrChanged)
		})
	}
}

// TestReadVersions: in a bucket with versions the version that was opened is
// read to its end, whatever happens to the key.
func TestReadVersions(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.VersionedBucket(t)))
			ctx := t.Context()
			old, err := s.Put(ctx, "k", storage.Block{Data: []byte(content)}, storage.WriteOptions{Size: 20})
			if err != nil {
				t.Fatal(err)
			}
			r := reader(t, s, storage.OpenOptions{First: 8})
			if err := put(t, s, "k"); err != nil {
				t.Fatal(err)
			}
			if errs := s.Delete(ctx, []storage.Object{old.Object, {Key: "x"}}, storage.DeleteOptions{}); errs[0] != nil {
				t.Fatal(errs)
			}
			if got, err := readAt(t, r, 8, 8); got != content[8:16] || err != nil {
				t.Errorf("the opened version: %q, %v", got, err)
			}
			if _, err := s.Open(ctx, "k", storage.OpenOptions{}); !storage.Gone(err) {
				t.Errorf("the deleted object: %v", err)
			}
			again := reader(t, s, storage.OpenOptions{VersionID: old.VersionID})
			if got, err := readAt(t, again, 20, 0); got != content || err != nil || again.Info().VersionID != old.VersionID {
				t.Errorf("version %q after Delete named it: %q, %v", old.VersionID, got, err)
			}
		})
	}
}

// TestReadWithoutVersionRight: reading by version is a right of its own, which
// is needed only if the caller names one.
func TestReadWithoutVersionRight(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("versionId") {
			refuse(w, 403, "AccessDenied")
			return
		}
		w.Header().Set("X-Amz-Version-Id", "v1")
		object(w, r, content, etag)
	})
	s := open(t, f.options())
	r := reader(t, s, storage.OpenOptions{First: 8})
	for range 2 {
		if got, err := readAt(t, r, 8, 8); got != content[8:16] || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if got := len(f.all()); got != 4 { // the second read knows
		t.Errorf("%d requests, want 4", got)
	}
	_, err := s.Open(t.Context(), "k", storage.OpenOptions{VersionID: "v1"})
	wantKind(t, err, fs.ErrPermission)
}

// TestRestricted: what a real server does not allow is told as that.
func TestRestricted(t *testing.T) {
	server := s3server.Shared(t, s3server.MinIO)
	name := server.Bucket(t)
	if err := put(t, open(t, options(server, name)), "k"); err != nil {
		t.Fatal(err)
	}
	creds := server.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::`+name+`/*"]}]}`)
	opts := options(server, name)
	opts.AccessKey, opts.SecretKey, opts.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
	s := open(t, opts)
	if got, err := readAt(t, reader(t, s, storage.OpenOptions{}), 4, 0); got != "data" || err != nil {
		t.Errorf("reading: %q, %v", got, err)
	}
	wantKind(t, put(t, s, "k"), fs.ErrPermission)
	_, err := keysOf(t.Context(), s, storage.Range{})
	wantKind(t, err, fs.ErrPermission)
	for _, err := range s.Delete(t.Context(), []storage.Object{{Key: "k"}, {Key: "l"}}, storage.DeleteOptions{}) {
		wantKind(t, err, fs.ErrPermission)
	}
}

// TestETagNotDigestOnServer: a real server that encrypts says so.
func TestETagNotDigestOnServer(t *testing.T) {
	server := s3server.Shared(t, s3server.MinIO)
	name := server.Bucket(t)
	s := open(t, options(server, name))
	_, err := server.Client().PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &name, Key: aws.String("k"), Body: strings.NewReader(content), ServerSideEncryption: types.ServerSideEncryptionAwsKms,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := reader(t, s, storage.OpenOptions{First: 4}); !r.Info().ETagNotDigest {
		t.Errorf("%+v does not say that its ETag is no digest", r.Info())
	}
}
