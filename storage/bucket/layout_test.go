package bucket_test

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"s3sync/storage"
)

// wrongParts is what a server answers to HEAD requests for the parts of an object
// of 20 bytes. The last answer is that to all further ones.
type wrongParts struct {
	etag  string
	heads []wrongPart
	asked atomic.Int64
}

type wrongPart struct{ length, count, etag, status byte }

func (l *wrongParts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		object(w, r, content, l.etag)
		return
	}
	l.asked.Add(1)
	n, _ := strconv.Atoi(r.URL.Query().Get("partNumber"))
	if len(l.heads) == 0 || n < 1 {
		w.WriteHeader(http.StatusNotImplemented)
		return
	}
	p := l.heads[min(n, len(l.heads))-1]
	lengths := []string{"", "0", "1", "9223372036854775807", "9223372036854775806", "20", "21", "2"}
	length := strconv.Itoa(int(p.length) - len(lengths))
	if int(p.length) < len(lengths) {
		length = lengths[p.length]
	}
	if length != "" {
		w.Header().Set("Content-Length", length)
	}
	w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(int(p.count)-1))
	w.Header().Set("ETag", `"`+l.etag+`"`)
	if p.etag == 1 {
		w.Header().Set("ETag", `"other"`)
	}
	if status := []int{200, 206, 400, 404, 405, 412, 416, 501}; p.status > 0 && int(p.status) < len(status) {
		w.WriteHeader(status[p.status])
	}
}

// FuzzLayout: whatever a server tells of the parts of an object, what is
// concluded from it are sizes that make up the object and are as many as its ETag
// says, or nothing, or a failure that names the object. The requests are bounded.
func FuzzLayout(f *testing.F) {
	f.Add("-3", []byte{16, 0, 0, 0}, false)                                 // 8, 8, 4
	f.Add("-3", []byte{13, 3, 0, 0, 17, 3, 0, 0, 14, 3, 0, 0}, true)        // 5, 9, 6
	f.Add("-3", []byte{13, 3, 0, 0, 3, 3, 0, 0, 3, 3, 0, 0}, false)         // more than there can be
	f.Add("-2", []byte{13, 0, 0, 0, 2, 0, 0, 0}, true)                      // negative
	f.Add("-2", []byte{13, 0, 1, 0}, false)                                 // of another object
	f.Add("-3", []byte{13, 0, 0, 0, 13, 0, 0, 0, 13, 0, 0, 6}, true)        // the last one does not exist
	f.Add("-20", []byte{9, 0, 0, 0}, true)                                  // single bytes
	f.Add("-10000", []byte{9, 0, 0, 0}, true)                               // more parts than bytes
	f.Add("-0", []byte{}, false)                                            // no number
	f.Add("-99999999999999999999", []byte{}, true)                          // too large
	f.Add("-2", []byte{28, 0, 0, 2}, false)                                 // cannot be asked
	f.Add("", []byte{16, 0, 0, 0}, true)                                    // in no parts
	f.Add("-4", slices.Repeat([]byte{13, 5, 0, 0}, 4), true)                // 5, 5, 5, 5
	f.Add("-3", []byte{8, 0, 0, 0, 18, 0, 0, 0, 18, 0, 0, 0}, true)         // the first one is empty
	f.Add("-3", []byte{18, 0, 0, 0, 8, 0, 0, 0, 18, 0, 0, 0}, true)         // the second one is
	f.Add("-2", []byte{5, 0, 0, 0, 1, 0, 0, 0}, true)                       // the whole for the first
	f.Add("-3", []byte{12, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0}, true) // overflow
	f.Add("-2", []byte{18, 0, 0, 5, 18, 0, 0, 3}, true)                     // gone meanwhile
	var current atomic.Pointer[wrongParts]
	server := newRawFake(f, func(w http.ResponseWriter, r *http.Request) { current.Load().ServeHTTP(w, r) }, nil)
	s := open(f, server.options())
	f.Fuzz(func(t *testing.T, suffix string, answers []byte, exact bool) {
		if len(suffix) > 30 || strings.ContainsFunc(suffix, func(r rune) bool { return r < ' ' || r > '~' || r == '"' }) {
			t.Skip("cannot be in a header")
		}
		l := &wrongParts{etag: etag + suffix}
		for p := range slices.Chunk(answers, 4) {
			if len(p) == 4 {
				l.heads = append(l.heads, wrongPart{p[0], p[1], p[2], p[3]})
			}
		}
		current.Store(l)
		r, err := s.Open(t.Context(), "k", storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		sizes, err := r.Layout(t.Context(), query(exact))
		if err != nil {
			if e, ok := errors.AsType[*storage.Error](err); !ok || e.Key != "k" || sizes != nil {
				t.Errorf("%v, %v", sizes, err)
			}
		}
		if sizes != nil {
			var sum int64
			for _, n := range sizes {
				if sum += n; n < 0 || sum < 0 {
					t.Fatalf("sizes %v", sizes)
				}
			}
			want := 1
			if _, number, found := strings.Cut(suffix, "-"); found {
				want, err = strconv.Atoi(number)
			}
			if sum != int64(len(content)) || err != nil || want != len(sizes) {
				t.Errorf("%q is in parts of %v", l.etag, sizes)
			}
		}
		if got := l.asked.Load(); got > int64(len(content))+1 {
			t.Errorf("%d requests for an object of %d bytes", got, len(content))
		}
	})
}
