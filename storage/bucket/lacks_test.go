package bucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

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

// TestWriteWithoutWhatServersLack: what an object has from its source and the server
// does not know is left out, with one warning, and found out only once.
func TestWriteWithoutWhatServersLack(t *testing.T) {
	const tags, class, redirect = "X-Amz-Tagging", "X-Amz-Storage-Class", "X-Amz-Website-Redirect-Location"
	for name, tt := range map[string]struct {
		status  int
		code    string
		lacks   []string
		told    []string
		refused int // requests of the first object
	}{
		"nothing":           {},
		"tags":              {501, "NotImplemented", []string{tags}, []string{"warning: Tagging.Disable"}, 1},
		"tags, other code":  {400, "UnsupportedOperation", []string{tags}, []string{"warning: Tagging.Disable"}, 1},
		"class":             {400, "InvalidStorageClass", []string{class}, []string{"warning: does not know the storage class GLACIER_IR"}, 1},
		"class, other code": {400, "InvalidArgument", []string{class}, []string{"warning: Metadata.StorageClass"}, 1},
		"redirect":          {501, "NotImplemented", []string{redirect}, []string{"warning: does not know redirects"}, 3},
		"all": {
			501, "NotImplemented",
			[]string{tags, class, redirect},
			[]string{"warning: know tags", "warning: storage class GLACIER_IR", "warning: redirects"},
			4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachWrite(t, func(t *testing.T, way string) {
				refused := 0
				rule := refusesHeaders(tt.status, tt.code, tt.lacks...)
				p := newLimitedServer(t, func(r *http.Request) (int, string) {
					status, code := rule(r)
					if status != 0 {
						refused++
					}
					return status, code
				})
				s := p.open(t, nil)
				for i := range 3 {
					if err := writes(t, s)[way](fmt.Sprint(i), everyAttribute()); err != nil {
						t.Fatal(err)
					}
					for _, header := range []string{tags, class, redirect, "Cache-Control"} {
						got := p.objects["/b/"+fmt.Sprint(i)].header.Get(header)
						if (got == "") != slices.Contains(tt.lacks, header) {
							t.Errorf("object %d has %s %q", i, header, got)
						}
					}
				}
				if refused != tt.refused {
					t.Errorf("%d requests were refused, want %d", refused, tt.refused)
				}
				p.wantNotices(t, tt.told...)
			})
		})
	}
}

// TestWhatIsAskedForIsNotLeftOut: the run ends, and the error names the option; but
// an object alone is to blame if the server took the same before.
func TestWhatIsAskedForIsNotLeftOut(t *testing.T) {
	for name, tt := range map[string]struct {
		header, code string
		opts         storage.WriteOptions
		options      func(*bucket.Options)
		want         string
	}{
		"tags":      {"X-Amz-Tagging", "NotImplemented", storage.WriteOptions{Tags: map[string]string{"a": "b"}}, nil, "Tagging.Set"},
		"class":     {"X-Amz-Storage-Class", "InvalidArgument", storage.WriteOptions{Attributes: storage.Attributes{StorageClass: "GLACIER"}}, nil, "Metadata.StorageClass"},
		"redirect":  {"X-Amz-Website-Redirect-Location", "NotImplemented", storage.WriteOptions{Attributes: storage.Attributes{WebsiteRedirect: "/"}}, nil, "Metadata.WebsiteRedirect"},
		"ACL":       {"X-Amz-Acl", "AccessControlListNotSupported", storage.WriteOptions{ACL: "private"}, nil, "Metadata.ACL"},
		"condition": {"If-None-Match", "NotImplemented", storage.WriteOptions{IfAbsent: true}, nil, "Condition.IfNoneMatch"},
		"encryption": {
			"X-Amz-Server-Side-Encryption", "NotImplemented",
			storage.WriteOptions{},
			func(o *bucket.Options) { o.Encryption.SSE = "AES256" }, "Encryption.SSE",
		},
		"requester pays": {
			"X-Amz-Request-Payer", "NotImplemented",
			storage.WriteOptions{},
			func(o *bucket.Options) { o.RequestPayer = true }, "Target.RequestPayer",
		},
		"checksum": {
			"X-Amz-Sdk-Checksum-Algorithm", "NotImplemented",
			storage.WriteOptions{Checksum: storage.Checksum{Algorithm: "CRC32"}},
			nil,
			"Verify.Algorithm",
		},
	} {
		t.Run(name, func(t *testing.T) {
			lacks := refusesHeaders(501, tt.code, tt.header)
			p := newLimitedServer(t, lacks)
			s := p.open(t, tt.options)
			err := writes(t, s)["put"]("k", tt.opts)
			wantKind(t, err, storage.ErrUnusable)
			if !strings.Contains(err.Error(), "what "+tt.want+" asks for") || !strings.Contains(err.Error(), tt.code) {
				t.Error(err)
			}
			p.wantNotices(t)
			if n := len(p.all()); n != 1 {
				t.Errorf("%q", p.seen())
			}
		})
	}
	t.Run("the object's own fault", func(t *testing.T) {
		p := newLimitedServer(t, func(r *http.Request) (int, string) {
			if strings.HasSuffix(r.URL.Path, "odd") {
				return 501, "NotImplemented"
			}
			return 0, ""
		})
		s := p.open(t, nil)
		opts := everyAttribute()
		opts.ACL = "private"
		if err := writes(t, s)["put"]("k", opts); err != nil {
			t.Fatal(err)
		}
		err := writes(t, s)["put"]("odd", opts)
		if !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, storage.ErrUnusable) {
			t.Error(err)
		}
		if len(p.notices) > 0 {
			t.Errorf("told %+v", p.notices)
		}
	})
}

// TestTagsThatDoNotComeAlong: they are set afterwards where the first object shows
// that this is needed, and nobody is asked again.
func TestTagsThatDoNotComeAlong(t *testing.T) {
	eachWrite(t, func(t *testing.T, way string) {
		for _, loses := range []bool{false, true} {
			t.Run(fmt.Sprint("loses=", loses), func(t *testing.T) {
				p := newLimitedServer(t, nil)
				p.loses = func(*http.Request) bool { return loses }
				s := p.open(t, nil)
				for i := range 3 {
					if err := writes(t, s)[way](fmt.Sprint(i), everyAttribute()); err != nil {
						t.Fatal(err)
					}
					if tags, err := s.Tags(t.Context(), fmt.Sprint(i), ""); err != nil || tags["a"] != "b" {
						t.Errorf("object %d has tags %v, %v", i, tags, err)
					}
				}
				asked, set := 0, 0
				for _, request := range p.seen() {
					switch request {
					case "GET tagging":
						asked++
					case "PUT tagging":
						set++
					}
				}
				asked -= 3 // by the test
				if want := map[bool][2]int{false: {1, 0}, true: {2, 3}}[loses]; asked != want[0] || set != want[1] {
					t.Errorf("asked %d times and set %d, want %v: %q", asked, set, want, p.seen())
				}
				if loses {
					p.wantNotices(t, "note: are set afterwards")
				} else {
					p.wantNotices(t)
				}
			})
		}
	})
}

// TestTagsOfAServerWithoutAny: such a server ignores the header, or takes what is
// asked of tags for requests about the object. Nothing is written or deleted by that.
func TestTagsOfAServerWithoutAny(t *testing.T) {
	ignorant := func(t *testing.T) *limitedServer {
		p := newLimitedServer(t, nil)
		p.loses = func(*http.Request) bool { return true }
		p.Config.Handler = p.record(func(w http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.Method == http.MethodGet && q.Has("tagging") {
				object(w, r, "<Tagging><TagSet/></Tagging>", etag) // this is what the object holds
				return
			}
			q.Del("tagging")
			r.URL.RawQuery = q.Encode()
			p.handle(w, r)
		})
		return p
	}
	t.Run("inherited", func(t *testing.T) {
		p := ignorant(t)
		s := p.open(t, nil)
		for i := range 2 {
			if err := writes(t, s)["put"](fmt.Sprint(i), everyAttribute()); err != nil {
				t.Fatal(err)
			}
		}
		p.wantSeen(t, "PUT", "GET tagging", "PUT")
		p.wantNotices(t, "warning: Tagging.Disable")
	})
	t.Run("asked for", func(t *testing.T) {
		opts := everyAttribute()
		opts.Inherited = storage.Inherited{}
		err := writes(t, ignorant(t).open(t, nil))["put"]("k", opts)
		wantKind(t, err, storage.ErrUnusable)
		if !strings.Contains(err.Error(), "Tagging.Set") {
			t.Error(err)
		}
	})
	for name, tags := range map[string]map[string]string{"set": {"a": "b"}, "removed": nil} {
		t.Run(name, func(t *testing.T) {
			p := ignorant(t)
			s := p.open(t, nil)
			if err := put(t, s, "k"); err != nil {
				t.Fatal(err)
			}
			before := p.objects["/b/k"]
			if err := s.SetTags(t.Context(), "k", tags); !errors.Is(err, errors.ErrUnsupported) {
				t.Error(err)
			}
			if p.objects["/b/k"] != before {
				t.Error("the object is another one, or gone")
			}
			p.wantSeen(t, "PUT", "GET tagging")
		})
	}
}

// TestTagsRefused: the calls for tags, and the question whether there are some.
func TestTagsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		code   string
		want   error
	}{
		"not implemented": {501, "NotImplemented", errors.ErrUnsupported},
		"not allowed":     {405, "MethodNotAllowed", errors.ErrUnsupported},
		"unsupported":     {400, "UnsupportedOperation", errors.ErrUnsupported},
		"denied":          {403, "AccessDenied", nil}, // most servers keep them
		"ill":             {500, "InternalError", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newLimitedServer(t, func(r *http.Request) (int, string) {
				if r.URL.Query().Has("tagging") {
					return tt.status, tt.code
				}
				return 0, ""
			})
			s := p.open(t, nil)
			for i := range 3 {
				if err := writes(t, s)["put"](fmt.Sprint(i), everyAttribute()); err != nil {
					t.Fatal(err)
				}
			}
			asked := len(p.all()) - 3
			switch {
			case tt.want != nil:
				p.wantNotices(t, "warning: Tagging.Disable")
				_, err := s.Tags(t.Context(), "0", "")
				if !errors.Is(err, tt.want) || storage.Retryable(err) {
					t.Error(err)
				}
			case tt.status == 403:
				p.wantNotices(t)
			default:
				asked -= 2 // attempts
				p.wantNotices(t, "warning: cannot be found out (InternalError)")
			}
			if tt.status == 405 {
				asked-- // a HEAD: it may be a delete marker
			}
			if asked != 1 {
				t.Errorf("%d questions, want one: %q", asked, p.seen())
			}
		})
	}
	t.Run("delete marker", func(t *testing.T) {
		p := newLimitedServer(t, func(r *http.Request) (int, string) {
			if r.URL.Query().Has("tagging") {
				return 405, "MethodNotAllowed"
			}
			return 0, ""
		})
		_, err := p.open(t, nil).Tags(t.Context(), "gone", "")
		if !storage.Gone(err) || errors.Is(err, errors.ErrUnsupported) {
			t.Error(err)
		}
	})
}

// TestTagsThatCannotBeSet: the object is there, so it is not written again.
func TestTagsThatCannotBeSet(t *testing.T) {
	p := newLimitedServer(t, func(r *http.Request) (int, string) {
		if r.URL.Query().Has("tagging") && r.Method == http.MethodPut {
			return 500, "InternalError"
		}
		return 0, ""
	})
	p.loses = func(*http.Request) bool { return true }
	err := writes(t, p.open(t, nil))["put"]("k", everyAttribute())
	if err == nil || storage.Retryable(err) || !strings.Contains(err.Error(), "Tagging.SyncLatest") {
		t.Error(err)
	}
}

// TestListWithoutRestoreStatus: an attribute that a server does not know costs one
// request more, once.
func TestListWithoutRestoreStatus(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		code   string
		ok     bool
	}{
		"not implemented": {501, "NotImplemented", true},
		"bad request":     {400, "InvalidArgument", true},
		"denied":          {403, "AccessDenied", false},
		"no bucket":       {404, "NoSuchBucket", false},
	} {
		t.Run(name, func(t *testing.T) {
			const header = "X-Amz-Optional-Object-Attributes"
			p := newLimitedServer(t, refusesHeaders(tt.status, tt.code, header))
			s := p.open(t, nil)
			for range 2 {
				if _, err := keysOf(t.Context(), s, storage.Range{}); (err == nil) != tt.ok {
					t.Error(err)
				}
			}
			var sent []string
			for _, r := range p.all() {
				sent = append(sent, r.Header.Get(header))
			}
			want := []string{"RestoreStatus", "", ""}
			if !tt.ok {
				want = []string{"RestoreStatus", "RestoreStatus"}
			}
			if diff := cmp.Diff(want, sent); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			p.wantNotices(t)
		})
	}
}

// TestReadWithoutChecksums: objects are read from a server that cannot be asked for
// additional checksums.
func TestReadWithoutChecksums(t *testing.T) {
	p := newLimitedServer(t, refusesHeaders(501, "NotImplemented", "X-Amz-Checksum-Mode"))
	s := p.open(t, nil)
	if err := put(t, s, "k"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.Stat(t.Context(), "k", storage.StatOptions{Checksums: true}); err != nil {
			t.Error(err)
		}
		r, err := s.Open(t.Context(), "k", storage.OpenOptions{Checksums: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	p.wantSeen(t, "PUT", "HEAD", "HEAD", "GET", "HEAD", "GET")
	p.wantNotices(t, "note: tells no additional checksums")
}

// TestDeleteWithoutBatches: objects are removed one by one where the server refuses
// to remove several at once, and it is asked only once.
func TestDeleteWithoutBatches(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		code       string
		batches    int
		told       []string
		want       error
		singleCode string
	}{
		"not implemented": {501, "NotImplemented", 1, []string{"note: each takes a request"}, nil, ""},
		"not allowed":     {405, "MethodNotAllowed", 1, []string{"note: each takes a request"}, nil, ""},
		"bad request":     {400, "MalformedXML", 2, nil, nil, ""}, // which may be for the keys
		"denied":          {403, "AccessDenied", 2, nil, errors.ErrUnsupported, ""},
		"nor one by one":  {501, "NotImplemented", 1, []string{"note: each takes a request"}, errors.ErrUnsupported, "NotImplemented"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newLimitedServer(t, func(r *http.Request) (int, string) {
				switch {
				case r.URL.Query().Has("delete"):
					return tt.status, tt.code
				case r.Method == http.MethodDelete && tt.singleCode != "":
					return 501, tt.singleCode
				}
				return 0, ""
			})
			s := p.open(t, nil)
			var keys []string
			for i := range 20 {
				keys = append(keys, fmt.Sprintf("%02d", i))
				if err := put(t, s, keys[i]); err != nil {
					t.Fatal(err)
				}
			}
			for _, half := range [][]string{keys[:10], keys[10:]} {
				for _, err := range s.Delete(t.Context(), objectsOf(half...), storage.DeleteOptions{}) {
					if (err == nil) != (tt.want == nil) {
						t.Error(err)
					}
				}
			}
			if (len(p.objects) == 0) != (tt.want == nil) {
				t.Errorf("%d objects are left", len(p.objects))
			}
			batches := 0
			for _, request := range p.seen() {
				if request == "POST delete" {
					batches++
				}
			}
			if batches != tt.batches {
				t.Errorf("%d requests for several objects, want %d", batches, tt.batches)
			}
			p.wantNotices(t, tt.told...)
		})
	}
}

// TestDeleteWithoutConditions: on a server that knows none, objects are only looked
// at before; one that is another by then stays.
func TestDeleteWithoutConditions(t *testing.T) {
	for name, code := range map[string]string{"not implemented": "NotImplemented", "bad request": "InvalidArgument"} {
		t.Run(name, func(t *testing.T) {
			status := 501
			if code == "InvalidArgument" {
				status = 400
			}
			p := newLimitedServer(t, refusesHeaders(status, code, "If-Match"))
			s := p.open(t, nil)
			objects := objectsOf("a", "b", "other")
			for i := range objects {
				if err := put(t, s, objects[i].Key); err != nil {
					t.Fatal(err)
				}
				objects[i].ETag = etag
			}
			objects[2].ETag = strings.Repeat("1", 32)
			for range 2 {
				for i, err := range s.Delete(t.Context(), objects, storage.DeleteOptions{IfMatch: true}) {
					if want := objects[i].Key == "other"; (err != nil) != want || want && !errors.Is(err, storage.ErrPrecondition) {
						t.Errorf("%s: %v", objects[i].Key, err)
					}
				}
			}
			if len(p.objects) != 1 || p.objects["/b/other"] == nil {
				t.Errorf("left: %v", p.objects)
			}
			p.wantNotices(t, "note: knows no conditions of deletions")
		})
	}
}

// TestUploadsInPartsRefused: the error tells how to do without.
func TestUploadsInPartsRefused(t *testing.T) {
	p := newLimitedServer(t, func(r *http.Request) (int, string) {
		if r.URL.Query().Has("uploads") {
			return 501, "NotImplemented"
		}
		return 0, ""
	})
	_, err := p.open(t, nil).Create(t.Context(), "k", everyAttribute())
	if err == nil || !strings.Contains(err.Error(), "Transfer.Threshold") || len(p.notices) > 0 {
		t.Errorf("%v, %+v", err, p.notices)
	}
}

// TestCopiesRefused: a server that does not copy ends the run.
func TestCopiesRefused(t *testing.T) {
	p := newLimitedServer(t, refusesHeaders(501, "NotImplemented", "X-Amz-Copy-Source"))
	err := writes(t, p.open(t, nil))["copy"]("copy", everyAttribute())
	wantKind(t, err, storage.ErrUnusable)
	if !strings.Contains(err.Error(), "ServerSideCopy") {
		t.Error(err)
	}
	if len(p.notices) > 0 {
		t.Errorf("told %+v", p.notices)
	}
}
