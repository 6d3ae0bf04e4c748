package storagetest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"testing"
	"time"

	"s3sync/storage"
)

// resumer returns the store as one whose writers can be resumed, or skips the test.
func (s *suite) resumer(t *testing.T) storage.Resumer {
	t.Helper()
	r, ok := storage.As[storage.Resumer](s.Store)
	if !ok {
		t.Skip("the store does not resume")
	}
	return r
}

// unfinished returns a Writer as one that can be left.
func unfinished(t *testing.T, w any) storage.Unfinished {
	t.Helper()
	u, ok := w.(storage.Unfinished)
	if !ok {
		t.Fatalf("the Writer %T of a Resumer is no Unfinished", w)
	}
	if u.Token() == "" {
		t.Fatal("the Writer has no token")
	}
	return u
}

// leaveParts writes some parts under a key and leaves the writer.
func (s *suite) leaveParts(t *testing.T, key string, opts storage.WriteOptions, parts [][]byte, numbers ...int) (token string) {
	t.Helper()
	w := s.create(t, key, opts)
	u := unfinished(t, w)
	s.writeParts(t, w, parts, numbers...)
	token = u.Token()
	for n := range parts {
		if p, ok := u.Part(n + 1); ok != slices.Contains(numbers, n+1) || ok && (p.Number != n+1 || p.Size != int64(len(parts[n]))) {
			t.Errorf("Part(%d) = %+v, %v", n+1, p, ok)
		}
	}
	if err := u.Leave(t.Context()); err != nil {
		t.Fatalf("Leave: %v", err)
	}
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("Abort after Leave: %v", err)
	}
	return token
}

func (s *suite) writeParts(t *testing.T, w storage.Writer, parts [][]byte, numbers ...int) {
	t.Helper()
	for _, n := range numbers {
		if err := w.WritePart(t.Context(), n, int64(n-1)*int64(len(parts[0])), s.block(parts[n-1])); err != nil {
			t.Fatalf("WritePart(%d): %v", n, err)
		}
	}
}

// resume resumes what was left, and adopts some parts as its caller does: after a look
// at what the store says of them.
func (s *suite) resume(t *testing.T, l storage.Leftover, opts storage.WriteOptions, parts [][]byte, held, adopted []int) storage.Writer {
	t.Helper()
	w, listed, err := s.resumer(t).Resume(t.Context(), l.Key, l.Token, opts)
	if err != nil {
		t.Fatalf("Resume: %v", err)
	}
	u := unfinished(t, w)
	if s.Caps().Files {
		if len(listed) != 0 {
			t.Errorf("Resume lists %v of a file", listed)
		}
		for _, n := range held {
			listed = append(listed, storage.WrittenPart{Number: n, Size: int64(len(parts[n-1]))})
		}
	}
	s.wantHeld(t, w, listed, parts, held)
	for _, p := range listed {
		if !slices.Contains(adopted, p.Number) {
			continue
		}
		if err := u.Adopt(p, int64(p.Number-1)*int64(len(parts[0]))); err != nil {
			t.Fatalf("Adopt(%+v): %v", p, err)
		}
		if got, ok := u.Part(p.Number); !ok || got.Size != p.Size || got.ETag != p.ETag {
			t.Errorf("Part(%d) = %+v, %v; want %+v", p.Number, got, ok, p)
		}
	}
	return w
}

// wantHeld fails the test unless the store holds those parts.
func (s *suite) wantHeld(t *testing.T, w storage.Writer, listed []storage.WrittenPart, parts [][]byte, held []int) {
	t.Helper()
	var numbers []int
	for _, p := range listed {
		numbers = append(numbers, p.Number)
		if want := int64(len(parts[p.Number-1])); p.Size != want {
			t.Errorf("part %d has %d bytes, want %d", p.Number, p.Size, want)
		}
		if r, ok := w.(io.ReaderAt); ok {
			data := make([]byte, p.Size)
			if n, err := r.ReadAt(data, int64(p.Number-1)*int64(len(parts[0]))); n < len(data) || !bytes.Equal(data, parts[p.Number-1]) {
				t.Errorf("reading part %d: %d bytes, %v; they are not those that were written", p.Number, n, err)
			}
		}
		if s.opts.MD5ETags {
			s.wantETag(t, storage.Info{Object: storage.Object{Key: "part", ETag: p.ETag}}, parts[p.Number-1])
		}
	}
	if !slices.Equal(numbers, held) {
		t.Errorf("the store holds parts %v, want %v", numbers, held)
	}
}

// wantLeft fails the test unless so much was begun and not ended.
func (s *suite) wantLeft(t *testing.T, want int) {
	t.Helper()
	var left []storage.Leftover
	for l, err := range s.resumer(t).Leftovers(t.Context()) {
		if err != nil {
			t.Fatalf("Leftovers: %v", err)
		}
		left = append(left, l)
	}
	if len(left) != want {
		t.Errorf("%d leftovers, want %d: %+v", len(left), want, left)
	}
}

func testResume(s *suite) {
	t := s.t
	s.resumer(t)
	for name, adopted := range map[string][]int{"all": {1, 3}, "one": {3}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			data, parts := s.cut(40)
			opts := storage.WriteOptions{Size: int64(len(data)), Attributes: storage.Attributes{ContentType: "text/x-test"}}
			key := "dir/" + name
			token := s.leaveParts(t, key, opts, parts, 3, 1)
			s.wantMissing(t, key)
			s.wantLeft(t, 1)
			if r := s.resumer(t); !s.Caps().Files {
				r.Expect(key, token)
			}
			// It is left once more, with a part more.
			w := s.resume(t, storage.Leftover{Key: key, Token: token}, opts, parts, []int{1, 3}, adopted)
			if err := unfinished(t, w).Leave(t.Context()); err != nil {
				t.Fatalf("Leave: %v", err)
			}
			w = s.resume(t, storage.Leftover{Key: key, Token: token}, opts, parts, []int{1, 3}, adopted)
			if got := unfinished(t, w).Token(); got != token {
				t.Errorf("the token was %s and is %s", token, got)
			}
			for n := 1; n <= len(parts); n++ {
				if !slices.Contains(adopted, n) {
					s.writeParts(t, w, parts, n)
				}
			}
			info, err := w.Commit(t.Context())
			if err != nil {
				t.Fatalf("Commit: %v", err)
			}
			s.wantContent(t, key, data)
			s.wantETag(t, info, parts...)
			s.wantLeft(t, 0)
			s.wantGone(t, key, token, opts)
		})
	}
}

// wantGone fails the test if something can be resumed.
func (s *suite) wantGone(t *testing.T, key, token string, opts storage.WriteOptions) {
	t.Helper()
	if _, _, err := s.resumer(t).Resume(t.Context(), key, token, opts); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Resume(%q, %s): %v; want fs.ErrNotExist", key, token, err)
	}
	if err := s.resumer(t).Discard(t.Context(), key, token); err != nil {
		t.Errorf("Discard of what is gone: %v", err)
	}
}

func testDiscard(s *suite) {
	t := s.t
	r := s.resumer(t)
	data, parts := s.cut(41)
	opts := storage.WriteOptions{Size: int64(len(data))}
	one, other := s.leaveParts(t, "object", opts, parts, 1), s.leaveParts(t, "object", opts, parts, 1, 2)
	if one == other {
		t.Fatalf("two writers have the token %s", one)
	}
	s.wantLeft(t, 2)
	for range 2 {
		if err := r.Discard(t.Context(), "object", one); err != nil {
			t.Errorf("Discard: %v", err)
		}
	}
	s.wantLeft(t, 1)
	s.wantGone(t, "object", one, opts)
	for _, token := range []string{"", "nonsense", "{}"} {
		s.wantGone(t, "object", token, opts)
	}
	for l, err := range r.Leftovers(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Discard(t.Context(), l.Key, l.Token); err != nil {
			t.Errorf("Discard of a leftover: %v", err)
		}
	}
	s.wantLeft(t, 0)
	s.wantGone(t, "object", other, opts)
	s.wantMissing(t, "object")
}

// testDiscardEmpty: what has no bytes goes, if it was begun at about that time.
func testDiscardEmpty(s *suite) {
	t := s.t
	r := s.resumer(t)
	if s.Caps().Files {
		t.Skip("files have their own rules")
	}
	data, parts := s.cut(44)
	opts := storage.WriteOptions{Size: int64(len(data))}
	for range 2 {
		s.leaveParts(t, "object", opts, parts)
	}
	written := s.leaveParts(t, "object", opts, parts, 2)
	other := s.leaveParts(t, "object 2", opts, parts)
	discard := func(at time.Time, want int) {
		t.Helper()
		for range 2 {
			if err := r.DiscardEmpty(t.Context(), "object", at); err != nil {
				t.Errorf("DiscardEmpty: %v", err)
			}
			s.wantLeft(t, want)
		}
	}
	discard(time.Now().Add(-2*time.Hour), 4)
	discard(time.Now().Add(2*time.Hour), 4)
	discard(time.Now(), 2)
	if err := errors.Join(r.Discard(t.Context(), "object", written), r.Discard(t.Context(), "object 2", other)); err != nil {
		t.Errorf("what has bytes, or another key: %v", err)
	}
	s.wantLeft(t, 0)
}

// testResumeAborted: what was aborted is gone, and an aborted Writer that resumed removes
// all that there was.
func testResumeAborted(s *suite) {
	t := s.t
	s.resumer(t)
	data, parts := s.cut(42)
	opts := storage.WriteOptions{Size: int64(len(data))}
	token := s.leaveParts(t, "object", opts, parts, 1, 2)
	w := s.resume(t, storage.Leftover{Key: "object", Token: token}, opts, parts, []int{1, 2}, []int{1})
	if err := w.Abort(t.Context()); err != nil {
		t.Errorf("Abort: %v", err)
	}
	s.wantLeft(t, 0)
	s.wantGone(t, "object", token, opts)
}

func testResumeCopy(s *suite) {
	t := s.t
	c, ok := storage.As[storage.CopyResumer](s.Store)
	if !ok {
		t.Skip("the store does not resume copies")
	}
	data, parts := s.cut(43)
	s.put(t, "from", data)
	from, opts := s.copySource(t, "from"), storage.WriteOptions{Size: int64(len(data))}
	step := int64(len(parts[0]))
	w, err := c.CreateCopy(t.Context(), "to", from, opts)
	if err != nil {
		t.Fatalf("CreateCopy: %v", err)
	}
	if err := w.CopyPart(t.Context(), 2, step, step); err != nil {
		t.Fatalf("CopyPart: %v", err)
	}
	u := unfinished(t, w)
	acknowledged, _ := u.Part(2)
	if err := u.Leave(t.Context()); err != nil {
		t.Fatalf("Leave: %v", err)
	}
	w, listed, err := c.ResumeCopy(t.Context(), "to", u.Token(), from, opts)
	if err != nil {
		t.Fatalf("ResumeCopy: %v", err)
	}
	if len(listed) != 1 || listed[0].Number != 2 || listed[0].Size != step || listed[0].ETag != acknowledged.ETag {
		t.Fatalf("the parts are %+v; want %+v", listed, acknowledged)
	}
	if err := unfinished(t, w).Adopt(listed[0], step); err != nil {
		t.Fatalf("Adopt: %v", err)
	}
	for _, n := range []int{1, 3} {
		if err := w.CopyPart(t.Context(), n, int64(n-1)*step, int64(len(parts[n-1]))); err != nil {
			t.Fatalf("CopyPart(%d): %v", n, err)
		}
	}
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	s.wantContent(t, "to", data)
	s.wantETag(t, info, parts...)
	s.wantLeft(t, 0)
}
