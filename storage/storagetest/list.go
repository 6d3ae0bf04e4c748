package storagetest

import (
	"fmt"
	"slices"

	"s3sync/storage"
)

func testListEmpty(s *suite) {
	t := s.t
	s.wantKeys(t, storage.Range{}, nil)
	s.wantKeys(t, storage.Range{From: "a", To: "b"}, nil)
}

// orderKeys are in byte order. They hold what a walk by directories, by path
// segments, by UTF-16 units or by language gets wrong.
func orderKeys() []string {
	return []string{
		"!",
		"Q.txt",
		"a-1", "a.txt", "a/b", "a0",
		"b-b", "b.b",
		"b/b",
		"b/c-/x", "b/c.d", "b/c/d-", "b/c/d/e", "b/c/d0", "b/c/z", "b/c0",
		"b0/x",
		"d1/d2/d3/d4/d5/d6/d7/d8/x", "d1/d2/d3/d4/d5/d6/d7/d8/y", "d1/d2/d3/d40",
		"u/\u00e9", "u/\uff5e", "u/\U0001f600",
		"z",
		"zz/zz/zz",
		"\u65e5\u672c",
	}
}

func testListOrder(s *suite) {
	t := s.t
	keys := orderKeys()
	if !slices.IsSorted(keys) {
		t.Fatal("the keys of the test are not in order")
	}
	s.putAll(t, keys)
	s.wantKeys(t, storage.Range{}, keys)
}

func testListRanges(s *suite) {
	t := s.t
	keys := orderKeys()
	s.putAll(t, keys)
	bounds := []string{
		"", "a", "a/", "a/b", "a/bb", "a0",
		"b/c", "b/c/", "b/c/d", "b/c/d/", "b/c/d/e", "b/c/d/e/f", "b/c1", "b0",
		"d1/d2/d3/d4/d5/d6/d7/d8/x0", "d1/d3",
		"u/\U0001f600", "zz/zz", "\u65e5\u672c0",
	}
	for _, from := range bounds {
		for _, to := range bounds {
			r := storage.Range{From: from, To: to}
			want := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !r.Contains(k) })
			s.wantKeys(t, r, want)
		}
	}
}

func testListBreak(s *suite) {
	t := s.t
	keys := orderKeys()
	s.putAll(t, keys)
	for stop := 1; stop <= 9; stop += 4 {
		n := 0
		for _, err := range s.List(t.Context(), storage.ListOptions{}) {
			if err != nil {
				t.Fatalf("List: %v", err)
			}
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("List yielded %d objects, want %d before the break", n, stop)
		}
	}
	s.wantKeys(t, storage.Range{}, keys)
}

// testPages lists, and then deletes, more objects than one page or batch holds.
func testPages(s *suite) {
	t := s.t
	var keys []string
	for i := range s.opts.Objects {
		switch i % 5 {
		case 0:
			keys = append(keys, fmt.Sprintf("page/%03d/%d", i%50, i))
		case 1:
			keys = append(keys, fmt.Sprintf("page/%03d-%d", i%50, i))
		default:
			keys = append(keys, fmt.Sprintf("page/x%05d", i))
		}
	}
	s.putAll(t, keys)
	slices.Sort(keys)
	s.wantKeys(t, storage.Range{}, keys)
	middle := storage.Range{From: keys[10], To: keys[len(keys)-10]}
	s.wantKeys(t, middle, keys[10:len(keys)-10])

	objects := s.list(t, storage.Range{})
	if s.Caps().DeleteBatch < 1 {
		t.Fatalf("Caps().DeleteBatch = %d, want at least 1", s.Caps().DeleteBatch)
	}
	for batch := range slices.Chunk(objects, s.Caps().DeleteBatch) {
		errs := s.Delete(t.Context(), batch, storage.DeleteOptions{})
		if len(errs) != len(batch) {
			t.Fatalf("Delete of %d objects returned %d errors", len(batch), len(errs))
		}
		for i, err := range errs {
			if err != nil {
				t.Fatalf("Delete(%q): %v", batch[i].Key, err)
			}
		}
	}
	s.wantKeys(t, storage.Range{}, nil)
}
