package bucket_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"s3sync/storage"
)

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
