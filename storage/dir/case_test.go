package dir

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Names are taken for exact only where a file shows it, without any doubt.
func TestCaseMatters(t *testing.T) {
	if onWindows || runtime.GOOS == "darwin" {
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
