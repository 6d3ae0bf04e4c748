package bucket_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// listServer answers requests to a bucket that holds some keys.
func listServer(keys ...string) http.HandlerFunc {
	slices.Sort(keys)
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if !q.Has("list-type") {
			if key := strings.TrimPrefix(r.URL.Path, "/b/"); slices.Contains(keys, key) {
				object(w, r, "data", etag)
			} else {
				w.WriteHeader(http.StatusNotFound)
			}
			return
		}
		var n, left int
		if _, err := fmt.Sscan(q.Get("max-keys"), &left); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		inner := ""
		for _, key := range keys {
			if strings.HasPrefix(key, q.Get("prefix")) {
				if n++; n <= left {
					inner += entry(url.QueryEscape(key))
				}
			}
		}
		if n > left {
			inner += "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
		} else {
			inner += "<IsTruncated>false</IsTruncated>"
		}
		fmt.Fprint(w, listing("<EncodingType>url</EncodingType>"+inner))
	}
}

// What a prefix names is found out by one request.
func TestNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		keys           []string
		object, others bool
	}{
		"nothing":             {nil, false, false},
		"an object":           {[]string{"dir/photo.jpg"}, true, false},
		"objects":             {[]string{"dir/photo.jpg1", "dir/photo.jpg2", "dir/photo.jpg3"}, false, true},
		"an object and more":  {[]string{"dir/photo.jpg", "dir/photo.jpg.old", "dir/photo.jpg.older"}, true, true},
		"a directory and one": {[]string{"dir/photo.jpg", "dir/photo.jpg/x"}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, listServer(append(tt.keys, "dir/photo", "e")...))
			opts := f.options()
			opts.Prefix = "dir/photo.jpg"
			s, err := bucket.Open(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			object, others, err := s.Named(t.Context(), false)
			if err != nil || object != tt.object || others != tt.others {
				t.Errorf("object %t, others %t, %v", object, others, err)
			}
			f.wantSeen(t, "GET list-type")
			if n := f.all()[0].URL.Query().Get("max-keys"); n != "2" {
				t.Errorf("%s keys are asked for", n)
			}
		})
	}
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusForbidden, "AccessDenied") })
	s, err := bucket.Open(t.Context(), f.options())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Named(t.Context(), false); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("denied: %v", err)
	}
}

// A single object has the name that is given to it, and is alone.
func TestSingle(t *testing.T) {
	f := newFake(t, listServer("dir/photo.jpg", "dir/photo.jpg2", "dir/other", "other"))
	opts := f.options()
	opts.Prefix = "dir/photo.jpg"
	whole, err := bucket.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	s := whole.Single("other")
	keys, err := keysOf(t.Context(), s, storage.Range{})
	if err != nil || !slices.Equal(keys, []string{"other"}) {
		t.Errorf("listed %q, %v", keys, err)
	}
	f.wantSeen(t, "GET list-type")
	if keys, err := keysOf(t.Context(), s, storage.Range{From: "p"}); err != nil || keys != nil {
		t.Errorf("listed outside of the range %q, %v", keys, err)
	}
	info, err := s.Stat(t.Context(), "other", storage.StatOptions{})
	if err != nil || info.Key != "other" || info.ETag != etag {
		t.Errorf("%+v, %v", info, err)
	}
	r, err := s.Open(t.Context(), "other", storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := make([]byte, 4)
	if err := r.ReadAt(t.Context(), got, 0); err != nil || string(got) != "data" {
		t.Errorf("%q, %v", got, err)
	}
	f.wantSeen(t, "GET list-type", "HEAD", "GET")
	for _, key := range []string{"", "photo.jpg", "2", "dir/photo.jpg"} {
		if _, err := s.Stat(t.Context(), key, storage.StatOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Stat(%q): %v", key, err)
		}
		if _, err := s.Open(t.Context(), key, storage.OpenOptions{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q): %v", key, err)
		}
		if _, err := s.Tags(t.Context(), key, ""); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Tags(%q): %v", key, err)
		}
		if err := put(t, s, key); err == nil {
			t.Errorf("put %q", key)
		}
	}
	for _, key := range []string{"other", "2"} {
		if errs := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{}); !errors.Is(errs[0], errors.ErrUnsupported) {
			t.Errorf("Delete(%q): %v", key, errs[0])
		}
	}
	f.wantSeen(t, "GET list-type", "HEAD", "GET")
	if err := put(t, s, "other"); err != nil {
		t.Fatal(err)
	}
	if last, _ := f.last(t); last.URL.Path != "/b/dir/photo.jpg" {
		t.Errorf("put to %s", last.URL.Path)
	}
	empty := newFake(t, listServer("dir/photo.jpg2"))
	opts.EndpointURL = empty.URL
	if whole, err = bucket.Open(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	if keys, err := keysOf(t.Context(), whole.Single("x"), storage.Range{}); err != nil || keys != nil {
		t.Errorf("listed %q, %v, where there is nothing", keys, err)
	}
}
