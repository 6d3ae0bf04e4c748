package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// TestReproducibleBuild: the same source makes the same bytes, in whatever folder it is
// and whatever was compiled before, and the stripped binary is small. This is one system;
// `make release-check` compares all that a release has.
func TestReproducibleBuild(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles everything anew, with the standard library: make test-full does")
	}
	root, err := filepath.Abs(filepath.FromSlash("../.."))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "another", "folder")
	copySources(t, root, elsewhere)
	here := stripped(t, root)
	there := stripped(t, elsewhere, "GOCACHE="+t.TempDir())
	if !bytes.Equal(here, there) {
		t.Errorf("built in two folders, the binaries of %d and %d bytes differ", len(here), len(there))
	}
	if len(here) > mostStripped {
		t.Errorf("the binary has %d bytes, more than %d", len(here), mostStripped)
	}
	if bytes.Contains(here, []byte(root)) {
		t.Errorf("the binary names the folder %s", root)
	}
	t.Logf("%.1f MiB", float64(len(here))/(1<<20))
}

// stripped builds the module in dir as a release does.
func stripped(t *testing.T, dir string, env ...string) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "s3sync")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", name, "./cmd/s3sync")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), append(env, "CGO_ENABLED=0")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// copySources copies the module without what git and make keep there.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	tree := os.DirFS(from)
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".cache"}, name) {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, filepath.FromSlash(name)), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, filepath.FromSlash(name)), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReleaseFiles: the licences of a release are those of all modules, or there is no
// release: also if the modules of one system cannot be listed.
func TestReleaseFiles(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("releases are made with a POSIX shell")
	}
	const stub = `#!/bin/sh
case $1 in
list) [ "$GOOS" != "$BROKEN" ] && echo "module v1 $MODULE" ;;
env) echo "$MODULE" ;;
build) printf '#!/bin/sh\necho some text\n' >"$4" && chmod +x "$4" ;;
esac
`
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(stub), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte("some licence\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{"none", "linux", "windows"} {
		cmd := exec.CommandContext(t.Context(), "sh", filepath.FromSlash("../../tools/release-files.sh"), filepath.Join(t.TempDir(), "files"))
		cmd.Env = append(cmd.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"), "MODULE="+dir, "BROKEN="+broken)
		if out, err := cmd.CombinedOutput(); (err == nil) != (broken == "none") {
			t.Errorf("without the modules of %s: %v\n%s", broken, err, out)
		}
	}
}
