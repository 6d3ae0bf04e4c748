package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/listserver"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// entry is one object of a listing.
func entry(key string) string {
	return "<Contents><Key>" + key + "</Key><LastModified>2020-01-02T03:04:05.000Z</LastModified>" +
		"<ETag>&quot;" + etag + "&quot;</ETag><Size>7</Size></Contents>"
}

// listing is an answer to ListObjectsV2.
func listing(inner string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">` +
		`<Name>b</Name><EncodingType>url</EncodingType>` + inner + `</ListBucketResult>`
}

const (
	lastPage = "<IsTruncated>false</IsTruncated>"
	onePage  = "<IsTruncated>true</IsTruncated><NextContinuationToken>next</NextContinuationToken>"
)

// keysOf collects the keys of a listing until it ends or fails.
func keysOf(ctx context.Context, s storage.Store, r storage.Range) (keys []string, err error) {
	for o, err := range s.List(ctx, storage.ListOptions{Range: r}) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

// TestListFaults: whatever a server does, a listing that is not whole is an
// error, and nothing of it is dropped in silence.
func TestListFaults(t *testing.T) {
	tests := map[string]struct {
		prefix string
		pages  []string // the last one is repeated
		keys   []string
		want   error // kind; nil where there is none
		text   string
	}{
		"empty body":       {pages: []string{""}, want: storage.ErrTransient, text: "it is empty instead of <ListBucketResult>"},
		"text":             {pages: []string{"hello"}, want: storage.ErrTransient},
		"page of a portal": {pages: []string{"<html><body>Log in</body></html>"}, want: storage.ErrTransient, text: "it holds <html> instead of <ListBucketResult>"},
		"error with status 200": {
			pages: []string{"<Error><Code>InternalError</Code><Message>m</Message></Error>"}, want: storage.ErrTransient,
		},
		"cut off": {
			pages: []string{strings.TrimSuffix(listing(lastPage+entry("a")), "</ListBucketResult>")},
			want:  storage.ErrTransient, text: "cannot be understood",
		},
		"cut off early": {pages: []string{listing(lastPage + entry("a"))[:250]}, want: storage.ErrTransient},
		"endless ETag":  {pages: []string{listing("<IsTruncated>false</IsTruncated>" + strings.Replace(entry("a"), "</Size>", "</Size><ETag>"+strings.Repeat("f", 100<<10)+"</ETag>", 1))}, want: storage.ErrTransient, text: "has 102400 bytes"},
		"no truncated":  {pages: []string{listing(entry("a"))}, want: storage.ErrTransient, text: "it is no listing"},
		"no token": {
			pages: []string{listing("<IsTruncated>true</IsTruncated>" + entry("a"))},
			want:  storage.ErrTransient, text: "no continuation",
		},
		"repeated token": {
			pages: []string{listing(onePage + entry("a")), listing(onePage)},
			keys:  []string{"a"}, want: storage.ErrTransient, text: "the page itself",
		},
		"second page is garbage": {
			pages: []string{listing(onePage + entry("a")), "x"},
			keys:  []string{"a"}, want: storage.ErrTransient,
		},
		"second page is empty": {
			pages: []string{listing(onePage + entry("a")), ""},
			keys:  []string{"a"}, want: storage.ErrTransient,
		},
		"not in order": {
			pages: []string{listing(lastPage + entry("a") + entry("c") + entry("b"))},
			text:  `key "b" after "c"`,
		},
		"not in order over pages": {
			pages: []string{listing(onePage + entry("b")), listing(lastPage + entry("a"))},
			keys:  []string{"b"}, text: `key "a" after "b"`,
		},
		"twice": {
			pages: []string{listing(lastPage + entry("a") + entry("a"))},
			text:  `key "a" after "a"`,
		},
		"another prefix": {
			prefix: "p/", pages: []string{listing(lastPage + entry("p/a") + entry("q"))},
			want: storage.ErrTransient, text: `key "q" does not begin with "p/"`,
		},
		"no key":  {pages: []string{listing(lastPage + entry(""))}, want: storage.ErrTransient, text: "not complete"},
		"no size": {pages: []string{listing(lastPage + strings.Replace(entry("a"), "<Size>7</Size>", "", 1))}, want: storage.ErrTransient},
		"negative size": {
			pages: []string{listing(lastPage + strings.Replace(entry("a"), ">7<", ">-7<", 1))}, want: storage.ErrTransient,
		},
		"no time": {
			pages: []string{listing(lastPage + strings.Replace(entry("a"), "LastModified", "X", 2))}, want: storage.ErrTransient,
		},
		"wrong encoding": {pages: []string{listing(lastPage + entry("%zz"))}, want: storage.ErrTransient, text: "URL-encoded"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			n := 0
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(tt.pages[min(n, len(tt.pages)-1)]))
				n++
			})
			opts := f.options()
			opts.Prefix = tt.prefix
			keys, err := keysOf(t.Context(), open(t, opts), storage.Range{})
			wantKind(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q does not hold %q", err, tt.text)
			}
			if !slices.Equal(keys, tt.keys) {
				t.Errorf("keys before the error: %q, want %q", keys, tt.keys)
			}
		})
	}
}

// TestListFailsOnPage: a page that fails for good fails the listing, one that
// fails once does not.
func TestListFailsOnPage(t *testing.T) {
	for name, tt := range map[string]struct {
		failures, attempts int
		want               error
	}{
		"once":     {1, 2, nil},
		"for good": {99, 2, storage.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			failures := tt.failures
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case !r.URL.Query().Has("continuation-token"):
					_, _ = w.Write([]byte(listing(onePage + entry("a"))))
				case failures > 0:
					failures--
					refuse(w, 500, "InternalError")
				default:
					_, _ = w.Write([]byte(listing(lastPage + entry("b"))))
				}
			})
			opts := f.options()
			opts.MaxAttempts = tt.attempts
			keys, err := keysOf(t.Context(), open(t, opts), storage.Range{})
			if tt.want == nil {
				if err != nil || !slices.Equal(keys, []string{"a", "b"}) {
					t.Errorf("got %q, %v", keys, err)
				}
				return
			}
			wantKind(t, err, tt.want)
		})
	}
}

func TestListDecodes(t *testing.T) {
	for name, tt := range map[string]struct{ encoding, key, want string }{
		"blank as plus":      {"url", "a+b", "a b"},
		"blank as code":      {"url", "a%20b", "a b"},
		"plus":               {"url", "a%2Bb", "a+b"},
		"percent":            {"url", "a%2541", "a%41"},
		"control character":  {"url", "a%01b", "a\x01b"},
		"not encoded":        {"", "a+b%41", "a+b%41"},
		"not encoded, XML":   {"", "a&lt;&amp;&#13;b", "a<&\rb"},
		"unicode":            {"url", "%E6%97%A5", "日"},
		"unicode as it is":   {"url", "日", "日"},
		"slash":              {"url", "a%2Fb/c", "a/b/c"},
		"blanks at the ends": {"", " a ", " a "},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				text := listing(lastPage + entry(tt.key))
				_, _ = w.Write([]byte(strings.Replace(text, "<EncodingType>url</EncodingType>", "<EncodingType>"+tt.encoding+"</EncodingType>", 1)))
			})
			keys, err := keysOf(t.Context(), open(t, f.options()), storage.Range{})
			if err != nil || !slices.Equal(keys, []string{tt.want}) {
				t.Errorf("got %q, %v; want %q", keys, err, tt.want)
			}
		})
	}
}

func TestListObjects(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(listing(lastPage + entry("p/") + entry("p/a"))))
	})
	opts := f.options()
	opts.Prefix, opts.MaxKeys, opts.RequestPayer = "p/", 77, true
	var got []string
	for o, err := range open(t, opts).List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%q %d %s %s", o.Key, o.Size, o.ETag, o.ModTime.UTC().Format("2006-01-02T15:04:05Z")))
	}
	want := []string{`"" 7 ` + etag + ` 2020-01-02T03:04:05Z`, `"a" 7 ` + etag + ` 2020-01-02T03:04:05Z`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	r, _ := f.last(t)
	q := r.URL.Query()
	for name, want := range map[string]string{"list-type": "2", "prefix": "p/", "max-keys": "77", "encoding-type": "url"} {
		if q.Get(name) != want {
			t.Errorf("%s=%q, want %q", name, q.Get(name), want)
		}
	}
	if r.Header.Get("X-Amz-Request-Payer") != "requester" {
		t.Error("the requester does not pay")
	}
}

// TestListBounds: pages are fetched ahead, but not without bound, and not after
// the consumer stopped or the range ended.
func TestListBounds(t *testing.T) {
	flat := func(t *testing.T) (*listserver.Server, *bucket.Store) {
		t.Helper()
		server := listserver.New(t, map[string]listserver.Bucket{"b": {Objects: 100_000}})
		return server, open(t, bucket.Options{
			Bucket: "b", AccessKey: "a", SecretKey: "s", Region: "r", EndpointURL: server.URL, PathStyle: true, MaxAttempts: 1, MaxKeys: 10,
		})
	}
	t.Run("break", func(t *testing.T) {
		server, s := flat(t)
		n := 0
		for _, err := range s.List(t.Context(), storage.ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 15 {
				break
			}
		}
		if got := server.List.Load(); got > 5 {
			t.Errorf("%d requests for a page and a half", got)
		}
	})
	t.Run("range", func(t *testing.T) {
		server, s := flat(t)
		keys, err := keysOf(t.Context(), s, storage.Range{From: listserver.Flat(99), To: listserver.Flat(120)})
		if err != nil || len(keys) != 21 || keys[0] != listserver.Flat(99) || keys[20] != listserver.Flat(119) {
			t.Errorf("got %q, %v", keys, err)
		}
		if got := server.List.Load(); got != 3 {
			t.Errorf("%d requests for a range of 21 keys by 10, want 3", got)
		}
	})
}

func TestListCancelled(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("continuation-token") {
			<-r.Context().Done()
			return
		}
		_, _ = w.Write([]byte(listing(onePage + entry("a"))))
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var keys []string
	var err error
	for o, lerr := range open(t, f.options()).List(ctx, storage.ListOptions{}) {
		if err = lerr; err == nil {
			keys = append(keys, o.Key)
			cancel()
		}
	}
	if !errors.Is(err, context.Canceled) || len(keys) != 1 {
		t.Errorf("got %q, %v; want one key and context.Canceled", keys, err)
	}
}

// TestListDirectoryBucket: no order is promised there and no start-after taken.
func TestListDirectoryBucket(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if _, create := r.URL.Query()["session"]; create {
			_, _ = w.Write([]byte(`<CreateSessionResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>S</SecretAccessKey>` +
				`<SessionToken>T</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`))
			return
		}
		_, _ = w.Write([]byte(listing(lastPage + entry("c") + entry("a") + entry("b") + entry("d"))))
	})
	opts := f.options()
	opts.Bucket = "b--use1-az4--x-s3"
	s := open(t, opts)
	if caps := s.Caps(); caps.Ordered || caps.WantMD5 {
		t.Errorf("caps %+v", caps)
	}
	keys, err := keysOf(t.Context(), s, storage.Range{From: "b", To: "d"})
	if err != nil || !slices.Equal(keys, []string{"c", "b"}) {
		t.Errorf("got %q, %v", keys, err)
	}
	r, _ := f.last(t)
	if q := r.URL.Query(); q.Has("start-after") || q.Has("encoding-type") {
		t.Errorf("query %v", q)
	}
}

// TestListStartAfter: the parameter reaches the server as it is meant.
func TestListStartAfter(t *testing.T) {
	var query url.Values
	f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		query = r.URL.Query()
		_, _ = w.Write([]byte(listing(lastPage + entry("p/a+z") + entry("p/b") + entry("p/c"))))
	})
	opts := f.options()
	opts.Prefix = "p/"
	keys, err := keysOf(t.Context(), open(t, opts), storage.Range{From: "b", To: "c"})
	if err != nil || !slices.Equal(keys, []string{"b"}) {
		t.Errorf("got %q, %v", keys, err)
	}
	if got := query.Get("start-after"); got != "p/a\U0010FFFF" {
		t.Errorf("start-after %q", got)
	}
}
