package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync/storage/dir/internal/system"
)

// TestIdentify: a file is identified as it is in its place, in a directory that is held and in
// one that is not, unless it is another one already.
func TestIdentify(t *testing.T) {
	for _, stepwise := range []bool{false, true} {
		t.Run(fmt.Sprintf("stepwise=%t", stepwise), func(t *testing.T) {
			path := t.TempDir()
			tr := openTree(t, path, stepwise)
			tr.Identify()
			for i := range 4 { // the directory is held from the second one on
				name := fmt.Sprintf("dir/%d", i)
				st := publish(t, tr, name)
				fi, err := os.Lstat(filepath.Join(path, name))
				if err != nil {
					t.Fatal(err)
				}
				if now := system.StatusOf(fi); st.Changed != now.Changed || st.FileID() != now.FileID() {
					t.Errorf("%s is %+v, and was said to be %+v", name, now, st)
				}
			}
		})
	}
}

// TestIdentifyChanged: somebody writes to the file, or replaces it, before it is looked at.
func TestIdentifyChanged(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"written":  func(file string) error { return os.WriteFile(file, []byte("text"), 0o600) },
		"longer":   func(file string) error { return os.WriteFile(file, []byte("texts"), 0o600) },
		"gone":     os.Remove,
		"replaced": func(file string) error { return os.Rename(filepath.Join(filepath.Dir(file), "other"), file) },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			tr := openTree(t, path, true)
			st := publish(t, tr, "file")
			publish(t, tr, "other")
			folder, err := tr.find("")
			if err != nil {
				t.Fatal(err)
			}
			defer folder.close()
			tmp := &Temp{tree: tr, folder: folder, base: "file"}
			before := tmp.changed(&st)
			if err := change(filepath.Join(path, "file")); err != nil {
				t.Fatal(err)
			}
			if after := tmp.changed(&st); after != 0 {
				t.Errorf("it was changed at %d, before at %d", after, before)
			}
		})
	}
}

func publish(t *testing.T, tr *Tree, path string) system.Status {
	t.Helper()
	tmp, err := tr.Create(path, 4, time.Unix(1e9, 0))
	if err == nil {
		_, err = tmp.WriteAt([]byte("text"), 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := tmp.Publish()
	if err != nil {
		t.Fatal(err)
	}
	return st
}
