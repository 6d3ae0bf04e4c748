package options

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/cli/options/table"
)

// texts returns rules as text.
func texts(rules []s3sync.GlobRule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.String())
	}
	return all
}

// Rules are in the order in which they were given, across the options.
func TestRulesInOrder(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
		want      []string
		from      string // the variable of the last option that counts
	}{
		"none":     {},
		"in order": {args: []string{"--exclude", "*", "--include=a b", "--exclude", "c"}, want: []string{"- *", "+ a b", "- c"}},
		"files": {
			args: []string{"--exclude=x", "--include-from", "testdata/patterns.txt", "--exclude-from=testdata/patterns.txt", "--include", "y"},
			want: []string{"- x", "+ *.tmp", "+ build/", "+ \\#*", "- *.tmp", "- build/", "- \\#*", "+ y"},
		},
		"variables": {
			env:  []string{"S3SYNC_INCLUDE=a\nb\n", "S3SYNC_EXCLUDE=*\r\n\nc d", "S3SYNC_EXCLUDE_FROM=testdata/patterns.txt"},
			want: []string{"- *", "- c d", "+ a", "+ b", "- *.tmp", "- build/", "- \\#*"}, from: "S3SYNC_EXCLUDE_FROM",
		},
		"the command line overrides all variables": {
			args: []string{"--exclude=x"}, env: []string{"S3SYNC_INCLUDE=a", "S3SYNC_EXCLUDE=b", "S3SYNC_INCLUDE_FROM=nowhere"}, want: []string{"- x"},
		},
		"bare names are those of other programs": {env: []string{"INCLUDE=/usr/include", "EXCLUDE=*", "IGNORE_FILE=x"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(Program{Args: append(tt.args, "s3://a", "s3://b"), Environ: tt.env, Commands: testCommands()})
			if _, _, _, err := l.Parse(); err != nil {
				t.Fatal(err)
			}
			if err := l.Check(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, texts(l.Config.Filter.Globs)); diff != "" {
				t.Error(diff)
			}
			if o := l.bound(table.RulesPath); o.From != tt.from {
				t.Errorf("%s is from %q, want %q", o.Title(), o.From, tt.from)
			}
		})
	}
}

// An include before the first exclude is refused, with the line that was meant.
func TestIncludeFirst(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const says = " changes nothing, because everything is included until something is excluded; to exclude everything else write: --exclude '*' "
	for name, tt := range map[string]struct {
		args  []string
		first string
		meant string
	}{
		"one":             {[]string{"--include", "*.jpg"}, "--include '*.jpg'", "--include '*.jpg'"},
		"several":         {[]string{"--include", "a b", "--include=it's", "--exclude", "c"}, "--include 'a b'", `--include 'a b' --include 'it'\''s' --exclude c`},
		"a file":          {[]string{"--include-from", "testdata/patterns.txt"}, "--include-from testdata/patterns.txt", "--include-from testdata/patterns.txt"},
		"an empty file":   {[]string{"--include-from", empty}, "--include-from " + empty, "--include-from " + empty},
		"excludes: none":  {[]string{"--exclude-from", empty, "--include", "a"}, "--include a", "--include a"},
		"of the variable": {nil, "--include b", "--include b"},
	} {
		t.Run(name, func(t *testing.T) {
			var env []string
			if tt.args == nil {
				env = []string{"S3SYNC_INCLUDE=b"}
			}
			l := New(Program{Args: append(tt.args, "s3://a", "s3://b"), Environ: env, Commands: testCommands()})
			_, _, _, err := l.Parse()
			if err == nil {
				err = l.Check()
			}
			if want := tt.first + says + tt.meant; err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// A file of patterns that cannot be read is refused, with the line.
func TestRulesOfABadFile(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"a\n\n[b\n": `has no pattern in line 3 of %q: "[b": there is no ] for this [, at character 1`,
		"!a":        `has no pattern in line 1 of %q: "!a": ! has no meaning here: --include takes something back, and \! is the letter`,
		"\xff":      `has no pattern in line 1 of %q: "\xff": it is not valid UTF-8`,
	} {
		path := filepath.Join(dir, "patterns")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := parse(t, "--exclude-from", path, "s3://a", "s3://b")
		if want = "--exclude-from " + fmt.Sprintf(want, path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	_, err := parse(t, "--include-from", dir, "s3://a", "s3://b")
	if err == nil || !strings.HasPrefix(err.Error(), "--include-from cannot be read: ") {
		t.Errorf("got %v", err)
	}
}

// Of several expressions one has to match.
func TestExpressionsSeveralTimes(t *testing.T) {
	l, err := parse(t, "--filter-include-regex", "^a", "--filter-include-regex=b$", "--filter-exclude-regex=x", "--filter-exclude-tag-regex=p",
		"--filter-exclude-tag-regex=q", "s3://a", "s3://b")
	if err != nil {
		t.Fatal(err)
	}
	f := &l.Config.Filter
	for text, want := range map[string]bool{"a": true, "xb": true, "c": false} {
		if got := f.Include.MatchString(text); got != want {
			t.Errorf("%q is included: %v", text, got)
		}
	}
	if f.Include.String() != "^a, b$" || f.Exclude.String() != "x" || f.ExcludeTags.String() != "p, q" {
		t.Errorf("%v, %v, %v", f.Include, f.Exclude, f.ExcludeTags)
	}
	if _, err := parse(t, "--filter-include-regex=a", "--filter-include-regex=(", "s3://a", "s3://b"); err == nil {
		t.Error("the second one is not checked")
	}
	l = New(Program{Args: []string{"--filter-include-regex=a", "s3://a", "s3://b"}, Environ: []string{"S3SYNC_FILTER_INCLUDE_REGEX=b"}, Commands: testCommands()})
	if _, _, _, err := l.Parse(); err != nil || l.Config.Filter.Include.String() != "a" {
		t.Errorf("with a variable: %v, %v", l.Config.Filter.Include, err)
	}
}
