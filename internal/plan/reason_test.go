package plan_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"s3sync/internal/plan"
)

// constants returns the values of the constants of a type that a file of this package
// declares.
func constants(t *testing.T, file, of string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != of {
			return true
		}
		for _, value := range spec.Values {
			if literal, ok := value.(*ast.BasicLit); ok {
				text, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
		}
		return true
	})
	return values
}

// Every reason has words, and no two have the same. The words are short, because they
// are in a column of their own.
func TestWords(t *testing.T) {
	reasons := constants(t, "reason.go", "Reason")
	if len(reasons) < 25 {
		t.Fatalf("only %d reasons found", len(reasons))
	}
	seen := map[string]string{}
	for _, reason := range reasons {
		words := plan.Reason(reason).Words()
		switch before, ok := seen[words]; {
		case ok:
			t.Errorf("%q and %q both are %q", before, reason, words)
		case words == "", strings.HasPrefix(words, "filter ") && reason != string(plan.ReasonCallback):
			t.Errorf("%q has no words of its own: %q", reason, words)
		case len(words) > 23:
			t.Errorf("%q has long words: %q", reason, words)
		}
		seen[words] = reason
	}
	if got := plan.Reason("exclude-regex").Words(); got != "filter exclude-regex" {
		t.Errorf("a filter is %q", got)
	}
	if got := plan.Reason("").Words(); got != "" {
		t.Errorf("no reason is %q", got)
	}
}

// The list of changes has every change once.
func TestChanges(t *testing.T) {
	var got []string
	for _, change := range plan.Changes() {
		got = append(got, string(change))
	}
	want := constants(t, "change.go", "Change")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
