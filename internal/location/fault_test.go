package location

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What is at a path decides whether it can be a source or a target.
func TestFaults(t *testing.T) {
	at := t.TempDir()
	path := func(name string) string { return filepath.Join(at, name) }
	if err := os.Mkdir(path("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"to directory": "directory", "to file": "file", "to nothing": "nothing"} {
		if err := os.Symlink(path(to), path(name)); err != nil {
			t.Fatal(err)
		}
	}
	const (
		missing  = "%q does not exist"
		noDir    = "%q is not a directory"
		noLookup = "%q cannot be looked at: not a directory"
	)
	for name, tt := range map[string]struct {
		source, target, targetOfOne string // empty: it can be one
		file                        bool
	}{
		"directory":    {},
		"to directory": {},
		"file":         {target: noDir, file: true},
		"to file":      {target: noDir, file: true},
		"nothing":      {source: missing},
		"to nothing":   {source: missing},
		"file/below":   {source: noLookup, target: noLookup, targetOfOne: noLookup},
	} {
		t.Run(name, func(t *testing.T) {
			fault, file := SourceFault(path(name))
			if want := about(tt.source, path(name)); fault != want || file != tt.file {
				t.Errorf("source: got %q, file %v; want %q", fault, file, want)
			}
			if got, want := TargetFault(path(name), false), about(tt.target, path(name)); got != want {
				t.Errorf("target: got %q, want %q", got, want)
			}
			if got, want := TargetFault(path(name), true), about(tt.targetOfOne, path(name)); got != want {
				t.Errorf("target of one object: got %q, want %q", got, want)
			}
		})
	}
}

// What is no file and no directory is neither a source nor a target.
func TestFaultsOfADevice(t *testing.T) {
	source, file := SourceFault(os.DevNull)
	if want := about("%q is neither a directory nor a regular file", os.DevNull); source != want || file {
		t.Errorf("source: got %q, file %v", source, file)
	}
	for _, one := range []bool{false, true} {
		if got, want := TargetFault(os.DevNull, one), about("%q is not a directory", os.DevNull); got != want {
			t.Errorf("target: got %q, want %q", got, want)
		}
	}
}

func about(format, path string) string {
	if format == "" {
		return ""
	}
	return fmt.Sprintf(format, path)
}
