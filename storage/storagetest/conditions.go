package storagetest

import (
	"errors"
	"slices"
	"testing"

	"s3sync/storage"
)

// testConditions writes what depends on what is there, at once and in parts.
func testConditions(s *suite) {
	t := s.t
	if !s.opts.Conditions {
		t.Skip("the store heeds no conditions")
	}
	before, after := []byte("before"), []byte("after!")
	const other = "0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct {
		there bool
		opts  func(etag string) storage.WriteOptions
		ok    bool
	}{
		"absent and is":     {false, func(string) storage.WriteOptions { return storage.WriteOptions{IfAbsent: true} }, true},
		"absent and is not": {true, func(string) storage.WriteOptions { return storage.WriteOptions{IfAbsent: true} }, false},
		"the same":          {true, func(etag string) storage.WriteOptions { return storage.WriteOptions{IfMatch: etag} }, true},
		"another":           {true, func(string) storage.WriteOptions { return storage.WriteOptions{IfMatch: other} }, false},
		"gone":              {false, func(string) storage.WriteOptions { return storage.WriteOptions{IfMatch: other} }, false},
	} {
		for how, write := range map[string]func(*testing.T, string, storage.WriteOptions) (storage.Info, error){
			"put": func(t *testing.T, key string, opts storage.WriteOptions) (storage.Info, error) {
				return s.Put(t.Context(), key, s.block(after), opts)
			},
			"parts": func(t *testing.T, key string, opts storage.WriteOptions) (storage.Info, error) {
				w := s.create(t, key, opts)
				if err := w.WritePart(t.Context(), 1, 0, s.block(after)); err != nil {
					t.Fatalf("WritePart: %v", err)
				}
				info, err := w.Commit(t.Context())
				if err != nil {
					if err := w.Abort(t.Context()); err != nil {
						t.Errorf("Abort: %v", err)
					}
				}
				return info, err
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				key := name + "/" + how
				var etag string
				if tt.there {
					etag = s.put(t, key, before).ETag
				}
				opts := tt.opts(etag)
				opts.Size = int64(len(after))
				info, err := write(t, key, opts)
				switch {
				case tt.ok && err != nil:
					t.Fatal(err)
				case tt.ok:
					if got := s.wantContent(t, key, after); got.ETag != info.ETag {
						t.Errorf("ETag %q, the write told %q", got.ETag, info.ETag)
					}
				case !errors.Is(err, storage.ErrPrecondition):
					t.Errorf("%v; want storage.ErrPrecondition", err)
				case tt.there:
					s.wantContent(t, key, before)
				default:
					s.wantMissing(t, key)
				}
			})
		}
	}
}

func testDeleteSame(s *suite) {
	t := s.t
	if !s.opts.Conditions {
		t.Skip("the store heeds no conditions")
	}
	var objects []storage.Object
	want := []string{"changed/1", "changed/2"}
	for _, key := range []string{"a", "changed/1", "changed/2", "same", "gone"} {
		o := s.put(t, key, []byte("before, "+key)).Object
		if slices.Contains(want, key) {
			s.put(t, key, []byte("after, "+key))
		}
		objects = append(objects, o)
	}
	if err := errors.Join(s.Delete(t.Context(), objects[4:], storage.DeleteOptions{})...); err != nil {
		t.Fatal(err)
	}
	errs := s.Delete(t.Context(), objects, storage.DeleteOptions{IfMatch: true})
	if len(errs) != len(objects) {
		t.Fatalf("Delete of %d objects returned %d errors", len(objects), len(errs))
	}
	for i, err := range errs {
		changed := slices.Contains(want, objects[i].Key)
		if changed && !errors.Is(err, storage.ErrPrecondition) || !changed && err != nil {
			t.Errorf("Delete(%q): %v", objects[i].Key, err)
		}
	}
	s.wantKeys(t, storage.Range{}, want)
	for _, key := range want {
		s.wantContent(t, key, []byte("after, "+key))
	}
}
