package tree

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
)

// A directory that is known may become a link to another one in the target: no file is
// written, found or deleted through it, because it would have two keys.
func TestDirectoryBecomesLinkInside(t *testing.T) {
	for name, tt := range map[string]struct {
		dir, to string // dir becomes a link
		keys    []string
	}{
		"the directory": {"a/b", "../other", []string{"a/b/new", "a/b/file", "a/b/sub/new"}},
		"one above it":  {"a", "other", []string{"a/b/new", "a/b/file", "a/b/sub/new", "a/new", "a/file"}},
	} {
		for _, stepwise := range []bool{false, true} {
			for files := range 4 { // one makes the directory known, two let it be held
				t.Run(fmt.Sprintf("%s, stepwise %t, after %d files", name, stepwise, files), func(t *testing.T) {
					root := t.TempDir()
					if err := os.MkdirAll(root+"/a/b", 0o700); err != nil {
						t.Fatal(err)
					}
					for _, dir := range []string{"/a", "/a/b"} {
						if err := os.WriteFile(root+dir+"/file", []byte("old"), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					tr := openTree(t, root, stepwise)
					for i := range files {
						if err := errors.Join(putText(tr, fmt.Sprintf("a/b/%d", i), "old"), putText(tr, fmt.Sprintf("a/%d", i), "old")); err != nil {
							t.Fatal(err)
						}
					}
					if err := errors.Join(os.Rename(root+"/"+tt.dir, root+"/other"), os.Symlink(tt.to, root+"/"+tt.dir)); err != nil {
						t.Skip(err)
					}
					before := contentsOf(t, root)
					for range 2 {
						for _, key := range tt.keys {
							err := putText(tr, key, "new")
							if !errors.Is(err, storage.ErrUnstorable) || !strings.Contains(err.Error(), "is a symbolic link") {
								t.Errorf("Put(%q): %v; want storage.ErrUnstorable for the link", key, err)
							}
						}
						if _, err := tr.Stat("a/b/file"); !storage.Gone(err) {
							t.Errorf("Stat: %v; want fs.ErrNotExist", err)
						}
						if _, err := tr.Open("a/b/file"); !storage.Gone(err) {
							t.Errorf("Open: %v; want fs.ErrNotExist", err)
						}
						remover := Remover{Tree: tr}
						if err := remover.Remove("a/b/file"); err != nil {
							t.Errorf("Remove: %v", err)
						}
						remover.Close()
					}
					if d := cmp.Diff(before, contentsOf(t, root)); d != "" {
						t.Errorf("changed (-before +after):\n%s", d)
					}
				})
			}
		}
	}
}
