package storagetest

import (
	"errors"
	"io/fs"
	"maps"
	"testing"

	"s3sync/storage"
)

// tagger returns the store as one whose objects have tags, or skips the test.
func (s *suite) tagger() storage.Tagger {
	if !s.opts.Tags {
		s.t.Skip("the store has no tags")
	}
	tagger, ok := storage.As[storage.Tagger](s.Store)
	if !ok || !s.Caps().Tags {
		s.t.Fatalf("the store is no storage.Tagger (%t), or its Caps tell of no tags (%t)", ok, s.Caps().Tags)
	}
	return tagger
}

// wantTags fails the test if an object has other tags, or another number of them
// by Stat and Open.
func (s *suite) wantTags(t *testing.T, key string, want map[string]string) {
	t.Helper()
	got, err := s.tagger().Tags(t.Context(), key, "")
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("Tags(%q) = %v, %v, want %v", key, got, err, want)
	}
	stat, err := s.Stat(t.Context(), key, storage.StatOptions{})
	if err != nil {
		t.Fatalf("Stat(%q): %v", key, err)
	}
	opened := s.open(t, key, storage.OpenOptions{}).Info()
	if stat.TagCount != len(want) || opened.TagCount != len(want) {
		t.Errorf("Stat tells %d tags of %q, Open %d, want %d", stat.TagCount, key, opened.TagCount, len(want))
	}
}

func testTags(s *suite) {
	t := s.t
	s.tagger()
	// All that S3 allows besides letters and digits:
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html
	tags := map[string]string{"one": "1", "b c": "x/y+z", "empty": "", "a:b=c@d": "_.-+=/: @"}
	data := []byte("bytes")
	opts := storage.WriteOptions{Size: 5, Tags: tags}
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
	s.put(t, "none", data)
	s.wantTags(t, "put", tags)
	s.wantTags(t, "parts", tags)
	s.wantTags(t, "none", nil)
	s.put(t, "put", data)
	s.wantTags(t, "put", nil) // another object
}

func testSetTags(s *suite) {
	t := s.t
	tagger := s.tagger()
	put := s.put(t, "object", []byte("bytes"))
	for _, tags := range []map[string]string{
		{"one": "1", "two": "2"}, {"one": "other"}, {"b c": "x/y+z", "empty": ""}, nil, nil, {"again": "1"}, {},
	} {
		if err := tagger.SetTags(t.Context(), "object", tags); err != nil {
			t.Fatalf("SetTags(%v): %v", tags, err)
		}
		s.wantTags(t, "object", tags)
	}
	if info := s.wantContent(t, "object", []byte("bytes")); info.ETag != put.ETag {
		t.Errorf("ETag %q, before there were tags %q", info.ETag, put.ETag)
	}
	for name, call := range map[string]func() error{
		"Tags": func() error {
			_, err := tagger.Tags(t.Context(), "missing", "")
			return err
		},
		"SetTags":         func() error { return tagger.SetTags(t.Context(), "missing", map[string]string{"a": "b"}) },
		"SetTags to none": func() error { return tagger.SetTags(t.Context(), "missing", nil) },
	} {
		if err := call(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s of a missing object: %v; want fs.ErrNotExist", name, err)
		}
	}
	s.wantMissing(t, "missing")
}
