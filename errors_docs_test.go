package s3sync_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	cli "s3sync/internal/cli/options"
)

//go:generate go test -run ^TestErrorDocs$ . -update

// TestErrorDocs: docs/errors.md has every text of an error in the code, in the class that
// the table gives to its place.
func TestErrorDocs(t *testing.T) {
	name := filepath.FromSlash("docs/errors.md")
	want := errorDocs(t)
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(got), "\r\n", "\n"), want); diff != "" {
		t.Errorf("docs/errors.md is stale; run `go generate .`:\n%s", diff)
	}
}

// errorDocs is docs/errors.md.
func errorDocs(t *testing.T) string {
	t.Helper()
	texts := typeCheck(t).errors
	if len(texts) < 400 {
		t.Errorf("only %d texts found", len(texts))
	}
	classes := errorClasses()
	members := make([][]string, len(classes))
	unused := map[string]bool{}
	for _, c := range classes {
		for _, at := range c.at {
			unused[at] = true
		}
	}
	for _, e := range texts {
		class, at := classOf(classes, e.file)
		if class < 0 {
			t.Errorf("%s: %q is in no class of errorClasses", e.file, e.text)
			continue
		}
		members[class] = append(members[class], e.text)
		delete(unused, at)
	}
	for at := range unused {
		t.Errorf("errorClasses names %s, which has no text", at)
	}
	var b strings.Builder
	b.WriteString("<!-- Written by `go generate .` from the code and from the table in errors_table_test.go; do not edit. -->\n\n# Errors\n\n" +
		"Every text of an error, so that it can be looked up: what it means, what the run does then, and what to do. `…` stands for what differs. " +
		"An error begins with its side (`source: …`, `target: …`), says what was done on which key and why, and often in parentheses what to do. " +
		"The messages that most people meet, with examples, are in [troubleshooting.md](troubleshooting.md), the records of the log in [logging.md](logging.md).\n\n" +
		"## Kinds of failures\n\nEach failure of a store has a kind, and the kind decides what the run does. A program asks for it with `errors.Is`. Codes of S3 that are not here have the kind of their HTTP status.\n\n" +
		"| text | meaning | what to do | codes of S3 |\n|---|---|---|---|\n")
	codes := codesByKind(t)
	for _, k := range failureKinds() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", k.err, k.meaning, k.remedy, strings.Join(codes[k.name], ", "))
	}
	for i, c := range classes {
		slices.Sort(members[i])
		fmt.Fprintf(&b, "\n## %s\n\n%s %s\n\n```text\n%s\n```\n", c.title, c.meaning, c.remedy, strings.Join(slices.Compact(members[i]), "\n"))
	}
	return b.String()
}

// classOf returns the class of a file, and the place in the table that decides.
func classOf(classes []errorClass, file string) (class int, best string) {
	class = -1
	name := strings.TrimSuffix(file, ".go")
	for i, c := range classes {
		for _, at := range c.at {
			if (name == at || strings.HasPrefix(name, at+"/")) && len(at) > len(best) {
				class, best = i, at
			}
		}
	}
	return class, best
}

// TestFailureKinds: the table of kinds has each that a store can give.
func TestFailureKinds(t *testing.T) {
	var named []string
	for _, k := range failureKinds() {
		named = append(named, k.name)
	}
	kinds := typeCheck(t).kinds
	if len(kinds) == 0 {
		t.Error("package storage has no errors")
	}
	for _, kind := range kinds {
		if !slices.Contains(named, kind) {
			t.Errorf("%s is not in failureKinds", kind)
		}
	}
	for kind := range codesByKind(t) {
		if !slices.Contains(named, kind) {
			t.Errorf("%s is not in failureKinds", kind)
		}
	}
}

// codesByKind returns the codes of S3 that have a kind, by its name.
func codesByKind(t *testing.T) map[string][]string {
	t.Helper()
	codes := map[string][]string{}
	for _, f := range sources(t) {
		if f.name != "storage/bucket/internal/failure/rules.go" {
			continue
		}
		for _, m := range regexp.MustCompile(`"([\w.:]+)": +\{\s*kind: ([\w.]+)`).FindAllStringSubmatch(f.data, -1) {
			kind := strings.TrimPrefix(m[2], "storage.")
			codes[kind] = append(codes[kind], "`"+m[1]+"`")
		}
	}
	if len(codes) < 8 {
		t.Errorf("only %d kinds have codes", len(codes))
	}
	return codes
}

// An errorText is a text of an error, and the file that makes it.
type errorText struct{ file, text string }

// A maker is a function that makes an error of a text: which argument it is, and what
// stands around it.
type maker struct {
	arg           int
	before, after string
}

func makers() map[string]maker {
	const failure, rules = "s3sync/storage/bucket/internal/failure", "(*s3sync/internal/rules.validator)"
	return map[string]maker{
		"errors.New": {}, "fmt.Errorf": {}, "s3sync/internal/setting.Textf": {}, "s3sync/internal/cli/options.usagef": {},
		failure + ".Garbled": {}, failure + ".Changed": {}, failure + ".Unusable": {},
		rules + ".add": {1, "OPTION ", ""}, rules + ".add2": {1, "OPTION ", " OPTION"},
		rules + ".refuse": {0, "OPTION ", ""}, rules + ".misfits": {0, "OPTION ", ""},
	}
}

// An errorFinder finds the texts of errors in the code that users run. Packages are given to
// it after those that they import, because a function that hands its own parameter to a
// maker is one, too.
type errorFinder struct {
	makers map[string]maker
	spell  func(string) string
	texts  []errorText
	p      *checked
	file   string
}

func newErrorFinder() *errorFinder {
	return &errorFinder{makers: makers(), spell: cli.New(cli.Program{Commands: []cli.Command{{}}}).Spell}
}

// in returns the texts in a package.
func (f *errorFinder) in(p *checked) []errorText {
	f.p = p
	for known := 0; known < len(f.makers); {
		known = len(f.makers)
		f.texts = nil
		for _, file := range p.files {
			f.file = filepath.ToSlash(p.position(file).Filename)
			if strings.HasSuffix(f.file, "_test.go") || slices.ContainsFunc(withoutErrors(), func(dir string) bool { return strings.HasPrefix(f.file, dir) }) {
				continue
			}
			for _, decl := range file.Decls {
				f.inDecl(decl)
			}
		}
	}
	f.p = nil
	return f.texts
}

func (f *errorFinder) inDecl(decl ast.Decl) {
	function, _ := decl.(*ast.FuncDecl)
	reasons := function != nil && regexp.MustCompile(`(?i)fault|reason|refusal|whyRefused|advice`).MatchString(function.Name.Name)
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f.inCall(function, n)
		case *ast.CompositeLit:
			f.inLiteral(n)
		case *ast.ReturnStmt:
			for _, result := range n.Results {
				if text := f.constant(result); reasons && text != "" {
					f.add(text)
				}
			}
		}
		return true
	})
}

// inCall looks at a call in a function, which is nil outside of one.
func (f *errorFinder) inCall(function *ast.FuncDecl, call *ast.CallExpr) {
	m, ok := f.makers[f.called(call)]
	if !ok || m.arg >= len(call.Args) {
		return
	}
	if i := f.parameter(function, call.Args[m.arg]); i >= 0 {
		if object, ok := f.p.info.Defs[function.Name].(*types.Func); ok {
			if _, known := f.makers[object.FullName()]; !known {
				f.makers[object.FullName()] = maker{i, m.before, m.after}
			}
		}
		return
	}
	args := call.Args[m.arg+1:]
	verb := regexp.MustCompile(`%[-+# 0]*[\d.*]*[a-zA-Z%]`)
	text := verb.ReplaceAllStringFunc(f.text(call.Args[m.arg]), func(verb string) string {
		if verb == "%%" {
			return "%"
		}
		var arg ast.Expr
		if len(args) > 0 {
			arg, args = args[0], args[1:]
		}
		if arg != nil && f.p.info.Types[arg].Type != nil && strings.HasSuffix(f.p.info.Types[arg].Type.String(), "setting.Name") {
			if name := f.constant(arg); name != "" {
				return f.spell(name)
			}
		}
		return "…"
	})
	f.add(m.before + text + m.after)
}

// called returns the full name of the function that a call calls.
func (f *errorFinder) called(call *ast.CallExpr) string {
	var id *ast.Ident
	switch fun := call.Fun.(type) {
	case *ast.Ident:
		id = fun
	case *ast.SelectorExpr:
		id = fun.Sel
	default:
		return ""
	}
	if object, ok := f.p.info.Uses[id].(*types.Func); ok {
		return object.FullName()
	}
	return ""
}

// parameter returns which parameter of a function an expression is, or -1.
func (f *errorFinder) parameter(function *ast.FuncDecl, e ast.Expr) int {
	id, ok := e.(*ast.Ident)
	if !ok || function == nil {
		return -1
	}
	i := 0
	for _, field := range function.Type.Params.List {
		for _, name := range field.Names {
			if f.p.info.Uses[id] == f.p.info.Defs[name] {
				return i
			}
			i++
		}
	}
	return -1
}

// inLiteral looks at a value with a field that is the text of an error.
func (f *errorFinder) inLiteral(literal *ast.CompositeLit) {
	kind := f.p.info.Types[literal].Type
	isFault := slices.Contains([]string{"s3sync/internal/rules.Fault", "s3sync.ConfigError", "s3sync/internal/fields.Rule"}, kind.String())
	isError := types.NewMethodSet(types.NewPointer(kind)).Lookup(nil, "Error") != nil
	if !isFault && !isError {
		return
	}
	for _, element := range literal.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		if text := f.constant(pair.Value); ok && text != "" && slices.Contains([]string{"Reason", "Text", "text", "why", "Verb"}, key.Name) {
			if key.Name == "Reason" {
				text = "OPTION " + text
			}
			f.add(text)
		}
	}
}

// constant returns the text of a constant, or nothing.
func (f *errorFinder) constant(e ast.Expr) string {
	if v := f.p.info.Types[e].Value; v != nil && v.Kind() == constant.String {
		return constant.StringVal(v)
	}
	return ""
}

// text returns what is known of a text that is put together.
func (f *errorFinder) text(e ast.Expr) string {
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD && f.p.info.Types[e].Value == nil {
		return f.text(sum.X) + f.text(sum.Y)
	}
	if text := f.constant(e); text != "" {
		return text
	}
	return "…"
}

func (f *errorFinder) add(text string) {
	text = strings.Join(strings.Fields(text), " ")
	for before := ""; before != text; {
		before = text
		text = strings.TrimSuffix(strings.TrimPrefix(text, "…: "), ": …")
	}
	words := strings.NewReplacer("OPTION", "", "…", "").Replace(text)
	if strings.ContainsFunc(words, unicode.IsLetter) {
		f.texts = append(f.texts, errorText{f.file, text})
	}
}
