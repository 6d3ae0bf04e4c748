package single

import (
	"slices"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// TestMappedIntoOneFile: the object of another name belongs to the range of its file.
func TestMappedIntoOneFile(t *testing.T) {
	files, err := dir.Open(t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	target := &oneFile{Store: files, mapper: files, key: "object", file: "file"}
	for r, want := range map[storage.Range][]storage.Range{
		{}:                     nil,
		{From: "a", To: "b"}:   nil,
		{From: "a", To: "g"}:   {one("object")},
		{From: "g", To: "z"}:   nil, // the object is in it, the file is not
		{From: "file", To: ""}: nil, // both are in it
	} {
		if got := target.MappedInto(r); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", r, got, want)
		}
	}
}
