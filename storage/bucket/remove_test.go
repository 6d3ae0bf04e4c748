package bucket_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// keysIn are the keys of a DeleteObjects request.
func keysIn(t *testing.T, body string) []string {
	t.Helper()
	var request struct {
		Quiet  bool
		Object []struct{ Key, VersionId string }
	}
	if err := xml.Unmarshal([]byte(body), &request); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	var keys []string
	for _, o := range request.Object {
		keys = append(keys, o.Key+o.VersionId)
	}
	return keys
}

func objectsOf(keys ...string) []storage.Object {
	var objects []storage.Object
	for _, key := range keys {
		objects = append(objects, storage.Object{Key: key})
	}
	return objects
}

// deleted is an answer to DeleteObjects.
func deleted(keys ...string) string {
	return "<DeleteResult><Deleted><Key>" + strings.Join(keys, "</Key></Deleted><Deleted><Key>") + "</Key></Deleted></DeleteResult>"
}

func TestDelete(t *testing.T) {
	for name, tt := range map[string]struct {
		keys   []string
		answer string
		there  string  // the one object that a HEAD finds
		want   []error // kinds, of each key
		seen   []string
		batch  []string
	}{
		"none": {},
		"one":  {keys: []string{"a"}, want: []error{nil}, seen: []string{"DELETE"}},
		"some": {
			keys: []string{"a", "b"}, answer: deleted("p/b", "p/a"), want: []error{nil, nil},
			seen: []string{"POST delete"}, batch: []string{"p/a", "p/b"},
		},
		"nothing is told": {
			keys: []string{"a", "b"}, answer: "<DeleteResult/>", want: []error{nil, nil},
			seen: []string{"POST delete", "HEAD", "HEAD"}, batch: []string{"p/a", "p/b"},
		},
		"nothing is told and nothing done": {
			keys: []string{"a", "b"}, answer: "<DeleteResult/>", there: "/b/p/b", want: []error{nil, storage.ErrTransient},
			seen: []string{"POST delete", "HEAD", "HEAD"}, batch: []string{"p/a", "p/b"},
		},
		"one is not told": {
			keys: []string{"a", "b"}, answer: deleted("p/a"), there: "/b/p/b", want: []error{nil, storage.ErrTransient},
			seen: []string{"POST delete", "HEAD"}, batch: []string{"p/a", "p/b"},
		},
		"others are told": {
			keys: []string{"a", "b"}, answer: deleted("p/A", "p/b/"), there: "/b/p/b", want: []error{nil, storage.ErrTransient},
			seen: []string{"POST delete", "HEAD", "HEAD"}, batch: []string{"p/a", "p/b"},
		},
		"one fails": {
			keys:   []string{"a", "b<&>\r\n", "c"},
			answer: "<DeleteResult><Deleted><Key>p/a</Key></Deleted><Deleted><Key>p/c</Key></Deleted><Error><Key>p/b&lt;&amp;&gt;&#13;&#10;</Key><Code>AccessDenied</Code><Message>m</Message></Error></DeleteResult>",
			want:   []error{nil, fs.ErrPermission, nil},
			seen:   []string{"POST delete"}, batch: []string{"p/a", "p/b<&>\r\n", "p/c"},
		},
		"missing is deleted": {
			keys:   []string{"a", "b"},
			answer: "<DeleteResult><Deleted><Key>p/a</Key></Deleted><Error><Key>p/b</Key><Code>NoSuchKey</Code></Error></DeleteResult>",
			want:   []error{nil, nil}, seen: []string{"POST delete"}, batch: []string{"p/a", "p/b"},
		},
		"slow down": {
			keys:   []string{"a", "b"},
			answer: "<DeleteResult><Deleted><Key>p/b</Key></Deleted><Error><Key>p/a</Key><Code>SlowDown</Code></Error></DeleteResult>",
			want:   []error{storage.ErrThrottled, nil}, seen: []string{"POST delete"}, batch: []string{"p/a", "p/b"},
		},
		"error of another key": {
			keys:   []string{"a", "b"},
			answer: "<DeleteResult><Error><Key>p/A</Key><Code>InternalError</Code></Error></DeleteResult>",
			want:   []error{storage.ErrTransient, storage.ErrTransient}, seen: []string{"POST delete"}, batch: []string{"p/a", "p/b"},
		},
		"error instead": {
			keys: []string{"a", "b"}, answer: "<Error><Code>InternalError</Code></Error>",
			want: []error{storage.ErrTransient, storage.ErrTransient}, seen: []string{"POST delete"}, batch: []string{"p/a", "p/b"},
		},
		"keys that XML cannot hold": {
			keys: []string{"a\x01", "b", "c\ufffe", "d"}, answer: deleted("p/b", "p/d"), want: []error{nil, nil, nil, nil},
			seen: []string{"POST delete", "DELETE", "DELETE"}, batch: []string{"p/b", "p/d"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var batch []string
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodDelete:
					w.WriteHeader(204)
					return
				case r.Method == http.MethodHead && r.URL.Path == tt.there:
					object(w, r, content, etag)
					return
				case r.Method == http.MethodHead:
					w.WriteHeader(404)
					return
				}
				if r.Header.Get("Content-MD5") == "" {
					t.Error("DeleteObjects without Content-MD5")
				}
				batch = keysIn(t, bodyOf(r))
				_, _ = w.Write([]byte(tt.answer))
			})
			opts := f.options()
			opts.Prefix = "p/"
			errs := open(t, opts).Delete(t.Context(), objectsOf(tt.keys...), storage.DeleteOptions{})
			if len(errs) != len(tt.want) {
				t.Fatalf("%d errors, want %d", len(errs), len(tt.want))
			}
			for i, err := range errs {
				if tt.want[i] != nil {
					wantKind(t, err, tt.want[i])
				} else if err != nil {
					t.Errorf("key %q: %v", tt.keys[i], err)
				}
			}
			f.wantSeen(t, tt.seen...)
			if !slices.Equal(batch, tt.batch) {
				t.Errorf("batch %q, want %q", batch, tt.batch)
			}
		})
	}
}

// TestDeleteMany: no request has more keys than S3 takes.
func TestDeleteMany(t *testing.T) {
	var sizes []int
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		data := bodyOf(r)
		sizes = append(sizes, len(keysIn(t, data)))
		_, _ = w.Write(deletedAll(data))
	})
	var keys []string
	for i := range 2001 {
		keys = append(keys, fmt.Sprint("key", i))
	}
	for _, err := range open(t, f.options()).Delete(t.Context(), objectsOf(keys...), storage.DeleteOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(sizes, []int{1000, 1000, 1}) {
		t.Errorf("requests of %v keys", sizes)
	}
}

// TestDeleteNoVersion: an object that names a version loses no version.
func TestDeleteNoVersion(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			if r.URL.Query().Has("versionId") {
				t.Error("a version was named")
			}
			w.WriteHeader(204)
			return
		}
		body := bodyOf(r)
		if strings.Contains(body, "VersionId") {
			t.Errorf("a version was named: %s", body)
		}
		_, _ = w.Write(deletedAll(body))
	})
	s := open(t, f.options())
	o := storage.Object{Key: "k", VersionID: "v"}
	for _, err := range append(s.Delete(t.Context(), []storage.Object{o}, storage.DeleteOptions{}), s.Delete(t.Context(), []storage.Object{o, {Key: "l"}}, storage.DeleteOptions{})...) {
		if err != nil {
			t.Error(err)
		}
	}
}

// TestDeleteStopped: what was begun is answered, and nothing else begins.
func TestDeleteStopped(t *testing.T) {
	odd := objectsOf("not in XML \x01", "b", "c")
	for i := range odd {
		odd[i].ETag = etag
	}
	for name, tt := range map[string]struct {
		objects []storage.Object
		ifMatch bool
		most    int    // requests that may have begun
		at      string // method of the request during which it is stopped; empty is any
		none    bool   // nothing is removed
	}{
		"one by one, then a batch": {objects: odd, most: 1},
		"two batches":              {objects: objectsOf(slices.Collect(strings.SplitSeq(strings.Repeat("k/", 1000)+"k", "/"))...), most: 1},
		"with a condition":         {objects: slices.Repeat(odd, 50), ifMatch: true, most: 16, at: http.MethodDelete},
		"at a look":                {objects: slices.Repeat(odd, 50), ifMatch: true, most: 8, at: http.MethodHead, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			stop, once := make(chan struct{}), sync.Once{}
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.at == "" || r.Method == tt.at {
					once.Do(func() { close(stop) })
				}
				switch r.Method {
				case http.MethodHead:
					object(w, r, "data", etag)
				case http.MethodDelete:
					w.WriteHeader(204)
				default:
					_, _ = w.Write(deletedAll(bodyOf(r)))
				}
			})
			done := 0
			for _, err := range open(t, f.options()).Delete(t.Context(), tt.objects, storage.DeleteOptions{IfMatch: tt.ifMatch, Stop: stop}) {
				switch {
				case err == nil:
					done++
				case !errors.Is(err, storage.ErrNotBegun):
					t.Errorf("%v; want storage.ErrNotBegun", err)
				}
			}
			if n := len(f.all()); n > tt.most || (done == 0) != tt.none {
				t.Errorf("%d requests, %d objects deleted", n, done)
			}
		})
	}
}

// TestDeleteEndsAtALook: nothing is removed before the answer to the look at the object, so
// the deletion was not begun if that answer does not come.
func TestDeleteEndsAtALook(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := newFake(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	objects := objectsOf("a")
	objects[0].ETag = etag
	errs := open(t, f.options()).Delete(ctx, objects, storage.DeleteOptions{IfMatch: true, Stop: ctx.Done()})
	if !errors.Is(errs[0], storage.ErrNotBegun) || len(f.all()) != 1 {
		t.Errorf("%v after %d requests", errs[0], len(f.all()))
	}
}

func FuzzInXML(f *testing.F) {
	for _, text := range []string{"a", "\x00", "\t\n\r", "\x1f", "\xff", "\ufffd", "\ufffe", "\U0010ffff", "\u0085"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var escaped strings.Builder
		if err := xml.EscapeText(&escaped, []byte(text)); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Text string `xml:",chardata"`
		}
		err := xml.Unmarshal([]byte("<x>"+escaped.String()+"</x>"), &got)
		if want := err == nil && got.Text == text && utf8.ValidString(text); bucket.InXML(text) != want {
			t.Errorf("InXML(%q) = %v, but XML makes %q of it (%v)", text, !want, got.Text, err)
		}
	})
}
