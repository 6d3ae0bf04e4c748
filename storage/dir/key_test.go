package dir

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
)

func TestMappedInto(t *testing.T) {
	s := &Store{}
	slashes := storage.Prefixed("/")
	for name, tt := range map[string]struct {
		r    storage.Range
		want []storage.Range
	}{
		"everything":              {storage.Range{}, nil},
		"nothing":                 {storage.Range{From: "b", To: "a"}, nil},
		"the top":                 {storage.Range{From: "a", To: "b"}, []storage.Range{slashes}},
		"the first range":         {storage.Range{To: "!"}, []storage.Range{slashes}},
		"slashes are inside":      {storage.Range{To: "a"}, nil},
		"some slashes are inside": {storage.Range{From: "/b", To: "a"}, []storage.Range{{From: "/", To: "/b"}}},
		"between slashes": {
			storage.Range{From: "/b", To: "/c"},
			[]storage.Range{{From: "/", To: "/b"}, {From: "/c", To: "0"}},
		},
		"a whole directory": {storage.Prefixed("a/"), []storage.Range{slashes}},
		"from the middle of a directory": {
			storage.Range{From: "a/b"},
			[]storage.Range{slashes, {From: "a//", To: "a/0"}},
		},
		"within a directory": {
			storage.Range{From: "a/b/c", To: "a/b/d"},
			[]storage.Range{slashes, {From: "a//", To: "a/0"}, {From: "a/b//", To: "a/b/0"}},
		},
		"to the beginning of a directory": {
			storage.Range{From: "a/z", To: "b/"},
			[]storage.Range{slashes, storage.Prefixed("a//")},
		},
		"above the slashes": {
			storage.Range{From: "a/!", To: "a/$"},
			[]storage.Range{slashes, storage.Prefixed("a//")},
		},
		"no file is named so": {storage.Range{From: "a//b", To: "a//c"}, []storage.Range{slashes, {From: "a//", To: "a//b"}, {From: "a//c", To: "a/0"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, s.MappedInto(tt.r)); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}

// TestMappedIntoProperty: a key that is mapped into a range is in that range or in
// exactly one of those that are told.
func TestMappedIntoProperty(t *testing.T) {
	s := &Store{}
	key := rapid.StringMatching(`/{0,2}([ab!.0é]{1,2}/{1,3}){0,3}[ab!.0\x00]{0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		r := storage.Range{From: key.Draw(t, "from"), To: key.Draw(t, "to")}
		outside := s.MappedInto(r)
		for i, o := range outside {
			switch {
			case o.Empty():
				t.Fatalf("%q is empty", o)
			case i > 0 && (outside[i-1].To == "" || outside[i-1].To > o.From):
				t.Fatalf("out of order: %q", outside)
			case !o.Intersect(r).Empty() && !r.Empty():
				t.Fatalf("%q is in %q", o, r)
			}
		}
		k := key.Draw(t, "key")
		mapped, _ := s.MapKey(k)
		if mapped == "" || !r.Contains(mapped) || r.Contains(k) {
			return
		}
		found := 0
		for _, o := range outside {
			if o.Contains(k) {
				found++
			}
		}
		if found != 1 {
			t.Fatalf("%q, mapped to %q in %q, is in %d of %q", k, mapped, r, found, outside)
		}
	})
}
