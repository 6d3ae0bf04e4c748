package storage_test

import (
	"testing"

	"pgregory.net/rapid"

	"s3sync/storage"
)

func TestRanges(t *testing.T) {
	for prefix, want := range map[string]storage.Range{
		"":         {},
		"a":        {From: "a", To: "b"},
		"photos/":  {From: "photos/", To: "photos0"},
		"a\xff":    {From: "a\xff", To: "b"},
		"\xff\xff": {From: "\xff\xff"},
	} {
		if got := storage.Prefixed(prefix); got != want {
			t.Errorf("Prefixed(%q) = %q, want %q", prefix, got, want)
		}
	}
	text := rapid.StringMatching(`([ab]|\xff|é){0,3}`)
	bytes := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "bytes") {
			return string(rapid.SliceOfN(rapid.ByteRange(0xfd, 0xff), 0, 3).Draw(t, "text"))
		}
		return text.Draw(t, "text")
	})
	rapid.Check(t, func(t *rapid.T) {
		key, prefix := bytes.Draw(t, "key"), bytes.Draw(t, "prefix")
		begins := len(key) >= len(prefix) && key[:len(prefix)] == prefix
		if storage.Prefixed(prefix).Contains(key) != begins {
			t.Fatalf("%q in the range of %q: %v", key, prefix, !begins)
		}
		r := storage.Range{From: bytes.Draw(t, "from"), To: bytes.Draw(t, "to")}
		other := storage.Range{From: bytes.Draw(t, "from2"), To: bytes.Draw(t, "to2")}
		if got := r.Intersect(other).Contains(key); got != (r.Contains(key) && other.Contains(key)) {
			t.Fatalf("%q in %q and %q: %v", key, r, other, got)
		}
		if r.Contains(key) && r.Empty() {
			t.Fatalf("%q is in %q, which is empty", key, r)
		}
		if r.Contains(r.From) == r.Empty() {
			t.Fatalf("%q is empty: %v", r, r.Empty())
		}
	})
}
