package dir_test

import (
	"os"
	"path/filepath"
	"testing"

	"s3sync/storage/dir"
)

// What is told of a target is true, and nothing appears there.
func TestExamine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "target")
	missing := examined(t, path)
	if missing.Exists() || missing.CheckWritable() != nil {
		t.Error("a target that does not exist yet can be made")
	}
	if _, known, err := examined(t, filepath.Dir(path)).FoldsCase(); known || err != nil {
		t.Errorf("without a name: known %t, %v", known, err)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"1", "Name"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	s := examined(t, path)
	_, err := os.Stat(filepath.Join(path, "nAME"))
	folds, known, ferr := s.FoldsCase()
	if ferr != nil || !known || folds != (err == nil) {
		t.Errorf("folds %t, known %t, %v, while the other name has %v", folds, known, ferr, err)
	}
	if free, err := s.Free(); err != nil || free <= 0 {
		t.Errorf("%d bytes are free, %v", free, err)
	}
	if !s.Exists() || s.CheckWritable() != nil {
		t.Error("the target can be written")
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}

func examined(t *testing.T, path string) *dir.Store {
	t.Helper()
	s, err := dir.Open(path, dir.Options{Missing: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
