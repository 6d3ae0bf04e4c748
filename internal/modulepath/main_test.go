package main

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestIsModulePath(t *testing.T) {
	for s, want := range map[string]bool{
		"example.org/a/s3sync":    true,
		"example.org/a/s3sync/v2": true,
		"s3sync.example.org":      true,
		"example.org/~a/b_c.d-e":  true,
		"s3sync":                  false,
		"a/example.org":           false,
		"example.org/a b":         false,
		"example.org/a/":          false,
		"example.org//a":          false,
		"example.org/.a":          false,
		"example.org/a.":          false,
		"example.org/a/v1":        false,
		"example.org:80/a":        false,
		"https://example.org/a":   false,
		"/usr/bin:/bin":           false,
		"example.org/$1":          false,
	} {
		if got := isModulePath(s); got != want {
			t.Errorf("isModulePath(%q) = %v", s, got)
		}
	}
}

func TestRewriter(t *testing.T) {
	const (
		first  = "s3sync"
		second = "example.org/a/s3sync"
		third  = "code.example.org/b/sync/v2"
	)
	folders := []string{"cluster", "cmd", "internal", "storage"}
	// In each line, the path stands for X.
	for _, line := range []string{
		"module X",
		"module X/cluster",
		"replace X => ../",
		"\t\"X\"",
		"import \"X\"",
		"\t\"X/internal/cli\"",
		"\tbucket \"X/storage/bucket\"",
		"// [X/storage.Store] and X/storage/mem",
		"$(if $(VERSION),-X X/internal/cli/options.version=$(VERSION))",
		"        - (X/storage.Reader).Close",
		"            - {pkg: X$, desc: \"why\"}",
		"            - {pkg: X, desc: \"why\"}",
		"      module-path: X",
		"      local-prefixes: [X]",
		"exec go build X/cmd/s3sync",
	} {
		is := func(at string) string { return strings.ReplaceAll(line, "X", at) }
		if strings.Contains(line, "-X X") {
			is = func(at string) string { return strings.ReplaceAll(line, "-X X", "-X "+at) }
		}
		if got := rewriter(first, second, folders)(is(first)); got != is(second) {
			t.Errorf("got %q, want %q", got, is(second))
		}
		if got := rewriter(second, third, folders)(is(second)); got != is(third) {
			t.Errorf("got %q, want %q", got, is(third))
		}
	}
	for to, want := range map[string]string{second: "\t" + second + " v0.0.0\n", third: "\t" + third + " v2.0.0\n"} {
		for _, before := range []string{"\t" + first + " v0.0.0\n", "\t" + first + " v3.0.0\n"} {
			if got := rewriter(first, to, folders)(before); got != want {
				t.Errorf("%q becomes %q, want %q", before, got, want)
			}
		}
	}
	for _, line := range []string{
		"\tUse: \"s3sync\",",
		"package s3sync",
		"cmd/s3sync/internal/x",
		"$XDG_STATE_HOME/s3sync/storage",
		"my-s3sync/internal",
		"s3sync/internals s3sync/testdata s3sync/",
		"stdout '^#compdef s3sync$'",
		"the module s3sync",
		"import \"s3sync2\"",
	} {
		if got := rewriter(first, second, folders)(line); got != line {
			t.Errorf("%q became %q", line, got)
		}
	}
}

// TestTree gives a copy of this repository another path, by the command that a
// person types, and looks whether it is a module as good as before.
func TestTree(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds everything anew: make test-full does")
	}
	const to = "example.org/a/s3sync"
	dir := copyOfRepository(t)
	from, err := current(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) (string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		// Neither a make around this test nor one with other servers has a say.
		cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=", "S3SYNC_TEST_SERVERS=none", "S3SYNC_TEST_MUST_RUN=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(name string, args ...string) string {
		t.Helper()
		out, err := run(name, args...)
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return out
	}

	for _, bad := range []string{"s3sync", "no module", "/usr/bin:/bin", ""} {
		out, err := run("make", "module", "PATH="+bad)
		lines := strings.Split(strings.TrimSpace(out), "\n") // the last one is make's own
		if err == nil || len(lines) != 2 || !strings.HasPrefix(lines[0], "make module: ") {
			t.Errorf("make module PATH=%s: %v\n%s", bad, err, out)
		}
	}

	must("make", "module", "PATH="+to)
	must("go", "build", "./...")
	must("go", "vet", "./...")
	must("go", "-C", "cluster", "vet", "./...")
	for dependency := range strings.Lines(must("go", "list", "-deps", "-test", "./...")) {
		if strings.HasPrefix(dependency, from) {
			t.Errorf("a package is still named %s", dependency)
		}
	}
	tree := os.DirFS(dir)
	names, err := files(tree)
	if err != nil {
		t.Fatal(err)
	}
	// What can only be an import path; the examples of this test apart.
	quoted := regexp.QuoteMeta(from)
	old := regexp.MustCompile(`(?m)(^|[^\w./-])` + quoted + `/(cluster|cmd|integration|internal|storage)\b.*|pkg: ` + quoted + `\b.*|^\s*(import )?"` + quoted + `"$`)
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if found := old.FindString(string(data)); found != "" && path.Dir(name) != "internal/modulepath" {
			t.Errorf("%s: %q remains", name, strings.TrimSpace(found))
		}
	}
	must("make", "build", "VERSION=v9.8.7")
	if out := must("./s3sync", "--version"); !strings.Contains(out, "9.8.7") {
		t.Errorf("the version is not in the binary: %s", out)
	}
	must("go", "test", "-short", "./cmd/...", "./internal/cli/...", "./internal/modulepath")
	must("go", "test", "-short", "-run", "^Test(Architecture|Dependencies|Goroutines|NoMachinePaths|PackageComments|SDKStaysInBucket)$", ".")
}

func copyOfRepository(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	repository := os.DirFS(filepath.Join("..", ".."))
	names, err := files(repository)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
