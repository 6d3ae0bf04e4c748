package bucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

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

// TestConditionsThatNobodyAskedFor: on a server that knows none, the object is looked at right
// before the write. One that is another by then stays.
func TestConditionsThatNobodyAskedFor(t *testing.T) {
	for name, tt := range map[string]struct {
		way, condition string
		opts           storage.WriteOptions
	}{
		"put, new":    {"put", "If-None-Match", storage.WriteOptions{IfAbsent: true}},
		"put, old":    {"put", "If-Match", storage.WriteOptions{IfMatch: etag}},
		"upload, old": {"upload", "If-Match", storage.WriteOptions{IfMatch: etag}},
	} {
		t.Run(name, func(t *testing.T) {
			refused := 0
			rule := refusesHeaders(501, "NotImplemented", "If-Match", "If-None-Match")
			p := newLimitedServer(t, func(r *http.Request) (int, string) {
				status, code := rule(r)
				if status != 0 {
					refused++
				}
				return status, code
			})
			s := p.open(t, nil)
			opts := tt.opts
			opts.Inherited.Conditions = true
			for range 2 {
				delete(p.objects, "/b/k")
				if opts.IfMatch != "" {
					if err := put(t, s, "k"); err != nil {
						t.Fatal(err)
					}
				}
				if err := writes(t, s)[tt.way]("k", opts); err != nil {
					t.Fatal(err)
				}
			}
			if opts.IfMatch != "" {
				opts.IfMatch = strings.Repeat("1", 32)
			}
			wantKind(t, writes(t, s)[tt.way]("k", opts), storage.ErrPrecondition)
			if refused != 1 {
				t.Errorf("%d requests were refused", refused)
			}
			p.wantNotices(t, "note: does not know "+tt.condition)
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
