package tree

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"s3sync/storage"
)

// A folding is a directory of a file system that ignores case.
type folding struct {
	*os.Root

	files []string
	reads int
}

func (f *folding) Open(name string) (*os.File, error) {
	f.reads++
	return f.Root.Open(name)
}

func (f *folding) Lstat(name string) (fs.FileInfo, error) {
	for _, file := range f.files {
		if strings.EqualFold(file, name) {
			return f.Root.Lstat(file)
		}
	}
	return nil, fs.ErrNotExist
}

func TestNames(t *testing.T) {
	path := t.TempDir()
	files := []string{"Readme", "sub", "123", "\u00c9t\u00e9", "\u00e0"}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(path, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var n names
	for name, same := range map[string]bool{
		"Readme":             true,
		"readme":             false,
		"README":             false,
		"sub":                true,
		"Sub":                false,
		"123":                true,
		"\u00c9t\u00e9":      true,
		"\u00e9t\u00e9":      false,
		"\u00e0":             true,
		"\u00c0":             false,
		"\u00c9T\u00e9":      false,
		"\u00c9\u0054\u00c9": false,
	} {
		d := &folding{root, files, 0}
		fi, err := d.Lstat(name)
		if err != nil {
			t.Fatalf("Lstat(%q): %v", name, err)
		}
		for range 2 { // read, and then remembered
			switch err := n.check(d, "dir", name, fi); {
			case same && err != nil:
				t.Errorf("check(%q): %v", name, err)
			case !same && !errors.Is(err, storage.ErrUnstorable):
				t.Errorf("check(%q): %v; want storage.ErrUnstorable", name, err)
			case !same && !strings.Contains(err.Error(), "which exists"):
				t.Errorf("check(%q): %v; want the name that exists", name, err)
			}
		}
	}
	// Where case matters, two links to one file are no reason to refuse one.
	if err := os.Link(filepath.Join(path, "Readme"), filepath.Join(path, "rEADME")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"Readme", "rEADME"} {
		fi, err := root.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.check(root, "dir", name, fi); err != nil {
			t.Errorf("check(%q): %v", name, err)
		}
	}
}

// Names are read once for a directory, unless they are new or gone.
func TestNamesAreRemembered(t *testing.T) {
	path := t.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d := &folding{root, nil, 0}
	add := func(file string) {
		if err := os.WriteFile(filepath.Join(path, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d.files = append(d.files, file)
	}
	var n names
	check := func(dir, name string, ok bool, reads int) {
		t.Helper()
		fi, err := d.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.check(d, dir, name, fi); (err == nil) != ok {
			t.Errorf("check(%q, %q): %v", dir, name, err)
		}
		if d.reads != reads {
			t.Errorf("check(%q, %q): the directory was read %d times, want %d", dir, name, d.reads, reads)
		}
	}
	add("a")
	add("B")
	check("dir", "a", true, 1)
	check("dir", "a", true, 1)
	check("dir", "B", true, 1)
	check("dir", "b", false, 2)
	add("new")
	check("dir", "new", true, 3)
	n.removed("dir", "a")
	check("dir", "a", true, 4)
	for i := range maxNames {
		check(fmt.Sprint(i), "a", true, 5+i)
		check(fmt.Sprint(i), "B", true, 5+i)
	}
	check("dir", "a", true, 5+maxNames) // forgotten
	check("1", "a", true, 5+maxNames)
	if len(n.dirs) != maxNames {
		t.Errorf("%d directories are remembered, want %d", len(n.dirs), maxNames)
	}
}

// Names are taken for exact only where a file shows it, without any doubt.
func TestCaseMatters(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the file system takes other names for the same")
	}
	path := t.TempDir()
	for _, name := range []string{"Readme", "123", "\u00e9", "both", "BOTH"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]bool{
		"Readme":  true,
		"readme":  false, // is not there
		"123":     false, // says nothing
		"\u00e9":  false, // nor does that: some file systems fold no others than ASCII
		"both":    false, // might be one file under two names
		"missing": false,
	} {
		if got := caseMatters(root, name); got != want {
			t.Errorf("caseMatters(%q) = %t, want %t", name, got, want)
		}
	}
	if caseMatters(&folding{Root: root, files: []string{"Readme"}}, "Readme") {
		t.Error("a file system that ignores case is taken for one that does not")
	}
	if caseMatters(&vanishing{Root: root}, "Readme") {
		t.Error("a file that vanishes shows that case matters")
	}
}

// A vanishing is a directory from which a file vanishes once it was looked at.
type vanishing struct {
	*os.Root

	looked bool
}

func (v *vanishing) Lstat(name string) (fs.FileInfo, error) {
	if v.looked {
		return nil, fs.ErrNotExist
	}
	v.looked = true
	return v.Root.Lstat(name)
}
