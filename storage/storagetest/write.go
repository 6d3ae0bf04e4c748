package storagetest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"s3sync/storage"
)

func testPut(s *suite) {
	t := s.t
	for name, data := range map[string][]byte{
		"empty":  nil,
		"byte":   {0},
		"small":  []byte("hello"),
		"larger": someBytes(300_000, 5),
	} {
		t.Run(name, func(t *testing.T) {
			put := s.put(t, name, data)
			info := s.wantContent(t, name, data)
			if put.Size != int64(len(data)) || put.Key != info.Key || put.ETag != info.ETag {
				t.Errorf("Put tells key %q, size %d, ETag %q; want %q, %d, %q",
					put.Key, put.Size, put.ETag, info.Key, len(data), info.ETag)
			}
			s.wantETag(t, info, data)
			s.wantLayout(t, name, []int64{int64(len(data))})
		})
	}
}

func testOverwrite(s *suite) {
	t := s.t
	for i, size := range []int64{1000, 10, 0, 100_000, 500, 500} {
		data := someBytes(size, uint64(10+i))
		s.put(t, "a/object", data)
		s.wantContent(t, "a/object", data)
	}
	s.wantKeys(t, storage.Range{}, []string{"a/object"})
}

// wantETag fails the test if the ETag is not that of an object written in
// those parts, or in one piece where there is only one.
func (s *suite) wantETag(t *testing.T, info storage.Info, parts ...[]byte) {
	t.Helper()
	if !s.opts.MD5ETags {
		return
	}
	sum := md5.Sum(parts[0])
	want := hex.EncodeToString(sum[:])
	if len(parts) > 1 {
		var all []byte
		for _, p := range parts {
			sum := md5.Sum(p)
			all = append(all, sum[:]...)
		}
		sum = md5.Sum(all)
		want = fmt.Sprintf("%x-%d", sum, len(parts))
	}
	if info.ETag != want {
		t.Errorf("ETag of %q is %q, want %q", info.Key, info.ETag, want)
	}
}

// wantLayout fails the test if the store tells other parts.
func (s *suite) wantLayout(t *testing.T, key string, want []int64) {
	t.Helper()
	r := s.open(t, key, storage.OpenOptions{})
	for _, query := range []storage.PartsQuery{storage.InferParts, storage.ExactParts} {
		got, err := r.Layout(t.Context(), query)
		if err != nil {
			t.Errorf("Layout of %q: %v", key, err)
		} else if (got != nil || s.opts.Layouts) && !slices.Equal(got, want) {
			t.Errorf("Layout(%v) of %q = %v, want %v", query, key, got, want)
		}
	}
}

// create starts an object in parts.
func (s *suite) create(t *testing.T, key string, opts storage.WriteOptions) storage.Writer {
	t.Helper()
	w, err := s.Create(t.Context(), key, opts)
	if err != nil {
		t.Fatalf("Create(%q): %v", key, err)
	}
	return w
}

// cut returns an object in three parts, the last one shorter.
func (s *suite) cut(seed uint64) (data []byte, parts [][]byte) {
	size := max(s.opts.MinPartSize, 40_000)
	data = someBytes(2*size+size/4+1, seed)
	return data, slices.Collect(slices.Chunk(data, int(size)))
}

func testParts(s *suite) {
	t := s.t
	s.put(t, "old", []byte("old content"))
	for _, tt := range []struct {
		name   string
		key    string
		before []byte // nil where there is nothing
		order  []int
	}{
		{"new", "new", nil, []int{3, 1, 2}},
		{"overwrite", "old", []byte("old content"), []int{2, 3, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, parts := s.cut(20)
			w := s.create(t, tt.key, storage.WriteOptions{Size: int64(len(data))})
			atOnce(tt.order, func(n int) {
				off := int64(n-1) * int64(len(parts[0]))
				if err := w.WritePart(t.Context(), n, off, s.block(parts[n-1])); err != nil {
					t.Errorf("WritePart(%d): %v", n, err)
				}
			})
			if tt.before == nil {
				s.wantMissing(t, tt.key)
				s.wantKeys(t, storage.Range{}, []string{"old"})
			} else {
				s.wantContent(t, tt.key, tt.before)
			}
			info, err := w.Commit(t.Context())
			if err != nil {
				t.Fatalf("Commit: %v", err)
			}
			if got := s.wantContent(t, tt.key, data); info.ETag != got.ETag || info.Size != got.Size || info.Key != got.Key {
				t.Errorf("Commit tells key %q, size %d, ETag %q; want %q, %d, %q",
					info.Key, info.Size, info.ETag, got.Key, got.Size, got.ETag)
			}
			s.wantETag(t, info, parts...)
			var layout []int64
			for _, p := range parts {
				layout = append(layout, int64(len(p)))
			}
			s.wantLayout(t, tt.key, layout)
		})
	}
	s.wantKeys(t, storage.Range{}, []string{"new", "old"})
}

// testPartAgain writes a part twice, as the retry of a part does.
func testPartAgain(s *suite) {
	t := s.t
	data, parts := s.cut(21)
	w := s.create(t, "object", storage.WriteOptions{Size: int64(len(data))})
	step := int64(len(parts[0]))
	for _, p := range []struct {
		n    int
		data []byte
	}{
		{1, someBytes(step, 22)}, {2, parts[1]}, {1, parts[0]}, {3, parts[2]}, {3, parts[2]},
	} {
		if err := w.WritePart(t.Context(), p.n, int64(p.n-1)*step, s.block(p.data)); err != nil {
			t.Fatalf("WritePart(%d): %v", p.n, err)
		}
	}
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	s.wantContent(t, "object", data)
	s.wantETag(t, info, parts...)
}

func testAbort(s *suite) {
	t := s.t
	s.put(t, "kept/object", []byte("kept"))
	for _, key := range []string{"kept/object", "new/object"} {
		for _, written := range []bool{false, true} {
			w := s.create(t, key, storage.WriteOptions{Size: 5})
			if written {
				if err := w.WritePart(t.Context(), 1, 0, s.block([]byte("hello"))); err != nil {
					t.Fatalf("WritePart: %v", err)
				}
			}
			if err := w.Abort(t.Context()); err != nil {
				t.Errorf("Abort of %q: %v", key, err)
			}
			if _, err := w.Commit(t.Context()); err == nil {
				t.Errorf("Commit of %q after Abort succeeded", key)
			}
		}
	}
	s.wantMissing(t, "new/object")
	s.wantContent(t, "kept/object", []byte("kept"))
	s.wantKeys(t, storage.Range{}, []string{"kept/object"})
}

func testAttributes(s *suite) {
	t := s.t
	if !s.opts.Attributes {
		t.Skip("the store does not keep attributes")
	}
	attributes := storage.Attributes{
		CacheControl:       "no-cache, max-age=0",
		ContentDisposition: `attachment; filename="a b.txt"`,
		ContentEncoding:    "gzip",
		ContentLanguage:    "de, en",
		ContentType:        "text/x-test; charset=utf-8",
		Expires:            "Wed, 21 Oct 2015 07:28:00 GMT",
		Metadata:           map[string]string{"one": "1", "two-words": "a b", "origin": "a=b,c;d", "nothing": ""},
		StorageClass:       s.opts.StorageClass,
	}
	if s.opts.Redirects {
		attributes.WebsiteRedirect = "/else where?a=b#c"
	}
	opts := storage.WriteOptions{Attributes: attributes, Size: 5}
	data := []byte("bytes")
	if _, err := s.Put(t.Context(), "put", s.block(data), opts); err != nil {
		t.Fatalf("Put: %v", err)
	}
	w := s.create(t, "parts", opts)
	if err := w.WritePart(t.Context(), 1, 0, s.block(data)); err != nil {
		t.Fatalf("WritePart: %v", err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if s.opts.StorageClass != "" {
		opts.StorageClass = "STANDARD"
		if _, err := s.Put(t.Context(), "standard", s.block(data), opts); err != nil {
			t.Fatalf("Put: %v", err)
		}
		if info := s.wantContent(t, "standard", data); info.StorageClass != "" {
			t.Errorf("an object of class STANDARD tells class %q", info.StorageClass)
		}
	}
	for _, key := range []string{"put", "parts"} {
		opened := s.wantContent(t, key, data)
		stat, err := s.Stat(t.Context(), key, storage.StatOptions{})
		if err != nil {
			t.Fatalf("Stat(%q): %v", key, err)
		}
		for from, got := range map[string]storage.Info{"Open": opened, "Stat": stat} {
			if !reflect.DeepEqual(got.Attributes, attributes) {
				t.Errorf("%s(%q) tells attributes\n%+v, want\n%+v", from, key, got.Attributes, attributes)
			}
		}
	}
}

func testModTime(s *suite) {
	t := s.t
	want := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	opts := storage.WriteOptions{Size: 5, ModTime: want}
	put, err := s.Put(t.Context(), "put", s.block([]byte("bytes")), opts)
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	w := s.create(t, "parts", opts)
	if err := w.WritePart(t.Context(), 1, 0, s.block([]byte("bytes"))); err != nil {
		t.Fatalf("WritePart: %v", err)
	}
	committed, err := w.Commit(t.Context())
	if err != nil {
		t.Fatalf("Commit: %v", err)
	}
	for _, o := range append(s.list(t, storage.Range{}), put.Object, committed.Object) {
		if s.opts.ModTimes && !o.ModTime.Equal(want) {
			t.Errorf("time of %q is %v, want %v", o.Key, o.ModTime, want)
		}
		if !s.opts.ModTimes && o.ModTime.Equal(want) {
			t.Errorf("time of %q is that of the source, although the store sets its own", o.Key)
		}
	}
}
