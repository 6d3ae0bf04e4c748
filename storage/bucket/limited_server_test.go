package bucket_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"s3sync/internal/settingtest"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// A limitedServer keeps the tags of objects and their headers as they were sent. It
// refuses what a test wants it to refuse.
type limitedServer struct {
	*fake

	// refuses returns the status and code with which a request is refused, if it is.
	refuses func(r *http.Request) (status int, code string)
	// loses: tags that come along with such a request are lost.
	loses func(r *http.Request) bool

	mu      sync.Mutex
	objects map[string]*limitedObject
	notices []storage.Notice
}

type limitedObject struct {
	header http.Header
	tags   string // as XML
}

func newLimitedServer(t *testing.T, refuses func(r *http.Request) (status int, code string)) *limitedServer {
	p := &limitedServer{refuses: refuses, objects: map[string]*limitedObject{}}
	p.fake = newFake(t, p.handle)
	return p
}

// open opens the bucket and gathers its notices.
func (p *limitedServer) open(t *testing.T, change func(*bucket.Options)) *bucket.Store {
	t.Helper()
	opts := p.options()
	opts.MaxAttempts = 3
	opts.Notice = func(n storage.Notice) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.notices = append(p.notices, n)
	}
	if change != nil {
		change(&opts)
	}
	return open(t, opts)
}

// wantNotices fails the test unless there was one notice for each of the given
// texts, which begin with "warning: " or "note: ".
func (p *limitedServer) wantNotices(t *testing.T, want ...string) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.notices) != len(want) {
		t.Errorf("told %+v, want %q", p.notices, want)
		return
	}
	for i, n := range p.notices {
		kind, text, _ := strings.Cut(want[i], ": ")
		if n.Warning != (kind == "warning") || !strings.Contains(n.Text, text) {
			t.Errorf("told %+v, want %q", n, want[i])
		}
		settingtest.Text(t, n.Text, n.Settings)
	}
}

func (p *limitedServer) handle(w http.ResponseWriter, r *http.Request) {
	if p.refuses != nil {
		if status, code := p.refuses(r); status != 0 {
			refuse(w, status, code)
			return
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	q, o := r.URL.Query(), p.objects[r.URL.Path]
	write := func() {
		o = &limitedObject{header: r.Header.Clone()}
		if tags := r.Header.Get("X-Amz-Tagging"); tags != "" && (p.loses == nil || !p.loses(r)) {
			name, value, _ := strings.Cut(tags, "=")
			o.tags = "<Tag><Key>" + name + "</Key><Value>" + value + "</Value></Tag>"
		}
		p.objects[r.URL.Path] = o
	}
	switch {
	case r.URL.Path == "/b" && r.Method == http.MethodGet:
		_, _ = w.Write([]byte(listing(lastPage)))
	case r.URL.Path == "/b":
		_, _ = w.Write([]byte("<DeleteResult/>"))
	case q.Has("uploads"):
		write()
		_, _ = w.Write([]byte(`<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>`))
	case r.Method == http.MethodPost:
		_, _ = w.Write([]byte(completed(etag + "-1")))
	case q.Has("partNumber"):
		w.Header().Set("ETag", `"`+etag+`"`)
	case q.Has("tagging") && o == nil, r.Method == http.MethodHead && o == nil:
		refuse(w, 404, "NoSuchKey")
	case q.Has("tagging") && r.Method == http.MethodGet:
		_, _ = w.Write([]byte("<Tagging><TagSet>" + o.tags + "</TagSet></Tagging>"))
	case q.Has("tagging") && r.Method == http.MethodPut:
		_, o.tags, _ = strings.Cut(bodyOf(r), "<TagSet>")
		o.tags, _, _ = strings.Cut(o.tags, "</TagSet>")
	case r.Method == http.MethodPut:
		write()
		w.Header().Set("ETag", `"`+etag+`"`)
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			_, _ = w.Write([]byte(copied))
		}
	case r.Method == http.MethodDelete:
		delete(p.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	default:
		object(w, r, content, etag)
	}
}

// refusesHeaders refuses requests that carry one of the headers.
func refusesHeaders(status int, code string, headers ...string) func(*http.Request) (int, string) {
	return func(r *http.Request) (int, string) {
		for _, name := range headers {
			if r.Header.Get(name) != "" {
				return status, code
			}
		}
		return 0, ""
	}
}

// writes are the ways in which an object is written. Of an upload in parts only the
// beginning carries anything.
func writes(t *testing.T, s *bucket.Store) map[string]func(key string, opts storage.WriteOptions) error {
	t.Helper()
	return map[string]func(string, storage.WriteOptions) error{
		"put": func(key string, opts storage.WriteOptions) error {
			opts.Size = 4
			_, err := s.Put(t.Context(), key, storage.Block{Data: []byte("data")}, opts)
			return err
		},
		"upload": func(key string, opts storage.WriteOptions) error {
			opts.Size = 4
			w, err := s.Create(t.Context(), key, opts)
			if err == nil {
				err = w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte("data")})
			}
			if err == nil {
				_, err = w.Commit(t.Context())
			}
			return err
		},
		"copy": func(key string, opts storage.WriteOptions) error {
			opts.Size = int64(len(content))
			if err := put(t, s, "k"); err != nil {
				return err
			}
			_, err := s.Copy(t.Context(), key, openToCopy(t, s, storage.StatOptions{}), opts)
			return err
		},
	}
}

// eachWrite tests every way of writing on a server of its own.
func eachWrite(t *testing.T, test func(t *testing.T, way string)) {
	for _, way := range []string{"put", "upload", "copy"} {
		t.Run(way, func(t *testing.T) { test(t, way) })
	}
}

var inherited = storage.Inherited{Tags: true, StorageClass: true, WebsiteRedirect: true}

// everyAttribute is all that an object may have from its source.
func everyAttribute() storage.WriteOptions {
	return storage.WriteOptions{
		Attributes: storage.Attributes{StorageClass: "GLACIER_IR", WebsiteRedirect: "/x", CacheControl: "no-cache"},
		Tags:       map[string]string{"a": "b"}, Inherited: inherited,
	}
}
