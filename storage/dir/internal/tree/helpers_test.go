package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"s3sync/storage/dir/internal/system"
)

// openTree opens a tree, whose directories are held unless stepwise is set: then it works
// like one on a system without openat2(2).
func openTree(t testing.TB, path string, stepwise bool) *Tree {
	t.Helper()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	var short *system.Shortcut
	if !stepwise {
		short = system.NewShortcut(root)
	}
	tr := New(path, root, short, false)
	t.Cleanup(func() {
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	})
	if !stepwise && short == nil {
		t.Skip("the system has no openat2(2)")
	}
	return tr
}

func putText(tr *Tree, path, content string) error {
	tmp, err := tr.Create(path, int64(len(content)), time.Time{})
	if err != nil {
		return err
	}
	if _, err := tmp.WriteAt([]byte(content), 0); err != nil {
		return errors.Join(err, tmp.Remove())
	}
	_, err = tmp.Publish()
	return err
}

// contentsOf returns the files, links and directories below a path, with permissions.
func contentsOf(t testing.TB, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(path, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == path {
			return err
		}
		fi, err := e.Info()
		if err != nil {
			return err
		}
		text := fi.Mode().String()
		switch {
		case e.Type() == fs.ModeSymlink:
			to, err := os.Readlink(p)
			all[p[len(path)+1:]] = "-> " + to
			return err
		case e.Type().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			text += " " + string(data)
		}
		all[p[len(path)+1:]] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
