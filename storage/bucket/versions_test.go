package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/listserver"
	"s3sync/internal/s3server"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/storagetest"
)

// Small pages cut histories anywhere.
func TestVersionsConformance(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		for _, pageSize := range []int{1, 2, 3, 10, 1000} {
			if kind == s3server.VersityGW && pageSize == 1 {
				continue // it never comes behind the current version
			}
			if pageSize > 1 && !slices.Contains(s3server.Rotated(fmt.Sprint("page size ", pageSize)), kind) {
				continue
			}
			t.Run(fmt.Sprint(string(kind), " ", pageSize), func(t *testing.T) {
				t.Parallel()
				server := s3server.Shared(t, kind)
				open := func(t *testing.T) storage.Store {
					o := options(server, server.VersionedBucket(t))
					o.Prefix, o.MaxKeys = testPrefix, pageSize
					s, err := bucket.Open(t.Context(), o)
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				opts := storagetest.VersionOptions{NoFirstMarkers: true, NoMoreMarkers: kind == s3server.MinIO}
				storagetest.RunVersions(t, open, opts)
				if pageSize == 10 {
					t.Run("decorated", func(t *testing.T) { storagetest.RunVersions(t, storagetest.Decorated(open), opts) })
				}
			})
		}
	}
}

func TestVersioningIsOff(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			server := s3server.Shared(t, kind)
			s := open(t, options(server, server.Bucket(t)))
			if kept, err := s.Versioning(t.Context()); kept || err != nil {
				t.Errorf("Versioning = %t, %v", kept, err)
			}
			if err := put(t, s, "key"); err != nil {
				t.Fatal(err)
			}
			for v, err := range s.Versions(t.Context(), storage.ListOptions{}) {
				if err != nil || v.Key != "key" || v.VersionID != "null" || !v.Latest {
					t.Errorf("Versions yields %+v, %v", v, err)
				}
			}
			missing := open(t, options(server, "test-no-such-bucket"))
			if _, err := missing.Versioning(t.Context()); !errors.Is(err, storage.ErrNoBucket) {
				t.Errorf("Versioning of a bucket that is not there: %v", err)
			}
		})
	}
}

// A versionEntry is one of a made-up page; a trailing "*" of the ID marks the
// latest.
func versionEntry(key, id string) string { return taggedEntry("Version", key, id) }

func markerEntry(key, id string) string { return taggedEntry("DeleteMarker", key, id) }

func taggedEntry(tag, key, id string) string {
	id, latest := strings.CutSuffix(id, "*")
	size := ""
	if tag == "Version" {
		size = "<ETag>&quot;" + etag + "&quot;</ETag><Size>7</Size>"
	}
	return fmt.Sprintf("<%s><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%t</IsLatest>"+
		"<LastModified>2020-01-02T03:04:05.000Z</LastModified>%s</%s>", tag, key, id, latest, size, tag)
}

// versionPage is an answer to ListObjectVersions.
func versionPage(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		`<Name>b</Name><EncodingType>url</EncodingType>` + inner + `</ListVersionsResult>`
}

const moreVersions = "<IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>next</NextVersionIdMarker>"

// versionIDs collects what a listing yields until it ends or fails.
func versionIDs(ctx context.Context, s storage.Versioner, r storage.Range) (list []string, err error) {
	for v, err := range s.Versions(ctx, storage.ListOptions{Range: r}) {
		if err != nil {
			return list, err
		}
		text := v.Key + " " + v.VersionID
		if v.DeleteMarker {
			text += " marker"
		}
		list = append(list, text)
	}
	return list, nil
}

// TestVersionFaults: as TestListFaults, of what only a fake does.
func TestVersionFaults(t *testing.T) {
	tests := map[string]struct {
		pages []string // the last one is repeated
		want  error    // kind; nil where there is none
		text  string
	}{
		"empty body":       {pages: []string{""}, want: storage.ErrTransient, text: "it is empty instead of <ListVersionsResult>"},
		"page of a portal": {pages: []string{"<html><body>Log in</body></html>"}, want: storage.ErrTransient, text: "it holds <html> instead of <ListVersionsResult>"},
		"another listing":  {pages: []string{listing(lastPage + entry("a"))}},
		"cut off": {
			pages: []string{strings.TrimSuffix(versionPage(lastPage+versionEntry("a", "1*")), "</ListVersionsResult>")},
			want:  storage.ErrTransient, text: "cannot be understood",
		},
		"no truncated": {pages: []string{versionPage(versionEntry("a", "1*"))}, want: storage.ErrTransient, text: "it is no listing"},
		"no marker": {
			pages: []string{versionPage("<IsTruncated>true</IsTruncated>" + versionEntry("a", "1*"))},
			want:  storage.ErrTransient, text: "no continuation",
		},
		"repeated marker": {
			pages: []string{versionPage(moreVersions + versionEntry("a", "1*")), versionPage(moreVersions)},
			want:  storage.ErrTransient, text: "the page itself",
		},
		"second page is garbage": {
			pages: []string{versionPage(moreVersions + versionEntry("a", "1*")), "x"}, want: storage.ErrTransient,
		},
		"not in order": {
			pages: []string{versionPage(lastPage + versionEntry("b", "1*") + versionEntry("a", "2*"))},
			text:  `key "a" after "b"`,
		},
		"not in order over pages": {
			pages: []string{versionPage(moreVersions + versionEntry("b", "1*")), versionPage(lastPage + versionEntry("a", "2*"))},
			text:  `key "a" after "b"`,
		},
		"oldest first": {
			pages: []string{versionPage(lastPage + versionEntry("a", "1") + versionEntry("a", "2*"))},
			text:  `the current version of key "a" comes after version "1"`,
		},
		"twice": {
			pages: []string{versionPage(lastPage + versionEntry("a", "2*") + markerEntry("a", "1") + versionEntry("a", "1"))},
			text:  `version "1" of key "a" twice`,
		},
		"no key":         {pages: []string{versionPage(lastPage + versionEntry("", "1*"))}, want: storage.ErrTransient, text: "not complete"},
		"no version":     {pages: []string{versionPage(lastPage + markerEntry("a", "*"))}, want: storage.ErrTransient, text: "not complete"},
		"no time":        {pages: []string{versionPage(lastPage + strings.ReplaceAll(markerEntry("a", "1*"), "LastModified", "X"))}, want: storage.ErrTransient},
		"no size":        {pages: []string{versionPage(lastPage + strings.ReplaceAll(versionEntry("a", "1*"), "Size", "X"))}, want: storage.ErrTransient},
		"no latest":      {pages: []string{versionPage(lastPage + strings.ReplaceAll(versionEntry("a", "1*"), "IsLatest", "X"))}, want: storage.ErrTransient},
		"wrong encoding": {pages: []string{versionPage(lastPage + versionEntry("%zz", "1*"))}, want: storage.ErrTransient, text: "URL-encoded"},
		"wrong encoding of the marker": {
			pages: []string{versionPage(strings.Replace(moreVersions, ">a<", ">%zz<", 1))}, want: storage.ErrTransient, text: "URL-encoded",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(tt.pages[min(n, len(tt.pages)-1)]))
				n++
			})
			got, err := versionIDs(t.Context(), open(t, f.options()), storage.Range{})
			if name == "another listing" {
				if err == nil && len(got) > 0 {
					t.Errorf("got %q", got)
				}
				return
			}
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %q, %v; want %v, %q", got, err, tt.want, tt.text)
			}
		})
	}
}

// TestVersionOrder: the order in the answer counts where the server is known to
// mix markers with versions, and else the server is asked.
func TestVersionOrder(t *testing.T) {
	v, m := versionEntry, markerEntry
	for name, tt := range map[string]struct {
		page   string
		behind map[string]string // the answers to what comes behind a marker
		want   []string
		asked  int
	}{
		"mixed": {
			page: m("a", "5*") + v("a", "4") + m("a", "3") + m("a", "2") + v("a", "1") + m("b", "1*"),
			want: []string{"a 5 marker", "a 4", "a 3 marker", "a 2 marker", "a 1", "b 1 marker"},
		},
		"one marker, the latest": {
			page: m("a", "3*") + v("a", "2") + v("a", "1"),
			want: []string{"a 3 marker", "a 2", "a 1"},
		},
		"one version, the latest": {
			page: m("a", "2") + m("a", "1") + v("a", "3*"),
			want: []string{"a 3", "a 2 marker", "a 1 marker"},
		},
		"apart, of other keys": {
			page: m("a", "1*") + m("c", "1*") + v("b", "1*") + v("d", "1*"),
			want: []string{"a 1 marker", "b 1", "c 1 marker", "d 1"},
		},
		"apart": {
			page:   m("a", "7*") + m("a", "5") + m("a", "4") + m("a", "1") + v("a", "6") + v("a", "3") + v("a", "2"),
			behind: map[string]string{"5": m("a", "4"), "4": v("a", "3"), "1": ""},
			want:   []string{"a 7 marker", "a 6", "a 5 marker", "a 4 marker", "a 3", "a 2", "a 1 marker"},
			asked:  3,
		},
		"apart, versions first": {
			page:   v("a", "3*") + v("a", "1") + m("a", "2"),
			behind: map[string]string{"2": v("a", "1")},
			want:   []string{"a 3", "a 2 marker", "a 1"},
			asked:  1,
		},
		"apart, and a longer key behind": {
			page:   m("a", "1") + v("a", "2*") + v("a", "0") + v("ab", "3*"),
			behind: map[string]string{"1": v("ab", "3*")},
			want:   []string{"a 2", "a 0", "a 1 marker", "ab 3"},
			asked:  1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				id := r.URL.Query().Get("version-id-marker")
				if id == "" {
					_, _ = w.Write([]byte(versionPage(lastPage + tt.page)))
					return
				}
				asked++
				if q := r.URL.Query(); q.Get("prefix") != "a" || q.Get("key-marker") != "a" || q.Get("max-keys") != "1" {
					t.Errorf("asked for %v", q)
				}
				_, _ = w.Write([]byte(versionPage(lastPage + tt.behind[id])))
			})
			got, err := versionIDs(t.Context(), open(t, f.options()), storage.Range{})
			if err != nil || !slices.Equal(got, tt.want) || asked != tt.asked {
				t.Errorf("got %q, %v after %d questions; want %q after %d", got, err, asked, tt.want, tt.asked)
			}
		})
	}
}

// TestArchivedVersions: no server of the tests has archives.
func TestArchivedVersions(t *testing.T) {
	class := func(id, class, more string) string {
		return strings.Replace(versionEntry("a", id), "</Version>", "<StorageClass>"+class+"</StorageClass>"+more+"</Version>", 1)
	}
	const restored = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>" +
		"<RestoreExpiryDate>2999-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>"
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("X-Amz-Optional-Object-Attributes"); got != "RestoreStatus" {
			t.Errorf("asked for %q", got)
		}
		_, _ = w.Write([]byte(versionPage(lastPage + class("3*", "STANDARD", "") + class("2", "GLACIER", "") + class("1", "GLACIER", restored))))
	})
	var got []string
	for v, err := range open(t, f.options()).Versions(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, archivalOf(&v))
	}
	if want := []string{"", "maybe", ""}; !slices.Equal(got, want) {
		t.Errorf("archived: %q, want %q", got, want)
	}
}

// TestVersionRepeated: a page that begins with the end of the one before, as those
// of versitygw can, is no disorder.
func TestVersionRepeated(t *testing.T) {
	pages := []string{
		versionPage(moreVersions + versionEntry("a", "3*") + markerEntry("a", "2")),
		versionPage(lastPage + markerEntry("a", "2") + versionEntry("a", "1")),
	}
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		switch q := r.URL.Query(); {
		case q.Get("max-keys") == "1":
			_, _ = w.Write([]byte(versionPage(lastPage + versionEntry("a", "1"))))
		case q.Get("version-id-marker") == "":
			_, _ = w.Write([]byte(pages[0]))
		default:
			_, _ = w.Write([]byte(pages[1]))
		}
	})
	got, err := versionIDs(t.Context(), open(t, f.options()), storage.Range{})
	if want := []string{"a 3", "a 2 marker", "a 1"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// TestManyVersions: the pages of long histories make up the whole of them.
func TestManyVersions(t *testing.T) {
	server := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 3, Key: listserver.Odd, Versions: 2500}})
	opts := (&fake{Server: &httptest.Server{URL: server.URL}}).options()
	got, err := versionIDs(t.Context(), open(t, opts), storage.Range{From: listserver.Odd(1)})
	var want []string
	for i := range 2 {
		for age := range 2500 {
			want = append(want, fmt.Sprint(listserver.Odd(i+1), " ", 2499-age))
		}
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d versions, %v; want %d", len(got), err, len(want))
	}
}

// TestWriteOnce: only what the server answered is repeated by the store, if what
// got no answer must not be.
func TestWriteOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		once, answers bool
		want          int // requests
	}{
		"answered, once": {true, true, 3},
		"unheard, once":  {true, false, 1},
		"answered":       {false, true, 3},
		"unheard":        {false, false, 3},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.answers {
					refuse(w, http.StatusServiceUnavailable, "SlowDown")
					return
				}
				panic(http.ErrAbortHandler) // closes the connection
			})
			opts := f.options()
			opts.MaxAttempts = 3
			s := open(t, opts)
			_, err := s.Put(t.Context(), "a", storage.Block{Data: []byte("x")}, storage.WriteOptions{Size: 1, Once: tt.once})
			if n := len(f.seen()); !storage.Retryable(err) || n != tt.want {
				t.Errorf("Put: %v after %d requests, want %d", err, n, tt.want)
			}
			err = s.Delete(t.Context(), []storage.Object{{Key: "a"}}, storage.DeleteOptions{Once: tt.once})[0]
			if n := len(f.seen()) - tt.want; !storage.Retryable(err) || n != tt.want {
				t.Errorf("Delete: %v after %d requests, want %d", err, n, tt.want)
			}
		})
	}
}

func TestVersioningDenied(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusForbidden, "AccessDenied") })
	if _, err := open(t, f.options()).Versioning(t.Context()); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("Versioning: %v; want fs.ErrPermission", err)
	}
}
