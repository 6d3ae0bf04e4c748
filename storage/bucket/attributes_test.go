package bucket_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/directoryserver"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// TestWriteHeaders: what an object is written with, as S3 wants it. No server of
// the tests has all of it.
func TestWriteHeaders(t *testing.T) {
	f := newFake(t, uploadServer("", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(completed(etag))) }))
	opts := storage.WriteOptions{
		Attributes: storage.Attributes{
			WebsiteRedirect: "/a b", StorageClass: "GLACIER_IR", Metadata: map[string]string{"empty": "", "one": "1"},
		},
		Tags: map[string]string{"z": "last", "a b": "x/y+z&=%", "empty": "", "é": "日"},
		ACL:  "bucket-owner-full-control",
	}
	s := open(t, f.options())
	if _, err := s.Put(t.Context(), "k", storage.Block{}, opts); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Create(t.Context(), "k", opts); err != nil {
		t.Fatal(err)
	}
	f.wantSeen(t, "PUT", "GET tagging", "POST uploads") // the first tags are looked for
	for _, r := range f.all() {
		if r.Method == http.MethodGet {
			continue
		}
		want := map[string][]string{
			"X-Amz-Website-Redirect-Location": {"/a b"},
			"X-Amz-Storage-Class":             {"GLACIER_IR"},
			"X-Amz-Acl":                       {"bucket-owner-full-control"},
			"X-Amz-Tagging":                   {"a%20b=x%2Fy%2Bz%26%3D%25&empty=&z=last&%C3%A9=%E6%97%A5"},
			"X-Amz-Meta-Empty":                {""},
			"X-Amz-Meta-One":                  {"1"},
			"If-Match":                        nil,
			"If-None-Match":                   nil,
		}
		got := map[string][]string{}
		for name := range want {
			got[name] = r.Header[name]
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", r.Method, diff)
		}
	}
	// What nobody asked for is not sent.
	if err := put(t, s, "k"); err != nil {
		t.Fatal(err)
	}
	r, _ := f.last(t)
	for _, name := range []string{"X-Amz-Website-Redirect-Location", "X-Amz-Storage-Class", "X-Amz-Acl", "X-Amz-Tagging"} {
		if values, ok := r.Header[name]; ok {
			t.Errorf("%s is %q", name, values)
		}
	}
}

// TestDirectoryBucketLacks: what directory buckets have no place for is dropped,
// as by other stores that lack it. The server refuses it.
func TestDirectoryBucketLacks(t *testing.T) {
	s := open(t, directoryOptions(directoryserver.New(t, directoryBucket), directoryBucket))
	opts := storage.WriteOptions{
		Attributes: storage.Attributes{WebsiteRedirect: "/x", StorageClass: "STANDARD_IA", ContentType: "text/x"},
		Tags:       map[string]string{"a": "b"},
	}
	if _, err := s.Put(t.Context(), "k", storage.Block{}, opts); err != nil {
		t.Error(err)
	}
	if _, err := s.Create(t.Context(), "k", opts); err != nil {
		t.Error(err)
	}
	info, err := s.Stat(t.Context(), "k", storage.StatOptions{})
	if err != nil || info.ContentType != "text/x" {
		t.Errorf("Stat = %+v, %v", info, err)
	}
	if keys, err := keysOf(t.Context(), s, storage.Range{}); err != nil || !slices.Equal(keys, []string{"k"}) {
		t.Errorf("List: %q, %v", keys, err)
	}
}

// TestHeadersOfAnObject: what GET and HEAD tell beyond what the servers of the
// tests have.
func TestHeadersOfAnObject(t *testing.T) {
	for name, tt := range map[string]struct {
		headers  map[string]string
		want     storage.Attributes
		tags     int
		archived string
	}{
		"nothing":  {},
		"standard": {headers: map[string]string{"X-Amz-Storage-Class": "STANDARD"}},
		"all": {
			headers: map[string]string{
				"X-Amz-Storage-Class": "STANDARD_IA", "X-Amz-Website-Redirect-Location": "https://a.example/b",
				"X-Amz-Tagging-Count": "10",
			},
			want: storage.Attributes{StorageClass: "STANDARD_IA", WebsiteRedirect: "https://a.example/b"}, tags: 10,
		},
		"tags below 0": {headers: map[string]string{"X-Amz-Tagging-Count": "-1"}},
		"archived": {
			headers:  map[string]string{"X-Amz-Storage-Class": "DEEP_ARCHIVE"},
			want:     storage.Attributes{StorageClass: "DEEP_ARCHIVE"},
			archived: "maybe",
		},
		"being restored": {
			headers:  map[string]string{"X-Amz-Storage-Class": "GLACIER", "X-Amz-Restore": `ongoing-request="true"`},
			want:     storage.Attributes{StorageClass: "GLACIER"},
			archived: "yes",
		},
		"restored": {
			headers: map[string]string{
				"X-Amz-Storage-Class": "GLACIER",
				"X-Amz-Restore":       `ongoing-request="false", expiry-date="Fri, 21 Dec 2040 00:00:00 GMT"`,
			},
			want: storage.Attributes{StorageClass: "GLACIER"},
		},
		"at once": {
			headers: map[string]string{"X-Amz-Storage-Class": "GLACIER_IR"},
			want:    storage.Attributes{StorageClass: "GLACIER_IR"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				for name, value := range tt.headers {
					w.Header().Set(name, value)
				}
				w.Header().Set("Content-Type", "text/x")
				object(w, r, content, etag)
			})
			s := open(t, f.options())
			stat, err := s.Stat(t.Context(), "k", storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.ContentType = "text/x"
			for from, got := range map[string]storage.Info{"HEAD": stat, "GET": reader(t, s, storage.OpenOptions{}).Info()} {
				got.Metadata = nil
				if diff := cmp.Diff(tt.want, got.Attributes); diff != "" {
					t.Errorf("%s (-want +got):\n%s", from, diff)
				}
				if got.TagCount != tt.tags || archivalOf(&got.Object) != tt.archived || got.Size != 20 || got.ETag != etag || got.ModTime.Unix() != 1e9 {
					t.Errorf("%s tells %+v", from, got)
				}
			}
		})
	}
}

// archivalOf puts into a word what is told of whether an object can be read.
func archivalOf(o *storage.Object) string {
	switch {
	case o.Archived && o.MaybeArchived:
		return "both"
	case o.Archived:
		return "yes"
	case o.MaybeArchived:
		return "maybe"
	}
	return ""
}

// TestListArchived: of which objects a listing tells that they cannot be read, and
// of which it does not know. No server of the tests archives any.
func TestListArchived(t *testing.T) {
	const day = 24 * time.Hour
	restore := func(progress string, until time.Duration) string {
		return fmt.Sprintf("<RestoreStatus><IsRestoreInProgress>%s</IsRestoreInProgress><RestoreExpiryDate>%s</RestoreExpiryDate></RestoreStatus>",
			progress, time.Now().Add(until).UTC().Format(time.RFC3339))
	}
	for name, tt := range map[string]struct {
		class, restore string
		want           string
	}{
		"no class":               {"", "", ""},
		"standard":               {"STANDARD", "", ""},
		"archive":                {"GLACIER", "", "maybe"},
		"deep archive":           {"DEEP_ARCHIVE", "", "maybe"},
		"archive that is fast":   {"GLACIER_IR", "", ""},
		"restored":               {"GLACIER", restore("false", day), ""},
		"restored, deep":         {"DEEP_ARCHIVE", restore("false", day), ""},
		"restored until today":   {"GLACIER", restore("false", -day), "maybe"},
		"being restored":         {"GLACIER", "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>", "yes"},
		"being restored again":   {"GLACIER", restore("true", day), "yes"},
		"restored, nobody knows": {"GLACIER", "<RestoreStatus></RestoreStatus>", "maybe"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(listing(lastPage + "<Contents><Key>a</Key><LastModified>2020-01-02T03:04:05Z</LastModified>" +
					"<Size>1</Size><StorageClass>" + tt.class + "</StorageClass>" + tt.restore + "</Contents>")))
			})
			n := 0
			for o, err := range open(t, f.options()).List(t.Context(), storage.ListOptions{}) {
				if n++; err != nil || archivalOf(&o) != tt.want {
					t.Errorf("%+v, %v, want archived %q", o, err, tt.want)
				}
			}
			if r, _ := f.last(t); n != 1 || r.Header.Get("X-Amz-Optional-Object-Attributes") != "RestoreStatus" {
				t.Errorf("%d objects, asked for %q", n, r.Header.Get("X-Amz-Optional-Object-Attributes"))
			}
		})
	}
}

// TestRequesterPays: whoever pays says so in every request that S3 charges to him,
// which is all but two.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/RequesterPaysBuckets.html
func TestRequesterPays(t *testing.T) {
	for _, pays := range []bool{true, false} {
		t.Run(fmt.Sprint(pays), func(t *testing.T) {
			copies := 0
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				switch {
				case q.Has("versions"):
					_, _ = w.Write([]byte("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>"))
				case q.Has("versioning"):
					_, _ = w.Write([]byte("<VersioningConfiguration/>"))
				case r.Header.Get("X-Amz-Copy-Source") != "":
					copies++
					_, _ = w.Write([]byte("<CopyObjectResult><ETag>" + etag + "</ETag></CopyObjectResult>"))
				default:
					encryptingServer(w, r)
				}
			})
			opts := f.options()
			opts.RequestPayer = pays
			s := open(t, opts)
			everyRequest(t, s)
			everyCopy(t, s)
			for v, err := range s.Versions(t.Context(), storage.ListOptions{}) {
				t.Errorf("Versions yields %+v, %v", v, err)
			}
			if _, err := s.Versioning(t.Context()); err != nil {
				t.Error(err)
			}
			if copies != 2 {
				t.Errorf("%d copies", copies)
			}
			seen := map[string]bool{}
			for i, name := range f.seen() {
				seen[name] = true
				want := ""
				if pays && name != "DELETE tagging" && name != "GET versioning" {
					want = "requester"
				}
				if got := f.all()[i].Header.Get("X-Amz-Request-Payer"); got != want {
					t.Errorf("%s says %q, want %q", name, got, want)
				}
			}
			for _, name := range []string{
				"PUT", "POST uploads", "PUT uploadId partNumber", "POST uploadId", "DELETE uploadId", "HEAD", "GET", "GET list-type",
				"DELETE", "POST delete", "GET tagging", "PUT tagging", "DELETE tagging", "GET versions", "GET versioning",
			} {
				if !seen[name] {
					t.Errorf("there was no %s", name)
				}
			}
		})
	}
}

// everyCopy makes each kind of request of a copy once.
func everyCopy(t *testing.T, s *bucket.Store) {
	t.Helper()
	ctx := t.Context()
	from := openToCopy(t, s, storage.StatOptions{})
	opts := storage.WriteOptions{Size: from.Size}
	if _, err := s.Copy(ctx, "l", from, opts); err != nil {
		t.Fatal(err)
	}
	w, err := s.CreateCopy(ctx, "l", from, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.CopyPart(ctx, 1, 0, opts.Size); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(ctx); err != nil {
		t.Fatal(err)
	}
}
