package s3sync_test

import (
	"flag"
	"go/ast"
	"go/doc/comment"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The rules of this repository that no linter checks. Each says why it exists.

//go:generate go test -run ^TestDependencies$ . -update

var update = flag.Bool("update", false, "rewrite the golden files")

// source is a file of the repository.
type source struct {
	name string // slash-separated, relative to the module
	data string
}

// sources returns the files that belong to the repository.
func sources(t *testing.T) (files []source) {
	t.Helper()
	root := os.DirFS(".")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".cache", "testdata/rapid"}, name) {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || slices.Contains([]string{".test", ".prof", ".exe"}, path.Ext(name)) ||
			slices.Contains([]string{"s3sync", "s3sync-cluster", ".git"}, name) {
			return nil
		}
		data, err := fs.ReadFile(root, name)
		files = append(files, source{name, string(data)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestPackageComments: each package has its comment in exactly one file.
func TestPackageComments(t *testing.T) {
	comments := make(map[string][]string) // by directory
	for _, f := range sources(t) {
		dir := path.Dir(f.name)
		if path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") ||
			strings.Contains(f.name, "testdata/") || strings.HasPrefix(f.data, "//go:build ignore") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, f.data, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := comments[dir]; !ok {
			comments[dir] = nil
		}
		if parsed.Doc != nil {
			comments[dir] = append(comments[dir], f.name)
		}
	}
	for dir, files := range comments {
		if len(files) != 1 {
			t.Errorf("%s has %d package comments %v, want 1", dir, len(files), files)
		}
	}
}

// TestNoFaultSwitches: faults come from outside the product (internal/faultproxy,
// wrapped stores), so no user can trigger one.
func TestNoFaultSwitches(t *testing.T) {
	for _, f := range sources(t) {
		if path.Ext(f.name) == ".go" && !strings.HasSuffix(f.name, "_test.go") &&
			strings.Contains(strings.ToLower(f.data), "simulat") {
			t.Errorf("%s simulates something", f.name)
		}
	}
}

// TestNoMachinePaths: no file contains paths of the machine that it was written on.
func TestNoMachinePaths(t *testing.T) {
	forbidden := regexp.MustCompile(`(^|[^\w.~/-])(/(home|Users|root|work)/\w|[A-Z]:\\Users\\)`)
	// The race detector makes the regular expression slow, and few files have one of these.
	words := []string{"/home/", "/Users/", "/root/", "/work/", `:\Users\`}
	for _, f := range sources(t) {
		if !slices.ContainsFunc(words, func(word string) bool { return strings.Contains(f.data, word) }) {
			continue
		}
		for i, line := range strings.Split(f.data, "\n") {
			if found := forbidden.FindString(line); found != "" && f.name != "repo_test.go" {
				t.Errorf("%s:%d: absolute path %q", f.name, i+1, found)
			}
		}
	}
}

// TestActionsArePinned: workflows use actions by commit, as a tag may be moved to other
// code. The comment names the version.
func TestActionsArePinned(t *testing.T) {
	found := 0
	pinned := regexp.MustCompile(`^(\./\S+|[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	for _, f := range sources(t) {
		if path.Dir(f.name) != ".github/workflows" {
			continue
		}
		for _, m := range regexp.MustCompile(`(?m)^[ -]*uses: *(.*)$`).FindAllStringSubmatch(f.data, -1) {
			found++
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %q is no commit with its version", f.name, m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no workflow uses an action")
	}
}

// TestSDKStaysInWire: only package wire uses the SDK's types, all others use
// storage.Object. The test includes files of other systems, which the linter does not
// read.
func TestSDKStaysInWire(t *testing.T) {
	for _, f := range sources(t) {
		if path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") ||
			slices.Contains([]string{"storage/bucket/internal/wire", "storage/bucket/internal/account", "internal/s3server"}, path.Dir(f.name)) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, f.data, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range parsed.Imports {
			if strings.HasPrefix(spec.Path.Value, `"github.com/aws/`) {
				t.Errorf("%s imports %s", f.name, spec.Path.Value)
			}
		}
	}
}

// TestDependencies: a review shows every module that is added to the binary.
func TestDependencies(t *testing.T) {
	const golden = "testdata/deps.txt"
	var modules []string
	for _, p := range goList(t, "-deps", "./cmd/s3sync") {
		if p.Module != nil && !p.Module.Main {
			modules = append(modules, p.Module.Path)
		}
	}
	slices.Sort(modules)
	got := strings.Join(slices.Compact(modules), "\n") + "\n"
	if *update {
		if err := os.WriteFile(filepath.FromSlash(golden), []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(filepath.FromSlash(golden))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the modules in the binary changed; if that is meant: make generate\n%s", diff)
	}
}

// TestClusterIsApart: the module of the cluster adds nothing to plain s3sync, neither to its
// packages nor to the modules that it knows.
func TestClusterIsApart(t *testing.T) {
	for _, args := range [][]string{{"mod", "graph"}, {"list", "-deps", "-test", "./..."}} {
		out, err := exec.Command("go", args...).Output()
		if err != nil {
			t.Fatalf("go %v: %v", args, err)
		}
		if len(out) < 1000 {
			t.Errorf("go %v answers only %q", args, out)
		}
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "go.temporal.io/") || strings.Contains(line, "/cluster") {
				t.Errorf("go %v: %s", args, line)
			}
		}
	}
	cluster, err := runGoListIn("cluster", "-deps", "./...")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(cluster, func(p listed) bool { return strings.HasPrefix(p.ImportPath, "go.temporal.io/sdk/") }) {
		t.Error("the cluster does not know its engine either, so this test shows nothing")
	}
}

// TestArchitecture: docs/ARCHITECTURE.md names every package, every package that it
// names exists, and a rule of the linter holds the walls of each.
func TestArchitecture(t *testing.T) {
	data, err := os.ReadFile(filepath.FromSlash("docs/ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	packages := goList(t, "./...")
	walls := packagesWithWalls(t, packages[0].Module.Path)
	cluster, err := runGoListIn("cluster", "./...")
	if err != nil {
		t.Fatal(err)
	}
	root := packages[0].Module.Path
	packages = append(packages, cluster...)
	named := func(name string) bool { return strings.Contains(text, "`"+name+"`") }

	for _, p := range packages {
		name := strings.TrimPrefix(p.ImportPath, root+"/")
		if p.ImportPath == root {
			name = p.Name
		}
		if !named(name) {
			t.Errorf("the package `%s` is not named", name)
		}
		// The programs are above all others, and integration has only tests.
		if !walls[name] && path.Base(path.Dir(name)) != "cmd" && path.Base(name) != "integration" {
			t.Errorf("no depguard rule in .golangci.yml names the package `%s`", name)
		}
	}
	var tests strings.Builder
	for _, f := range sources(t) {
		if strings.HasSuffix(f.name, "_test.go") || strings.HasPrefix(f.name, "storage/storagetest/") {
			tests.WriteString(f.data)
		}
	}
	for _, test := range regexp.MustCompile(`\b(Test|Fuzz)[A-Z]\w*`).FindAllString(text, -1) {
		if !strings.Contains(tests.String(), "func "+test+"(") {
			t.Errorf("there is no %s", test)
		}
	}
	for _, link := range regexp.MustCompile("`([a-z][\\w/.-]*/[\\w.-]+)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.FromSlash(link[1])); err != nil {
			t.Errorf("there is no %s", link[1])
		}
	}
	if lines := strings.Count(text, "\n"); lines > 200 {
		t.Errorf("%d lines; more than 200 are not read", lines)
	}
}

// packagesWithWalls returns the packages of the module that the depguard rules name, as
// what a rule is about or as what it forbids. The root is "s3sync".
func packagesWithWalls(t *testing.T, module string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(".golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(data), "    depguard:\n")
	rules, _, _ = strings.Cut(rules, "    forbidigo:\n")
	walls := map[string]bool{"s3sync": strings.Contains(rules, "pkg: "+module+"$")}
	name := regexp.MustCompile(`(?:\*\*/|pkg: ` + regexp.QuoteMeta(module) + `/)([\w/]+)(?:\{([\w,]+)\})?`)
	for _, m := range name.FindAllStringSubmatch(rules, -1) {
		for last := range strings.SplitSeq(m[2], ",") {
			walls[strings.TrimSuffix(m[1]+last, "/")] = true
		}
	}
	return walls
}

// TestGoldenFilesAreGenerated: `make generate` rewrites every golden file,
// because each test with an -update flag has a go:generate line.
func TestGoldenFilesAreGenerated(t *testing.T) {
	declares, generates := make(map[string]bool), make(map[string]bool)
	for _, f := range sources(t) {
		if path.Ext(f.name) != ".go" {
			continue
		}
		if strings.Contains(f.data, `flag.Bool("update"`) {
			declares[path.Dir(f.name)] = true
		}
		if regexp.MustCompile(`(?m)^//go:generate go test .*-update`).MatchString(f.data) {
			generates[path.Dir(f.name)] = true
		}
	}
	for dir := range declares {
		if !generates[dir] {
			t.Errorf("%s has an -update flag but no line `//go:generate go test -run ^TestName$ . -update`", dir)
		}
	}
}

// TestDocComments: a line that is indented by mistake is shown as code and tears its
// sentence apart. So no code is prose, and the comment of the root has its example and
// no other code.
func TestDocComments(t *testing.T) {
	prose := regexp.MustCompile(`(?m)^\s*[A-Z][a-z]+( [a-z]+){2}`)
	for _, f := range sources(t) {
		if path.Ext(f.name) != ".go" || strings.Contains(f.name, "testdata/") {
			continue
		}
		files := token.NewFileSet()
		parsed, err := parser.ParseFile(files, f.name, f.data, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range parsed.Comments {
			var code []string
			for _, block := range new(comment.Parser).Parse(group.Text()).Content {
				if b, ok := block.(*comment.Code); ok {
					code = append(code, b.Text)
				}
			}
			if found := prose.FindString(strings.Join(code, "")); found != "" {
				t.Errorf("%s: is this code? %s", files.Position(group.Pos()), found)
			}
			if f.name == "doc.go" && (len(code) != 1 || strings.Count(code[0], "\n") != 4) {
				t.Errorf("code in the comment of the root: %q", code)
			}
		}
	}
}

// TestLogMessagesAreDocumented: docs/logging.md names every record, because scripts look
// for them.
func TestLogMessagesAreDocumented(t *testing.T) {
	data, err := os.ReadFile(filepath.FromSlash("docs/logging.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, f := range sources(t) {
		dir := path.Dir(f.name)
		if path.Ext(f.name) != ".go" || strings.HasSuffix(f.name, "_test.go") || slices.ContainsFunc(testTools, func(tool string) bool { return strings.HasSuffix(tool, "/"+dir) }) {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), f.name, f.data, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, message := range loggedIn(parsed, dir == "internal/report") {
			found++
			if !strings.Contains(string(data), "`"+message) {
				t.Errorf("%s logs %q, which docs/logging.md does not have", f.name, message)
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d messages found", found)
	}
}

// loggedIn returns the messages of log records that a file has as literals. Those of
// package report also go through functions of its own, and some of these return one.
func loggedIn(file *ast.File, report bool) (messages []string) {
	literal := func(n ast.Node) {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			messages = append(messages, strings.Trim(text.Value, `"`))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok && report && len(r.Results) == 1 {
			if text, ok := r.Results[0].(*ast.BasicLit); ok && strings.HasSuffix(text.Value, `."`) {
				literal(text)
			}
		}
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name := ""
		switch f := call.Fun.(type) {
		case *ast.Ident:
			name = f.Name
		case *ast.SelectorExpr:
			name = f.Sel.Name
		}
		logs := []string{"Log", "LogAttrs", "DebugContext"}
		if report {
			logs = append(logs, "write", "dry")
		}
		if !slices.Contains(logs, name) {
			return true
		}
		for _, arg := range call.Args {
			if sum, ok := arg.(*ast.BinaryExpr); ok {
				arg = sum.X
			}
			literal(arg)
		}
		return true
	})
	return messages
}
