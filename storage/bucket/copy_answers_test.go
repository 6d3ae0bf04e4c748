package bucket_test

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

func encoded(digest []byte) string { return base64.StdEncoding.EncodeToString(digest) }

// TestCopyAnswers: what becomes of each answer. A success may hold an error.
func TestCopyAnswers(t *testing.T) {
	failed := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { refuse(w, status, code) }
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		opts   storage.WriteOptions
		gone   bool // the source is another one by then
		want   error
	}{
		"slow down within success":  {answer: failed(200, "SlowDown"), want: storage.ErrThrottled},
		"error within success":      {answer: failed(200, "InternalError"), want: storage.ErrTransient},
		"unknown within success":    {answer: failed(200, "Whatever"), want: storage.ErrTransient},
		"archived within success":   {answer: failed(200, "InvalidObjectState"), want: storage.ErrArchived},
		"empty success":             {answer: answer(200, ""), want: storage.ErrTransient},
		"success without an ETag":   {answer: answer(200, "<CopyObjectResult></CopyObjectResult>"), want: storage.ErrTransient},
		"half a success":            {answer: answer(200, copied[:60]), want: storage.ErrTransient},
		"archived":                  {answer: failed(403, "InvalidObjectState"), want: storage.ErrArchived},
		"forbidden":                 {answer: failed(403, "AccessDenied"), want: fs.ErrPermission},
		"no bucket":                 {answer: failed(404, "NoSuchBucket"), want: storage.ErrNoBucket},
		"the source changed":        {answer: failed(412, "PreconditionFailed"), want: storage.ErrChanged},
		"the source is gone":        {answer: failed(404, "NoSuchKey"), want: storage.ErrChanged},
		"the user wants to know":    {answer: failed(412, "PreconditionFailed"), opts: storage.WriteOptions{CopyIfMatch: etag}, want: storage.ErrPrecondition},
		"other than it was":         {answer: answer(200, copied), opts: storage.WriteOptions{CopyIfMatch: "x"}, want: storage.ErrPrecondition},
		"source or target: target":  {answer: failed(412, "PreconditionFailed"), opts: storage.WriteOptions{IfMatch: etag}, want: storage.ErrPrecondition},
		"source or target: source":  {answer: failed(412, "PreconditionFailed"), opts: storage.WriteOptions{IfMatch: etag}, gone: true, want: storage.ErrChanged},
		"a range that is not there": {answer: failed(400, "InvalidArgument"), gone: true, want: storage.ErrChanged},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					tag := etag
					if tt.gone && asked && r.URL.Path == "/b/k" {
						tag = strings.Repeat("f", 32)
					}
					object(w, r, content, tag)
					return
				}
				asked = true
				tt.answer(w, r)
			})
			s := open(t, f.options())
			tt.opts.Size = int64(len(content))
			_, err := s.Copy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{}), tt.opts)
			if failure, ok := errors.AsType[*storage.Error](err); !errors.Is(err, tt.want) || !ok || failure.Op != "copy" || failure.Key != "t" {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// TestCopyIsTriedAgain: also after an error within success.
func TestCopyIsTriedAgain(t *testing.T) {
	n := 0
	f := newFake(t, copyServer(func(w http.ResponseWriter, r *http.Request) {
		if n++; n < 3 {
			refuse(w, 200, "InternalError")
			return
		}
		_, _ = w.Write([]byte(copied))
	}))
	opts := f.options()
	opts.MaxAttempts = 3
	s := open(t, opts)
	info, err := s.Copy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{}), storage.WriteOptions{Size: int64(len(content))})
	if err != nil || info.ETag != etag || n != 3 {
		t.Errorf("%+v, %v after %d attempts", info, err, n)
	}
}

// TestCopyNamesTheVersion: where it is known, and without it where naming versions
// is not allowed and nobody asked for one.
func TestCopyNamesTheVersion(t *testing.T) {
	for name, tt := range map[string]struct {
		asked, told string
		forbidden   bool
		want        []string // what is named in each request
		fails       bool
	}{
		"none":                {"", "", false, []string{""}, false},
		"told":                {"", "v1", false, []string{"?versionId=v1"}, false},
		"asked for":           {"v1", "v1", false, []string{"?versionId=v1"}, false},
		"told, not allowed":   {"", "v1", true, []string{"?versionId=v1", ""}, false},
		"asked, not allowed":  {"v1", "v1", true, []string{"?versionId=v1"}, true},
		"what is to be coded": {"", "a/b", false, []string{"?versionId=a%2Fb"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var named []string
			f := newFake(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodHead {
					if tt.told != "" {
						w.Header().Set("X-Amz-Version-Id", tt.told)
					}
					object(w, r, content, etag)
					return
				}
				version := strings.TrimPrefix(r.Header.Get("X-Amz-Copy-Source"), "b/k")
				named = append(named, version)
				if tt.forbidden && version != "" {
					refuse(w, 403, "AccessDenied")
					return
				}
				_, _ = w.Write([]byte(copied))
			})
			s := open(t, f.options())
			_, err := s.Copy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{VersionID: tt.asked}), storage.WriteOptions{Size: int64(len(content))})
			if (err != nil) != tt.fails || !slices.Equal(named, tt.want) {
				t.Errorf("%v, versions %q, want %q", err, named, tt.want)
			}
		})
	}
}

// TestCopyTakesItsTime: a server may answer at once and copy then. That nothing
// comes meanwhile is no stall.
func TestCopyTakesItsTime(t *testing.T) {
	const stall = 30 * time.Millisecond
	work := 5 * stall
	f := newFake(t, copyServer(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		select {
		case <-time.After(work):
		case <-r.Context().Done():
		}
		_, _ = w.Write([]byte(copied))
	}))
	opts := f.options()
	opts.StallTimeout = stall
	s := open(t, opts)
	_, err := s.Copy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{}), storage.WriteOptions{Size: int64(len(content))})
	if err != nil {
		t.Error(err)
	}
	opts.ReadTimeout, work = stall, time.Hour
	s = open(t, opts)
	_, err = s.Copy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{}), storage.WriteOptions{Size: int64(len(content))})
	if !errors.Is(err, storage.ErrTransient) {
		t.Errorf("%v, although the user does not want to wait", err)
	}
}

// TestCopyChecksums: those that the server computes of the parts go into the object.
// Neither of the real servers does all of that.
func TestCopyChecksums(t *testing.T) {
	halves := []string{content[:10], content[10:]}
	for _, typ := range []checksum.Type{checksum.FullObject, checksum.Composite} {
		t.Run(string(typ), func(t *testing.T) {
			n := 0
			f := newFake(t, copyServer(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					_, _ = w.Write([]byte(completed(etag + "-2")))
					return
				}
				d := checksum.Digest(checksum.CRC32, []byte(halves[n]))
				n++
				_, _ = w.Write([]byte("<CopyPartResult><ETag>&quot;" + etag + "&quot;</ETag><ChecksumCRC32>" + encoded(d) + "</ChecksumCRC32></CopyPartResult>"))
			}))
			s := open(t, f.options())
			opts := storage.WriteOptions{Size: int64(len(content)), Checksum: storage.Checksum{Algorithm: "CRC32", Type: typ}}
			w, err := s.CreateCopy(t.Context(), "t", openToCopy(t, s, storage.StatOptions{}), opts)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 {
				if err := w.CopyPart(t.Context(), i+1, int64(i*10), 10); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			want := ""
			if typ == checksum.FullObject {
				want = encoded(checksum.Digest(checksum.CRC32, []byte(content)))
			}
			all, bodies := f.all(), f.bodies
			for i, r := range all {
				if r.Method != http.MethodPost || !r.URL.Query().Has("uploadId") {
					continue
				}
				if got := r.Header.Get("X-Amz-Checksum-Crc32"); got != want {
					t.Errorf("checksum of the object %q, want %q", got, want)
				}
				for _, half := range halves {
					if !strings.Contains(bodies[i], encoded(checksum.Digest(checksum.CRC32, []byte(half)))) {
						t.Errorf("the checksum of %q is not in %s", half, bodies[i])
					}
				}
			}
		})
	}
}
