package bucket_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"s3sync/internal/directoryserver"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// openByPrefixes opens a directory bucket to be listed by its prefixes.
func openByPrefixes(t testing.TB, server *directoryserver.Server, change func(*bucket.Options)) *bucket.Store {
	t.Helper()
	o := directoryOptions(server, directoryBucket)
	o.FanOut = true
	if change != nil {
		change(&o)
	}
	return open(t, o)
}

// listKeys returns the keys of a listing in order.
func listKeys(t testing.TB, s storage.Store, r storage.Range) []string {
	t.Helper()
	keys, err := keysOf(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return keys
}

// However it is listed, a bucket holds the same objects.
func TestFanOutListsTheSame(t *testing.T) {
	name := rapid.StringMatching(`[ab]{0,2}`)
	path := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(name, 1, 5).Draw(t, "names"), "/") })
	rapid.Check(t, func(rt *rapid.T) {
		server := directoryserver.New(t, directoryBucket)
		all := open(t, directoryOptions(server, directoryBucket))
		for _, key := range rapid.SliceOfN(path, 0, 12).Draw(rt, "keys") {
			if key != "" {
				if err := put(t, all, key); err != nil {
					rt.Fatal(err)
				}
			}
		}
		for _, key := range rapid.SliceOfN(path, 0, 3).Draw(rt, "uploads") {
			if _, err := all.Create(t.Context(), "u"+key, storage.WriteOptions{Size: 1}); err != nil {
				rt.Fatal(err)
			}
		}
		o := directoryOptions(server, directoryBucket)
		o.Prefix, o.MaxKeys = path.Draw(rt, "prefix"), rapid.IntRange(1, 3).Draw(rt, "page")
		r := storage.Range{From: path.Draw(rt, "from"), To: path.Draw(rt, "to")}
		if rapid.Bool().Draw(rt, "prefixed") {
			r = storage.Prefixed(path.Draw(rt, "range"))
		}
		want := listKeys(t, all, storage.Range{})
		want = slices.DeleteFunc(want, func(key string) bool {
			rest, ok := strings.CutPrefix(key, o.Prefix)
			return !ok || !r.Contains(rest)
		})
		for i := range want {
			want[i] = strings.TrimPrefix(want[i], o.Prefix)
		}
		for _, o.FanOut = range []bool{false, true} {
			if got := listKeys(t, open(t, o), r); !slices.Equal(got, want) {
				rt.Errorf("%q of %q, parallel %v: got %q, want %q", r, o.Prefix, o.FanOut, got, want)
			}
		}
	})
}

// A listings notes what is asked for, and lets a test look at or answer the
// requests of listings before the server does.
type listings struct {
	*directoryserver.Server

	url    string
	before func(w http.ResponseWriter, q url.Values) (answered bool)

	running, most atomic.Int64

	mu    sync.Mutex
	asked []string // prefix and delimiter
}

func newListings(t *testing.T, keys ...string) *listings {
	t.Helper()
	l := &listings{Server: directoryserver.New(t, directoryBucket)}
	l.url = newRawFake(t, l.ServeHTTP, nil).URL
	s := open(t, directoryOptions(l.Server, directoryBucket))
	for _, key := range keys {
		if err := put(t, s, key); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

func (l *listings) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if q := r.URL.Query(); q.Has("list-type") {
		n := l.running.Add(1)
		defer l.running.Add(-1)
		for m := l.most.Load(); n > m && !l.most.CompareAndSwap(m, n); m = l.most.Load() {
		}
		l.mu.Lock()
		l.asked = append(l.asked, q.Get("prefix")+" "+q.Get("delimiter"))
		l.mu.Unlock()
		if l.before != nil && l.before(w, q) {
			return
		}
	}
	l.Server.ServeHTTP(w, r)
}

func (l *listings) open(t *testing.T, change func(*bucket.Options)) *bucket.Store {
	t.Helper()
	return openByPrefixes(t, l.Server, func(o *bucket.Options) {
		o.EndpointURL = l.url
		if change != nil {
			change(o)
		}
	})
}

// gridKeys returns keys of n prefixes, of n prefixes each.
func gridKeys(n int) (keys []string) {
	for i := range n {
		for j := range n {
			keys = append(keys, fmt.Sprintf("%02d/%02d/x/y/key", i, j))
		}
	}
	return keys
}

// Two levels are listed by prefix, what is deeper as it comes, and what lies
// outside of the prefix and the range not at all.
func TestFanOutRequests(t *testing.T) {
	keys := []string{"a", "d/", "d/a", "d/b/c", "d/b/e/f/g", "d2/a", "e/f/g", "e/f/h"}
	for name, tt := range map[string]struct {
		prefix string
		r      storage.Range
		want   []string
	}{
		"all":            {"", storage.Range{}, []string{" /", "d/ /", "d/b/ ", "d2/ /", "e/ /", "e/f/ "}},
		"prefix":         {"d/", storage.Range{}, []string{"d/ /", "d/b/ /", "d/b/e/ "}},
		"half a prefix":  {"d", storage.Range{}, []string{" /", "d/ /", "d/b/ ", "d2/ /"}},
		"range":          {"", storage.Range{From: "d/b", To: "d/c"}, []string{"d/ /", "d/b/ /", "d/b/e/ "}},
		"range at a key": {"", storage.Range{From: "d/b/d"}, []string{" /", "d/ /", "d/b/ ", "d2/ /", "e/ /", "e/f/ "}},
		"upper bound":    {"", storage.Range{To: "d2"}, []string{" /", "d/ /", "d/b/ "}},
		"range of one":   {"", storage.Prefixed("e/f/g"), []string{"e/f/ /"}},
		"nothing there":  {"x/y", storage.Range{}, []string{"x/ /"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newListings(t, keys...)
			got := listKeys(t, l.open(t, func(o *bucket.Options) { o.Prefix = tt.prefix }), tt.r)
			slices.Sort(l.asked)
			if !slices.Equal(l.asked, tt.want) {
				t.Errorf("asked for %q, want %q", l.asked, tt.want)
			}
			for _, key := range keys {
				rest, ok := strings.CutPrefix(key, tt.prefix)
				if want := ok && tt.r.Contains(rest); want != slices.Contains(got, rest) && ok {
					t.Errorf("%q is listed: %v", key, !want)
				}
			}
		})
	}
}

// Prefixes of uploads that are not complete cost requests and nothing else.
func TestFanOutWithUploads(t *testing.T) {
	l := newListings(t, "a/b/c")
	s := l.open(t, nil)
	w, err := s.Create(t.Context(), "up/load/file", storage.WriteOptions{Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got := listKeys(t, s, storage.Range{}); !slices.Equal(got, []string{"a/b/c"}) {
		t.Errorf("listed %q", got)
	}
	if want := []string{" /", "a/ /", "a/b/ ", "up/ /", "up/load/ "}; !slices.Equal(slices.Sorted(slices.Values(l.asked)), want) {
		t.Errorf("asked for %q, want %q", l.asked, want)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Error(err)
	}
}

// Sixteen requests are made at once, and no more: no answer comes before so many
// wait for one.
func TestFanOutAtOnce(t *testing.T) {
	const atOnce = 16
	keys := gridKeys(20)
	l := newListings(t, keys...)
	full := make(chan struct{})
	var once sync.Once
	l.before = func(_ http.ResponseWriter, q url.Values) bool {
		if q.Get("delimiter") != "" && strings.Count(q.Get("prefix"), "/") == 0 {
			return false // the first one
		}
		if l.running.Load() == atOnce {
			once.Do(func() { close(full) })
		}
		select {
		case <-full:
		case <-time.After(30 * time.Second):
		}
		return false
	}
	s := l.open(t, func(o *bucket.Options) { o.MaxKeys = 7; o.MaxConns = 100 })
	if got := listKeys(t, s, storage.Range{}); !slices.Equal(got, keys) {
		t.Errorf("listed %d keys, want %d", len(got), len(keys))
	}
	if n := l.most.Load(); n != atOnce {
		t.Errorf("%d requests at once, want %d", n, atOnce)
	}
}

// One failure ends the listing and everything that it has begun.
func TestFanOutFails(t *testing.T) {
	for name, failing := range map[string]string{"first": "", "level 1": "03/", "level 2": "04/05/"} {
		t.Run(name, func(t *testing.T) {
			l := newListings(t, gridKeys(7)...)
			l.before = func(w http.ResponseWriter, q url.Values) bool {
				if q.Get("prefix") != failing {
					return false
				}
				refuse(w, http.StatusForbidden, "AccessDenied")
				return true
			}
			_, err := keysOf(t.Context(), l.open(t, nil), storage.Range{})
			var e *storage.Error
			if !errors.As(err, &e) || e.Op != "list" || strings.Contains(err.Error(), "canceled") {
				t.Errorf("error %v", err)
			}
			noFanOut(t)
		})
	}
	t.Run("consumer stops", func(t *testing.T) {
		l := newListings(t, gridKeys(7)...)
		for _, err := range l.open(t, nil).List(t.Context(), storage.ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		noFanOut(t)
	})
	t.Run("cancelled", func(t *testing.T) {
		l := newListings(t, gridKeys(7)...)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var last error
		n := 0
		for _, err := range l.open(t, nil).List(ctx, storage.ListOptions{}) {
			if last = err; err == nil {
				n++
				cancel()
			}
		}
		if !errors.Is(last, context.Canceled) || n != 1 {
			t.Errorf("error %v after %d objects", last, n)
		}
		noFanOut(t)
	})
}

// noFanOut checks that nothing of a listing goes on, whether or not it has made
// its next request yet.
func noFanOut(t *testing.T) {
	t.Helper()
	stacks := make([]byte, 1<<22)
	if text := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(text, "fanOut") {
		t.Errorf("goroutines are left:\n%s", text)
	}
}

// A prefix that makes no sense is an error: following it would list something
// twice, or for ever.
func TestFanOutPrefixes(t *testing.T) {
	for name, prefix := range map[string]string{
		"none":            "",
		"not below":       "other/",
		"the same":        "d/",
		"no slash":        "d/a",
		"two levels":      "d/a/b/",
		"above":           "/",
		"flat listing's":  "d/x/y/",
		"not at its end ": "d/a/b",
	} {
		t.Run(name, func(t *testing.T) {
			l := newListings(t, "d/x/y/1")
			at := "d/"
			if strings.HasPrefix(name, "flat") {
				at = "d/x/"
			}
			l.before = func(w http.ResponseWriter, q url.Values) bool {
				if q.Get("prefix") != at {
					return false
				}
				_, _ = w.Write([]byte(listing(lastPage + "<CommonPrefixes><Prefix>" + prefix + "</Prefix></CommonPrefixes>")))
				return true
			}
			_, err := keysOf(t.Context(), l.open(t, func(o *bucket.Options) { o.Prefix = "d/" }), storage.Range{})
			if at != "d/" {
				_, err = keysOf(t.Context(), l.open(t, nil), storage.Range{})
			}
			wantKind(t, err, storage.ErrTransient)
		})
	}
}
