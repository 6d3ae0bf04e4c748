package s3sync_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// goroutineFiles are the files of the product that may start goroutines. Each of them
// waits for its goroutines; see "Concurrency" in docs/ARCHITECTURE.md before adding
// one.
var goroutineFiles = []string{
	"cluster/internal/command/command.go",        // waits for signals
	"cluster/internal/flow/activities.go",        // heartbeats of a lease
	"cluster/internal/lease/sweep.go",            // failed keys, some at once
	"internal/cli/signal.go",                     // the watch for signals; that for SIGQUIT lives as long as the process
	"internal/parallel/ahead.go",                 // a listing that runs ahead of the workers
	"internal/metrics/export.go",                 // the server of metrics
	"internal/parallel/parallel.go",              // workers
	"internal/report/recorder.go",                // the owner of the counters
	"internal/state/queue.go",                    // what writes the state
	"storage/bucket/internal/objects/layout.go",  // HEADs of the parts of one object
	"storage/bucket/internal/listing/listing.go", // the next page of a directory bucket
	"storage/bucket/internal/listing/ordered.go", // pages of other buckets
	"storage/bucket/remove.go",                   // deletions that have a condition
	"storage/bucket/internal/transport/hedge.go", // further requests for a read
}

// testTools are the packages that only tests, the demo and benchmarks use.
var testTools = []string{
	"s3sync/internal/bench", "s3sync/internal/bench/internal/floor", "s3sync/internal/bench/internal/madeup", "s3sync/internal/bench/internal/server", "s3sync/internal/demo", "s3sync/internal/directoryserver", "s3sync/internal/doclines", "s3sync/internal/faultproxy",
	"s3sync/internal/inventorytest", "s3sync/internal/listserver", "s3sync/internal/modulepath", "s3sync/internal/s3server", "s3sync/internal/session", "s3sync/internal/settingtest", "s3sync/storage/storagetest",
}

// TestSequenceErrors: code that ranges over a sequence of values and errors, or pulls
// from one, must use the error. Go and vet allow code that ignores it, and a failed
// listing would look complete.
func TestSequenceErrors(t *testing.T) {
	for _, text := range typeCheck(t).dropped {
		t.Error(text)
	}
}

// TestGoroutines: goroutines start in few places, so it is clear who waits for them.
func TestGoroutines(t *testing.T) {
	unused := slices.Clone(goroutineFiles)
	for _, at := range typeCheck(t).goroutines {
		unused = slices.DeleteFunc(unused, func(f string) bool { return f == at.Filename })
		if !slices.Contains(goroutineFiles, at.Filename) {
			t.Errorf("%s: starts a goroutine; use internal/parallel, or add the file to goroutineFiles", at)
		}
	}
	if len(unused) > 0 {
		t.Errorf("goroutineFiles names %v, which start none", unused)
	}
}

// TestRulesFindWhatTheyForbid tests the two rules above with code that breaks them.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	const source = `package p
import ("iter"; "sync")
type list = iter.Seq2[int, error]
func bad(s iter.Seq2[string, error], l list, m map[int]error) {
	for range s {}           // 1
	for k := range s { _ = k } // 2
	for k, _ := range l { _ = k } // 3
	next, stop := iter.Pull2(s)
	defer stop()
	v, _, ok := next() // 4
	_, _ = v, ok
	for k, err := range s { _, _ = k, err }
	for k := range m { _ = k }
	for range 3 {}
	v, err, ok := next()
	_, _, _ = v, err, ok
}
func start(wg *sync.WaitGroup, f func()) {
	go f()   // 1
	wg.Go(f) // 2
	wg.Wait()
}
`
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "p.go", source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	info := newInfo()
	conf := types.Config{Importer: importer.ForCompiler(fset, "source", nil)}
	if _, err := conf.Check("p", fset, []*ast.File{file}, info); err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, found := range droppedErrors(info, file) {
		lines = append(lines, fset.Position(found.node.Pos()).Line)
	}
	if want := []int{5, 6, 7, 10}; !slices.Equal(lines, want) {
		t.Errorf("dropped errors found in lines %v, want %v", lines, want)
	}
	lines = nil
	for _, node := range goroutines(info, file) {
		lines = append(lines, fset.Position(node.Pos()).Line)
	}
	if want := []int{19, 20}; !slices.Equal(lines, want) {
		t.Errorf("goroutines found in lines %v, want %v", lines, want)
	}
}

type finding struct {
	node ast.Node
	text string
}

func droppedErrors(info *types.Info, file *ast.File) (found []finding) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.RangeStmt:
			if yieldsError(info.TypeOf(n.X)) && (n.Value == nil || isBlank(n.Value)) {
				found = append(found, finding{n, "this loop drops the error of its sequence"})
			}
		case *ast.AssignStmt:
			if len(n.Lhs) == 3 && len(n.Rhs) == 1 && isBlank(n.Lhs[1]) && pullsError(info.TypeOf(n.Rhs[0])) {
				found = append(found, finding{n, "this drops the error of the sequence that it pulls from"})
			}
		}
		return true
	})
	return found
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

func isError(t types.Type) bool {
	return types.Identical(t, types.Universe.Lookup("error").Type())
}

// yieldsError reports whether t is func(yield func(V, error) bool).
func yieldsError(t types.Type) bool {
	if t == nil {
		return false
	}
	seq, ok := t.Underlying().(*types.Signature)
	if !ok || seq.Params().Len() != 1 {
		return false
	}
	yield, ok := seq.Params().At(0).Type().Underlying().(*types.Signature)
	return ok && yield.Params().Len() == 2 && isError(yield.Params().At(1).Type())
}

// pullsError reports whether t is the results (V, error, bool), which only the next
// function of a pulled sequence has.
func pullsError(t types.Type) bool {
	results, ok := t.(*types.Tuple)
	return ok && results.Len() == 3 && isError(results.At(1).Type()) &&
		types.Identical(results.At(2).Type(), types.Typ[types.Bool])
}

func goroutines(info *types.Info, file *ast.File) (found []ast.Node) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, n)
		case *ast.CallExpr:
			selector, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			f, ok := info.Uses[selector.Sel].(*types.Func)
			if ok && slices.Contains([]string{
				"(*sync.WaitGroup).Go", "(*golang.org/x/sync/errgroup.Group).Go", "(*golang.org/x/sync/errgroup.Group).TryGo",
			}, f.FullName()) {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

// A checked is a package of this module with the types of its expressions.
type checked struct {
	path  string
	root  string
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

// position is relative to the module.
func (p *checked) position(n ast.Node) token.Position {
	pos := p.fset.Position(n.Pos())
	if rel, err := filepath.Rel(p.root, pos.Filename); err == nil {
		pos.Filename = filepath.ToSlash(rel)
	}
	return pos
}

func newInfo() *types.Info {
	return &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Uses: make(map[*ast.Ident]types.Object), Defs: make(map[*ast.Ident]types.Object)}
}

// A listed is the output of `go list` for a package.
type listed struct {
	ImportPath, Name, Dir, Export, ForTest string
	Standard                               bool
	GoFiles, Imports                       []string
	ImportMap                              map[string]string
	Module                                 *struct {
		Path, Version string
		Main          bool
	}
}

func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	packages, err := runGoList(args...)
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

func runGoList(args ...string) (packages []listed, err error) { return runGoListIn("", args...) }

// runGoListIn is for a module in a folder of the repository.
func runGoListIn(dir string, args ...string) (packages []listed, err error) {
	cmd := exec.Command("go", append([]string{"list", "-json"}, args...)...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%v: %w\n%s", cmd, err, stderr.String())
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
}

// facts are what the tests want to know of all packages of this module.
type facts struct {
	dropped    []string         // errors of sequences that are dropped, with their places
	goroutines []token.Position // in the product
	errors     []errorText      // in the product, with their makers
	kinds      []string         // the errors that package storage exports
}

// add adds what is in a package.
func (f *facts) add(p *checked, finder *errorFinder) {
	product := !slices.Contains(testTools, p.path)
	for _, file := range p.files {
		for _, found := range droppedErrors(p.info, file) {
			f.dropped = append(f.dropped, fmt.Sprintf("%s: %s", p.position(found.node), found.text))
		}
		if !product || strings.HasSuffix(p.position(file).Filename, "_test.go") {
			continue
		}
		for _, node := range goroutines(p.info, file) {
			f.goroutines = append(f.goroutines, p.position(node))
		}
	}
	if p.path == "s3sync/storage" {
		for id, object := range p.info.Defs {
			if v, ok := object.(*types.Var); ok && v.Parent() == v.Pkg().Scope() && strings.HasPrefix(id.Name, "Err") {
				f.kinds = append(f.kinds, id.Name)
			}
		}
	}
	if product && !strings.HasSuffix(p.path, "_test") {
		f.errors = append(f.errors, finder.in(p)...)
	}
}

func typeCheck(t *testing.T) *facts {
	t.Helper()
	all, err := typeCheckOnce()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// typeCheckOnce type-checks all packages of both modules with their tests, each after what
// it imports. Imported packages come from the build cache. It takes seconds, and several
// tests use the result. The types of a package are dropped before the next one: those of all
// would take gigabytes under the race detector.
var typeCheckOnce = sync.OnceValues(func() (*facts, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	var all facts
	finder := newErrorFinder()
	for _, dir := range []string{"", "cluster"} {
		if err := all.addModule(root, dir, finder); err != nil {
			return nil, err
		}
	}
	return &all, nil
})

// addModule adds what is in the packages of a module.
func (f *facts) addModule(root, dir string, finder *errorFinder) error {
	args := []string{"-export", "-deps", "-test"}
	if race { // what go test compiled is in the cache then
		args = append(args, "-race")
	}
	packages, err := runGoListIn(dir, append(args, "./...")...)
	if err != nil {
		return err
	}
	exports := make(map[string]string)
	withTests := make(map[string]*listed) // packages that have a variant with their test files
	for i := range packages {
		p := &packages[i]
		exports[p.ImportPath] = p.Export
		if p.ForTest != "" && p.ImportPath == p.ForTest+" ["+p.ForTest+".test]" {
			withTests[p.ForTest] = p
		}
	}
	n := 0
	for i := range packages {
		p := &packages[i]
		path, _, _ := strings.Cut(p.ImportPath, " ")
		if p.Module == nil || !p.Module.Main || strings.HasSuffix(path, ".test") || p.ForTest != "" && path != p.ForTest+"_test" {
			continue // from another module, generated, or the same files again
		}
		if variant := withTests[p.ImportPath]; variant != nil {
			p = variant
		}
		c, err := p.check(path, root, exports)
		if err != nil {
			return err
		}
		f.add(c, finder)
		n++
	}
	if n == 0 {
		return errors.New("no packages found")
	}
	return nil
}

// check parses and type-checks a package. exports are the files of those that it imports.
func (p *listed) check(path, root string, exports map[string]string) (*checked, error) {
	c := &checked{path: path, root: root, fset: token.NewFileSet(), info: newInfo()}
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		c.files = append(c.files, file)
	}
	conf := types.Config{Importer: importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) {
		if mapped := p.ImportMap[path]; mapped != "" {
			path = mapped
		}
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data for %s", path)
		}
		return os.Open(exports[path])
	})}
	_, err := conf.Check(path, c.fset, c.files, c.info)
	return c, err
}
