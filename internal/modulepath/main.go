// Command modulepath changes the path of the module everywhere in the tree: in go.mod,
// imports, linter rules, the Makefile and documents.
// `make module PATH=host/owner/s3sync` runs it.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "make module:", err)
		os.Exit(1)
	}
}

// run rewrites the tree in the working directory.
func run(args []string) (err error) {
	if len(args) != 1 || args[0] == "" {
		return errors.New("which path? The command is: make module PATH=host/owner/s3sync")
	}
	to := args[0]
	if !isModulePath(to) {
		return fmt.Errorf("%q is no module path. One looks like host.org/owner/s3sync: a host name with a dot, then names of "+
			"letters, digits and -._~ behind slashes", to)
	}
	tree, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tree.Close()) }()
	names, err := files(tree.FS())
	if err != nil {
		return err
	}
	from, err := current(tree.FS())
	if err != nil {
		return err
	}
	rewrite := rewriter(from, to, packageFolders(names))
	changed := 0
	for _, name := range names {
		data, err := tree.ReadFile(name)
		if err != nil {
			return err
		}
		text := rewrite(string(data))
		if !utf8.Valid(data) || text == string(data) {
			continue
		}
		if err := tree.WriteFile(name, []byte(text), 0o644); err != nil {
			return err
		}
		changed++
	}
	fmt.Printf("The module path is now %s instead of %s, in %d files.\n", to, from, changed)
	return nil
}

// isModulePath reports whether s is the path of a module that others can
// import: https://go.dev/ref/mod#go-mod-file-ident.
func isModulePath(s string) bool {
	return regexp.MustCompile(`^([a-z0-9-]+\.)+[a-z0-9-]+(/[\w~-]([\w.~-]*[\w~-])?)*$`).MatchString(s) &&
		path.Base(s) != "v0" && path.Base(s) != "v1"
}

// files returns the regular files of the tree, except those of git and make.
func files(tree fs.FS) (names []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", ".cache"}, name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.Type().IsRegular() && name != "s3sync" && path.Ext(name) != ".exe" {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// current returns the module path in go.mod.
func current(tree fs.FS) (string, error) {
	data, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return "", err
	}
	found := regexp.MustCompile(`(?m)^module (\S+)$`).FindSubmatch(data)
	if found == nil {
		return "", errors.New("go.mod names no module")
	}
	return string(found[1]), nil
}

// packageFolders returns the top folders that hold Go packages.
func packageFolders(names []string) (folders []string) {
	for _, name := range names {
		folder, rest, ok := strings.Cut(name, "/")
		if ok && strings.HasSuffix(rest, ".go") {
			folders = append(folders, regexp.QuoteMeta(folder))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// rewriter returns a function that replaces one module path by another in the text of a
// file. The name of the module is also the name of the command, of the root package,
// and of users' folders. So only unambiguous places are changed:
//
//   - a package below the module: s3sync/internal/cli
//   - the root package, or it and all below, in a rule of the linter: pkg: s3sync$, pkg: s3sync,
//   - the root package in a line of imports: "s3sync"
//   - the module itself in go.mod and in the settings of formatters
//   - the module in go.mod of the cluster, whose version must fit a path that ends in /v2
func rewriter(from, to string, folders []string) func(text string) string {
	quoted := regexp.QuoteMeta(from)
	places := regexp.MustCompile(
		`(?m)((?:^|[^\w./-]))` + quoted + `(/(?:` + strings.Join(folders, "|") + `)\b)` +
			`|(pkg: )` + quoted + `([$,])` +
			`|^(\s*(?:import\s+)?")` + quoted + `("\r?)$` +
			`|^(module |\s*module-path: |\s*local-prefixes: \[)` + quoted + `(\]?\r?)$`)
	required := regexp.MustCompile(`(?m)^(\s*(?:require )?)` + quoted + ` v\d+\.0\.0(\r?)$`)
	replaced := regexp.MustCompile(`(?m)^(replace )` + quoted + `( => \.\./\r?)$`)
	version := " v0.0.0"
	if major := regexp.MustCompile(`/v(\d+)$`).FindStringSubmatch(to); major != nil {
		version = " v" + major[1] + ".0.0"
	}
	return func(text string) string {
		text = required.ReplaceAllString(text, "${1}"+to+version+"${2}")
		text = replaced.ReplaceAllString(text, "${1}"+to+"${2}")
		return places.ReplaceAllString(text, "${1}${3}${5}${7}"+to+"${2}${4}${6}${8}")
	}
}
