package glob_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/glob"
)

const ignoreName = ".testignore"

// kept returns the files of a tree that its ignore files do not exclude. Directories that
// are pruned are not entered, as in a listing.
func kept(t rapid.TB, tree map[string]string) []string {
	t.Helper()
	g := ignoreOf(tree)
	var keep []string
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		excluded, err := g.Excludes(key)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(key) {
			if key[i] != '/' {
				continue
			}
			if pruned, err := g.Prunes(key[:i+1]); err != nil || pruned && !excluded {
				t.Fatalf("%q is pruned, but %q below it is not excluded; %v", key[:i+1], key, err)
			}
		}
		if !excluded {
			keep = append(keep, key)
		}
	}
	return keep
}

func ignoreOf(tree map[string]string) *glob.Ignore {
	return glob.NewIgnore(ignoreName, func(key string) ([]byte, bool, error) {
		text, ok := tree[key]
		return []byte(text), ok, nil
	})
}

// keptByGit returns the same, as git sees it.
func keptByGit(t rapid.TB, root string, tree map[string]string) []string {
	t.Helper()
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			if err := os.RemoveAll(filepath.Join(root, e.Name())); err != nil {
				t.Fatal(err)
			}
		}
	}
	for key, text := range tree {
		name := filepath.Join(root, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := git(t, root, "ls-files", "-z", "--others", "--exclude-per-directory="+ignoreName)
	keep := strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
	if out == "" {
		keep = nil
	}
	slices.Sort(keep)
	return keep
}

func git(t rapid.TB, root string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", root}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_CONFIG_COUNT=0", "LC_ALL=C")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %q: %v: %s", args, err, &stderr)
	}
	return string(out)
}

// repository returns an empty repository of git.
func repository(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	root := t.TempDir()
	git(t, root, "init", "--quiet")
	return root
}

// ignoreCases are cases of the documentation of git and of people who were surprised.
func ignoreCases() map[string]map[string]string {
	files := func(ignore string, keys ...string) map[string]string {
		tree := map[string]string{ignoreName: ignore}
		for _, key := range keys {
			tree[key] = ""
		}
		return tree
	}
	with := func(tree map[string]string, key, text string) map[string]string {
		tree[key] = text
		return tree
	}
	return map[string]map[string]string{
		"a name at any depth":             files("debug.log\n", "debug.log", "a/debug.log", "a/b/debug.log/x", "debug.logs"),
		"a name at the root":              files("/debug.log\n", "debug.log", "a/debug.log"),
		"a slash in the middle":           files("doc/frotz\n", "doc/frotz", "a/doc/frotz", "doc/frotz2"),
		"a directory at any depth":        files("build/\n", "build/a", "a/build/b/c", "b/build"),
		"a directory at the root":         files("/build/\n", "build/a", "a/build/b"),
		"a star crosses no slash":         files("foo/*\n!foo/bar\n", "foo/test.json", "foo/bar/hello.c", "foo/bar2/hello.c"),
		"a star in a path":                files("a/*/c\n", "a/b/c", "a/c", "a/b/b/c", "a/x/y/c"),
		"two stars first":                 files("**/foo\n", "foo", "a/foo", "a/b/foo/c"),
		"two stars first in a path":       files("**/foo/bar\n", "foo/bar", "a/foo/bar", "bar", "foo/x/bar"),
		"two stars last":                  files("abc/**\n", "abc/f", "abc/d/e", "x/abc/d", "abcd"),
		"two stars last, file":            files("abc/**\n", "abc"),
		"two stars in the middle":         files("a/**/b\n", "a/b", "a/x/b", "a/x/y/b", "a/xb"),
		"two stars in a name":             files("a**b\n", "ab", "axb", "a/b"),
		"two stars in a name of a path":   files("x/a**b\n", "x/ab", "x/axb", "x/a/b"),
		"three stars":                     files("a/***/b\n", "a/b", "a/x/b", "a/x/y/b"),
		"all but some":                    files("/*\n!/foo\n/foo/*\n!/foo/bar\n", "foo/bar", "foo/baz", "x", "y/z"),
		"an excluded parent":              files("a/\n!a/keep\n", "a/keep", "a/x"),
		"an excluded parent, by its name": files("*\n!*.jpg\n", "1.jpg", "a/2.jpg"),
		"directories are taken back":      files("*\n!*/\n!*.jpg\n", "1.jpg", "a/2.jpg", "a/b"),
		"the last match":                  files("*.log\n!a.log\na.*\n", "a.log", "b.log", "a.txt"),
		"comments and escapes":            files("# no\n\\#x\n\\!y\na\\*\n", "# no", "#x", "!y", "a*", "ab"),
		"blanks at the end":               files("a  \nb\\ \nc\t\nd \\  \n", "a", "a  ", "b", "b ", "c", "c\t", "d  ", "d "),
		"lines of Windows":                files("a\r\n/b\r\n", "a", "b", "c"),
		"no newline at the end":           files("a\nb", "a", "b", "c"),
		"a mark at the beginning":         files("\ufeffa\n", "a", "b"),
		"classes":                         files("[a-c]1\n[!a-c]2\n[^x]3\n", "a1", "d1", "a2", "d2", "x3", "y3"),
		"a bracket in a class":            files("[]x]1\n[!]x]2\n", "]1", "x1", "y1", "]2", "y2"),
		"a hyphen in a class":             files("[-a]1\n[a-]2\n[a\\-z]3\n[+--]4\n", "-1", "a1", "-2", "a2", "m3", "-3", "z3", ",4", ".4"),
		"named classes":                   files("[[:digit:]]1\n[[:alpha:]_]2\n[![:space:]]3\n[[:upper:]]4\n[[:punct:]]5\n", "01", "a1", "_2", "b2", "02", " 3", "a3", "A4", "a4", "-5", "a5"),
		"an unknown class":                files("[[:no:]]1\n", "n1", "]1", ":1"),
		"a class without an end":          files("[a\n[a]\\\nb\n", "[a", "a", "b"),
		"braces are letters":              files("{a,b}\n", "{a,b}", "a", "b"),
		"a question mark":                 files("a?c\n", "abc", "ac", "a/c", "abbc"),
		"a class that has a slash":        files("a[^b]c\nd[+-9]e\n", "axc", "a/c", "d/e", "d.e"),
		"nothing":                         files("\n  \n/\n!\n!/\n", "a"),
		"two slashes":                     files("a//b\nc//\n", "a/b", "c/d"),
		"deeper files decide":             with(files("*.txt\n", "a/x.txt", "a/y.txt", "x.txt"), "a/"+ignoreName, "!x.txt\n"),
		"deeper files, paths":             with(files("", "a/b/x", "b/x", "a/a/b/x"), "a/"+ignoreName, "/b/x\n"),
		"deeper files are not read":       with(files("a/\n", "a/x"), "a/"+ignoreName, "!x\n"),
		"the file itself":                 files(ignoreName+"\n", "a"),
	}
}

// Ignore files mean what they mean to git.
func TestIgnoreIsLikeGit(t *testing.T) {
	root := repository(t)
	for name, tree := range ignoreCases() {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(keptByGit(t, root, tree), kept(t, tree)); diff != "" {
				t.Errorf("%q (-git +we):\n%s", tree, diff)
			}
		})
	}
}

// Whatever the files and their lines are.
func TestIgnoreIsLikeGitProperty(t *testing.T) {
	root := repository(t)
	name := rapid.SampledFrom([]string{"a", "b", "ab", "a.b", "-", "a]"})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(name, 1, 3).Draw(t, "names"), "/")
	})
	piece := rapid.SampledFrom([]string{
		"a", "b", "ab", "a.b", "/", "/", "*", "**", "/**/", "**/", "/**", "?", "[ab]", "[!a]", "[^b]", "[]]", "[a-b]", "[[:alpha:]]", `\a`, `\*`, "!", " ", "-", "{a,b}", ".",
	})
	// git takes a** for a and then ** if a slash follows, which its documentation denies.
	odd := regexp.MustCompile(`[^/!]\*\*|\*\*[^/]`)
	line := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(piece, 1, 5).Draw(t, "pieces"), "")
	}).Filter(func(line string) bool { return !odd.MatchString(line) })
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(line, 1, 4).Draw(t, "lines"), "\n") + "\n"
	})
	rapid.Check(t, func(rt *rapid.T) {
		tree := map[string]string{ignoreName: text.Draw(rt, "ignore")}
		for _, key := range rapid.SliceOfN(path, 1, 8).Draw(rt, "keys") {
			addFile(tree, key, "")
		}
		for _, dir := range rapid.SliceOfN(path, 0, 2).Draw(rt, "directories") {
			addFile(tree, dir+"/"+ignoreName, text.Draw(rt, "deeper"))
		}
		if diff := cmp.Diff(keptByGit(rt, root, tree), kept(rt, tree)); diff != "" {
			rt.Errorf("%q (-git +we):\n%s", tree, diff)
		}
	})
}

// addFile adds a file to a tree, unless it is or needs a directory where a file is.
func addFile(tree map[string]string, key, text string) {
	for other := range tree {
		if strings.HasPrefix(other, key+"/") || strings.HasPrefix(key, other+"/") {
			return
		}
	}
	tree[key] = text
}

// An ignore file that cannot be read fails, and so do too many.
func TestIgnoreFails(t *testing.T) {
	g := glob.NewIgnore(ignoreName, func(key string) ([]byte, bool, error) {
		switch key {
		case "bad/" + ignoreName:
			return nil, false, os.ErrPermission
		case "long/" + ignoreName:
			return []byte(strings.Repeat("#\n", 5<<20)), true, nil
		case "more/" + ignoreName:
			return []byte(strings.Repeat("#\n", 5<<20)), true, nil
		}
		return nil, false, nil
	})
	for _, tt := range []struct{ key, want string }{
		{"a", ""},
		{"bad/a", fmt.Sprintf("the ignore file %q cannot be read: %v", "bad/"+ignoreName, os.ErrPermission)},
		{"long/a", ""},
		{"more/a", `the ignore files up to "more/.testignore" have more than 16 MiB`},
		{"a", ""},
	} {
		excluded, err := g.Excludes(tt.key)
		if excluded || fmt.Sprint(err) != tt.want && (err != nil || tt.want != "") {
			t.Errorf("%q: %v, %v", tt.key, excluded, err)
		}
	}
}

// What was excluded stays excluded, also if the file that says so is gone.
func TestIgnoreKeepsItsWord(t *testing.T) {
	tree := map[string]string{"a/" + ignoreName: "*.tmp\n"}
	g := ignoreOf(tree)
	for range 2 {
		for key, want := range map[string]bool{"a/x.tmp": true, "a/b/y.tmp": true, "a/x": false, "x.tmp": false} {
			if got, err := g.Excludes(key); got != want || err != nil {
				t.Errorf("%q excluded: %v, %v", key, got, err)
			}
		}
		clear(tree)
	}
}
