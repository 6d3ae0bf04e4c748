package glob_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/glob"
)

// differences are the cases in which a pattern means something else than to aws-cli, and
// why. docs/filters.md tells of them.
func differences() map[string]string {
	const star, depth, slash = "* matches no slash", "a pattern without a slash is at any depth", "a slash at the end means a directory"
	return map[string]string{
		"- logs/*.log":         star,
		"- *.git/*":            star,
		"- */cache/*":          star,
		"- *.jpg, + dir/*.jpg": star,
		"- a.*":                depth,
		"- dir":                "what matches a directory matches everything below it",
		"- dir/":               slash,
		"- /a.txt":             "a slash at the beginning is the root of the source",
		"- *.{jpg,txt}":        "braces are alternatives",
		"- **/logs/**":         "**/ matches the root, too",
	}
}

// The same options select the same files as with aws-cli, but for what is known. The
// answers are those of the program, for a tree of files.
func TestRulesAreLikeAWS(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "aws.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pinned struct {
		Tree  []string
		Cases []struct {
			Rules    []glob.Rule
			Excluded []string
		}
	}
	if err := json.Unmarshal(data, &pinned); err != nil {
		t.Fatal(err)
	}
	different := differences()
	for _, tt := range pinned.Cases {
		var names []string
		for _, r := range tt.Rules {
			names = append(names, r.String())
		}
		name := strings.Join(names, ", ")
		l := list(t, tt.Rules, "")
		excluded := slices.DeleteFunc(slices.Clone(pinned.Tree), func(key string) bool { return !l.Excludes(key) })
		diff := cmp.Diff(strings.Join(tt.Excluded, "\n"), strings.Join(excluded, "\n"))
		if why, known := different[name]; known == (diff == "") {
			t.Errorf("%s: known to differ: %v %s (-aws +we):\n%s", name, known, why, diff)
		}
		delete(different, name)
	}
	for name := range different {
		t.Errorf("there is no case %s", name)
	}
	if n := len(pinned.Cases) - len(differences()); n < 30 {
		t.Errorf("only %d cases are equal", n)
	}
}
