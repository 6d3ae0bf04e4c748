package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"s3sync"
	"s3sync/internal/glob"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// rules reads rules: "-a" excludes a, and "+b" includes b.
func rules(texts ...string) []s3sync.GlobRule {
	var all []s3sync.GlobRule
	for _, text := range texts {
		all = append(all, s3sync.GlobRule{Pattern: text[1:], Include: text[0] == '+'})
	}
	return all
}

func TestGlobs(t *testing.T) {
	for name, tt := range map[string]struct {
		rules []s3sync.GlobRule
		want  string
	}{
		"none":               {nil, "a.jpg a.tmp d/a.jpg d/b.tmp e/d/c.jpg"},
		"exclude":            {rules("-*.tmp"), "a.jpg d/a.jpg e/d/c.jpg"},
		"only":               {rules("-*", "+*.jpg"), "a.jpg d/a.jpg e/d/c.jpg"},
		"only a directory":   {rules("-*", "+/d/"), "d/a.jpg d/b.tmp"},
		"a part of it":       {rules("-*", "+/d/", "-*.tmp"), "d/a.jpg"},
		"the last one":       {rules("-*", "+*.jpg", "-d/", "+/e/"), "a.jpg e/d/c.jpg"},
		"nothing is left":    {rules("-*"), ""},
		"the other way":      {rules("-*.jpg", "+*"), "a.jpg a.tmp d/a.jpg d/b.tmp e/d/c.jpg"},
		"one of two":         {rules("-*", "+/{d,e}/*.jpg"), "d/a.jpg"},
		"two of two":         {rules("-*", "+/{d,e}/**/*.jpg"), "d/a.jpg e/d/c.jpg"},
		"a file at the root": {rules("-/a.jpg"), "a.tmp d/a.jpg d/b.tmp e/d/c.jpg"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target, local := mem.New(), mem.New(), t.TempDir()
			for key := range strings.FieldsSeq("a.jpg a.tmp d/a.jpg d/b.tmp e/d/c.jpg") {
				put(t, source, map[string]string{key: "x"})
				writeFile(filepath.Join(local, key), "x")
			}
			cfg := config(source, target)
			cfg.Filter.Globs = tt.rules
			run(t, cfg)
			if got := keysOf(contents(t, target)); got != tt.want {
				t.Errorf("synced %q, want %q", got, tt.want)
			}
			up := config(nil, mem.New())
			up.Source, up.Filter.Globs = s3sync.Endpoint{URL: local}, tt.rules
			run(t, up)
			if got := keysOf(contents(t, up.Target.Store)); got != tt.want {
				t.Errorf("uploaded %q, want %q", got, tt.want)
			}
		})
	}
}

// What globs exclude of the target stays, also if the source does not have it, unless an
// option says otherwise.
func TestGlobsProtect(t *testing.T) {
	for name, tt := range map[string]struct {
		rules    []s3sync.GlobRule
		excluded bool
		want     string
	}{
		"exclude":            {rules("-*.tmp"), false, "a b.tmp d/a d/c.tmp"},
		"exclude, delete":    {rules("-*.tmp"), true, "a d/a"},
		"only a prefix":      {rules("-*", "+/d/"), false, "a b.tmp d/a old"},
		"prefix, delete all": {rules("-*", "+/d/"), true, "a d/a"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			put(t, source, map[string]string{"a": "x", "d/a": "x"})
			for key := range strings.FieldsSeq("a b.tmp d/a d/c.tmp d/old old") {
				put(t, target, map[string]string{key: "x"})
			}
			cfg := config(source, target)
			cfg.Filter.Globs, cfg.Delete.Enable, cfg.Delete.Excluded = tt.rules, true, tt.excluded
			run(t, cfg)
			if got := keysOf(contents(t, target)); got != tt.want {
				t.Errorf("left %q, want %q", got, tt.want)
			}
		})
	}
}

// If everything that the filters let through is gone from the source, nothing is deleted,
// whether what they exclude was listed or not.
func TestGlobsWithAnEmptySource(t *testing.T) {
	for name, set := range map[string]func(*s3sync.Config){
		"not listed": func(c *s3sync.Config) { c.Filter.Globs = rules("-*", "+/d/") },
		"listed":     func(c *s3sync.Config) { c.Filter.Globs = rules("-a") },
		"rejected by another filter": func(c *s3sync.Config) {
			c.Filter.Globs, c.Filter.ModifiedBefore = rules("-a"), time.Unix(1, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			put(t, source, map[string]string{"a": "x"})
			put(t, target, map[string]string{"d/a": "x", "d/b": "x"})
			cfg := config(source, target)
			cfg.Delete.Enable = true
			set(cfg)
			_, err := try(t, cfg)
			if err == nil || !strings.Contains(err.Error(), "no object was found in the source outside of what filters exclude") {
				t.Errorf("error %v", err)
			}
			if got := len(contents(t, target)); got != 2 {
				t.Errorf("left %d objects", got)
			}
		})
	}
}

// Directories in which everything is excluded are not read: one that holds what cannot be
// listed is no problem then, and what the target has of it stays.
func TestExcludedDirectoriesAreNotRead(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("every name is UTF-8")
	}
	for name, tt := range map[string]struct {
		set  func(*s3sync.Config)
		read bool
	}{
		"not excluded":           {func(*s3sync.Config) {}, true},
		"excluded":               {func(c *s3sync.Config) { c.Filter.Globs = rules("-/d/") }, false},
		"only others":            {func(c *s3sync.Config) { c.Filter.Globs = rules("-*", "+/e/") }, false},
		"perhaps something":      {func(c *s3sync.Config) { c.Filter.Globs = rules("-*", "+*.jpg", "+/e/") }, true},
		"ignored":                {func(c *s3sync.Config) { c.Filter.IgnoreFile = ".ignore" }, false},
		"excluded, but not kept": {func(c *s3sync.Config) { c.Filter.Globs, c.Delete.Excluded = rules("-/d/"), true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			writeFile(filepath.Join(root, "d", "a"), "x")
			writeFile(filepath.Join(root, "d", "\xff"), "no key has that name")
			writeFile(filepath.Join(root, "e", "a"), "x")
			writeFile(filepath.Join(root, ".ignore"), "d/\n")
			target := mem.New()
			put(t, target, map[string]string{"d/a": "x", "e/old": "x"})
			cfg := config(nil, target)
			cfg.Source = s3sync.Endpoint{URL: root}
			cfg.Delete.Enable = true
			tt.set(cfg)
			report := run(t, cfg)
			if (report.Warnings > 0) != tt.read || (report.Deleted == 1) == tt.read {
				t.Errorf("%d warnings, %d deleted", report.Warnings, report.Deleted)
			}
			if got := contents(t, target)["d/a"]; got != "x" {
				t.Errorf("d/a is %q", got)
			}
		})
	}
}

// A drawn tree: keys of the source and of the target, without a name that is a file and a
// directory.
func drawnTree(t *rapid.T) (source, target []string) {
	name := rapid.SampledFrom([]string{"a", "b", "c.tmp", "d"})
	key := rapid.Custom(func(t *rapid.T) string {
		names := rapid.SliceOfN(name, 0, 3).Draw(t, "directories")
		for i := range names {
			names[i] = "dir-" + names[i]
		}
		return strings.Join(append(names, name.Draw(t, "name")), "/")
	})
	return rapid.SliceOfN(key, 0, 12).Draw(t, "source"), rapid.SliceOfN(key, 0, 12).Draw(t, "target")
}

// drawnRules begin with an exclude.
func drawnRules(t *rapid.T) []s3sync.GlobRule {
	pattern := rapid.SampledFrom([]string{
		"*", "*.tmp", "a", "dir-a/", "/dir-a/", "dir-a/*", "/dir-a/dir-b", "dir-a/**/d", "**/dir-b/*", "/dir-[ab]/**/b", "{a,b}", "dir-*/dir-a/", "/dir-b/a", "d*",
	})
	rule := rapid.Custom(func(t *rapid.T) s3sync.GlobRule {
		return s3sync.GlobRule{Pattern: pattern.Draw(t, "pattern"), Include: rapid.Bool().Draw(t, "include")}
	})
	all := rapid.SliceOfN(rule, 1, 5).Draw(t, "rules")
	all[0].Include = false
	return all
}

// What is synced and deleted does not depend on what is not listed: it is what follows
// from the rules key by key, for buckets, for directories, and for ranges of them.
func TestGlobsProperty(t *testing.T) {
	parent := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		inSource, inTarget := drawnTree(rt)
		rules := drawnRules(rt)
		list, err := glob.New(rules, "")
		if err != nil {
			rt.Fatal(err)
		}
		want := map[string]string{}
		for _, key := range inTarget {
			if list.Excludes(key) || slices.Contains(inSource, key) {
				want[key] = "old"
			}
		}
		for _, key := range inSource {
			if !list.Excludes(key) {
				want[key] = "new"
			}
		}
		source, target := mem.New(), mem.New()
		up, down := filepath.Join(parent, fmt.Sprint(runs, "up")), filepath.Join(parent, fmt.Sprint(runs, "down"))
		for _, dir := range []string{up, down} {
			if err := os.Mkdir(dir, 0o700); err != nil {
				rt.Fatal(err)
			}
		}
		for _, key := range inSource {
			put(t, source, map[string]string{key: "new"})
			writeFile(filepath.Join(up, key), "new")
		}
		check := func(what string, cfg *s3sync.Config, got func() map[string]string) {
			cfg.Filter.Globs, cfg.Check.Mode = rules, s3sync.CheckOverwrite
			cfg.Delete.Enable, cfg.Delete.AllowEmptySource = true, true
			if _, err := try(t, cfg); err != nil {
				rt.Fatal(err)
			}
			if got := got(); !maps.Equal(got, want) {
				rt.Errorf("%s with %v: got %q, want %q", what, rules, got, want)
			}
		}
		fill := func(target *mem.Store) *mem.Store {
			for _, key := range inTarget {
				put(t, target, map[string]string{key: "old"})
			}
			return target
		}
		check("buckets", config(source, fill(target)), func() map[string]string { return contents(t, target) })
		uploaded := fill(mem.New())
		upload := config(nil, uploaded)
		upload.Source = s3sync.Endpoint{URL: up}
		check("upload", upload, func() map[string]string { return contents(t, uploaded) })
		for _, key := range inTarget {
			writeFile(filepath.Join(down, key), "old")
		}
		check("download", download(source, down), func() map[string]string { return files(t, down) })
	})
}

// Whatever ignore files exclude: what the source has, and what they exclude, is never
// deleted, and the rest is.
func TestIgnoreFilesDeleteNothing(t *testing.T) {
	const name = ".ignore"
	parent := t.TempDir()
	runs := 0
	line := rapid.SampledFrom([]string{"a", "*.tmp", "dir-a/", "/dir-b/a", "!a", "*", "!*/", "/dir-*/d", "dir-a/**", "!dir-a/", "# a", ".ignore"})
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		root := filepath.Join(parent, fmt.Sprint(runs))
		inSource, inTarget := drawnTree(rt)
		tree := map[string]string{}
		for _, key := range inSource {
			tree[key] = "new"
		}
		dirs := []string{""}
		for _, key := range inSource {
			dirs = append(dirs, key[:strings.LastIndexByte(key, '/')+1])
		}
		for _, dir := range rapid.SliceOfN(rapid.SampledFrom(dirs), 1, 3).Draw(rt, "with an ignore file") {
			tree[dir+name] = strings.Join(rapid.SliceOfN(line, 1, 4).Draw(rt, "lines"), "\n") + "\n"
		}
		for key, text := range tree {
			writeFile(filepath.Join(root, key), text)
		}
		target := mem.New()
		for _, key := range inTarget {
			put(t, target, map[string]string{key: "old"})
		}
		ignore := glob.NewIgnore(name, func(key string) ([]byte, bool, error) {
			text, ok := tree[key]
			return []byte(text), ok, nil
		})
		excludes := func(key string) bool {
			excluded, err := ignore.Excludes(key)
			if err != nil {
				rt.Fatal(err)
			}
			return excluded
		}
		want := map[string]string{}
		for _, key := range inTarget {
			if _, ok := tree[key]; ok || excludes(key) {
				want[key] = "old"
			}
		}
		for key, text := range tree {
			if !excludes(key) {
				want[key] = text
			}
		}
		cfg := config(nil, target)
		cfg.Source = s3sync.Endpoint{URL: root}
		cfg.Filter.IgnoreFile, cfg.Check.Mode = name, s3sync.CheckOverwrite
		cfg.Delete.Enable, cfg.Delete.AllowEmptySource = true, true
		if _, err := try(t, cfg); err != nil {
			rt.Fatal(err)
		}
		if got := contents(t, target); !maps.Equal(got, want) {
			rt.Errorf("%q: got %q, want %q", tree, got, want)
		}
	})
}

// Without an ignore file that exists nobody knows what it excludes.
func TestIgnoreFileThatCannotBeRead(t *testing.T) {
	root, target := t.TempDir(), mem.New()
	writeFile(filepath.Join(root, "a"), "x")
	writeFile(filepath.Join(root, ".ignore"), strings.Repeat("#", 4<<20+1))
	put(t, target, map[string]string{"old": "x"})
	cfg := config(nil, target)
	cfg.Source = s3sync.Endpoint{URL: root}
	cfg.Filter.IgnoreFile, cfg.Delete.Enable = ".ignore", true
	_, err := try(t, cfg)
	if err == nil || !strings.Contains(err.Error(), `the ignore file ".ignore" cannot be read: source: it has 4194305 bytes, and may have 4194304`) {
		t.Errorf("error %v", err)
	}
	if got := keysOf(contents(t, target)); got != "old" {
		t.Errorf("the target has %q", got)
	}
	cfg = config(mem.New(), mem.New())
	cfg.Filter.IgnoreFile = ".ignore"
	if _, err := try(t, cfg); err == nil || !strings.Contains(err.Error(), "source: it is no directory, in which Filter.IgnoreFile could be found") {
		t.Errorf("error %v", err)
	}
}

// A link to nothing is an ignore file that cannot be read.
func TestIgnoreFileThatIsALinkToNothing(t *testing.T) {
	for _, at := range []string{"", "d/"} {
		root, target := t.TempDir(), mem.New()
		writeFile(filepath.Join(root, "a"), "x")
		writeFile(filepath.Join(root, "d", "a"), "x")
		if err := os.Symlink("nowhere", filepath.Join(root, at+".ignore")); err != nil {
			t.Skip(err)
		}
		put(t, target, map[string]string{"d/old": "x"})
		cfg := config(nil, target)
		cfg.Source = s3sync.Endpoint{URL: root}
		cfg.Filter.IgnoreFile, cfg.Delete.Enable = ".ignore", true
		_, err := try(t, cfg)
		if err == nil || !strings.Contains(err.Error(), "the symbolic link leads to nothing") {
			t.Errorf("error %v", err)
		}
		if got := keysOf(contents(t, target)); !strings.Contains(got, "d/old") {
			t.Errorf("the target has %q", got)
		}
	}
}

// An ignore file that is a link is not passed over where links are ignored: what it
// excludes would be transferred, or deleted in the target.
func TestIgnoreFileThatIsALinkAndLinksAreIgnored(t *testing.T) {
	for _, at := range []string{"", "d/"} {
		for _, to := range []string{"rules", "nowhere", "."} {
			root, target := t.TempDir(), mem.New()
			writeFile(filepath.Join(root, "d", "build", "b"), "x")
			writeFile(filepath.Join(root, "d", "rules"), "build/")
			writeFile(filepath.Join(root, "rules"), "build/")
			if err := os.Symlink(to, filepath.Join(root, at+".ignore")); err != nil {
				t.Skip(err)
			}
			put(t, target, map[string]string{"d/build/old": "x"})
			cfg := config(nil, target)
			cfg.Source = s3sync.Endpoint{URL: root}
			cfg.Filter.IgnoreFile, cfg.Delete.Enable, cfg.Local.IgnoreSymlinks = ".ignore", true, true
			_, err := try(t, cfg)
			if err == nil || !strings.Contains(err.Error(), "is a symbolic link") || !strings.Contains(err.Error(), "Local.IgnoreSymlinks") {
				t.Errorf("%s%s: error %v", at, to, err)
			}
			if got := keysOf(contents(t, target)); !strings.Contains(got, "d/build/old") || strings.Contains(got, "build/b") {
				t.Errorf("%s%s: the target has %q", at, to, got)
			}
		}
	}
}

// What an ignore file excluded while the source was listed is not deleted by a Runner that
// does not know the file.
func TestIgnoreFileOfAnotherRunner(t *testing.T) {
	root, target := t.TempDir(), mem.New()
	writeFile(filepath.Join(root, "a"), "x")
	writeFile(filepath.Join(root, ".ignore"), "build/")
	writeFile(filepath.Join(root, "build", "b"), "x")
	put(t, target, map[string]string{"build/b": "x", "old": "x"})
	var runners []*s3sync.Runner
	for range 2 {
		cfg := config(nil, target)
		cfg.Source = s3sync.Endpoint{URL: root}
		cfg.Filter.IgnoreFile, cfg.Delete.Enable = ".ignore", true
		r, err := s3sync.NewRunner(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = r.Finish(context.Background(), nil) })
		runners = append(runners, r)
	}
	result, err := runners[0].Run(t.Context(), storage.Range{}, nil)
	if err == nil {
		err = os.Remove(filepath.Join(root, ".ignore"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := runners[1].Delete(t.Context(), result); !errors.Is(err, s3sync.ErrDeleteRefused) {
		t.Errorf("error %v", err)
	}
	if got := keysOf(contents(t, target)); got != ".ignore a build/b old" {
		t.Errorf("the target has %q", got)
	}
	if err := runners[0].Delete(t.Context(), result); err != nil {
		t.Error(err)
	}
	if got := keysOf(contents(t, target)); got != ".ignore a build/b" {
		t.Errorf("the target has %q", got)
	}
}

// What one Runner finds extraneous is not deleted by one whose settings would keep it, or
// whose sides are others.
func TestResultOfOtherSettings(t *testing.T) {
	for name, change := range map[string]func(cfg *s3sync.Config){
		"the same": func(*s3sync.Config) {},
		"no matter": func(cfg *s3sync.Config) {
			cfg.Delete.Max, cfg.Check.Mode, cfg.Transfer.Workers = 10, s3sync.CheckSize, 3
		},
		"globs":            func(cfg *s3sync.Config) { cfg.Filter.Globs = rules("-old") },
		"expression":       func(cfg *s3sync.Config) { cfg.Filter.Exclude = regexp.MustCompile("^old$") },
		"excluded as well": func(cfg *s3sync.Config) { cfg.Delete.Excluded = true },
		"own matcher":      func(cfg *s3sync.Config) { cfg.Filter.Exclude = noMatch{} },
		"target":           func(cfg *s3sync.Config) { cfg.Target.URL = "s3://other/" },
		"no deletion":      func(cfg *s3sync.Config) { cfg.Delete.Enable = false },
	} {
		for _, listsOther := range []bool{false, true} { // the listing has the other settings, or the deletion
			t.Run(fmt.Sprint(name, listsOther), func(t *testing.T) {
				source, target := mem.New(), mem.New()
				put(t, source, map[string]string{"a": "x"})
				put(t, target, map[string]string{"old": "x"})
				var results []*s3sync.RangeResult
				for _, deletes := range []bool{false, true} {
					cfg := config(source, target)
					cfg.Delete.Enable = true
					if deletes != listsOther {
						change(cfg)
					}
					r, err := s3sync.NewRunner(t.Context(), cfg)
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { _, _ = r.Finish(context.Background(), nil) })
					if !deletes {
						result, err := r.Run(t.Context(), storage.Range{}, nil)
						if err != nil {
							t.Fatal(err)
						}
						results = append(results, result)
						continue
					}
					err = r.Delete(t.Context(), results...)
					same := name == "the same" || name == "no matter"
					if refused := !same && cfg.Delete.Enable; refused != errors.Is(err, s3sync.ErrDeleteRefused) {
						t.Errorf("error %v", err)
					}
					want := "a old"
					if same {
						want = "a"
					}
					if got := keysOf(contents(t, target)); got != want {
						t.Errorf("the target has %q, want %q", got, want)
					}
				}
			})
		}
	}
}

// A noMatch matches nothing.
type noMatch struct{}

func (noMatch) MatchString(string) bool { return false }
func (noMatch) String() string          { return "none" }

// A directory that the source cannot have holds no ignore file.
func TestIgnoreFilesOfDirectoriesThatCannotBe(t *testing.T) {
	root, target := t.TempDir(), mem.New()
	writeFile(filepath.Join(root, "a"), "x")
	writeFile(filepath.Join(root, ".ignore"), "kept")
	objects := map[string]string{"a/kept": "x"}
	for _, dir := range []string{"..", ".", "a", "a/..", "a//b", "\x01", strings.Repeat("n", 300), "d/" + strings.Repeat("n", 300)} {
		objects[dir+"/old"] = "x"
	}
	put(t, target, objects)
	cfg := config(nil, target)
	cfg.Source = s3sync.Endpoint{URL: root}
	cfg.Filter.IgnoreFile, cfg.Delete.Enable = ".ignore", true
	if _, err := try(t, cfg); err != nil {
		t.Error(err)
	}
	if got := keysOf(contents(t, target)); got != ".ignore a a/kept" {
		t.Errorf("the target has %q", got)
	}
}

// A locatedStore is a bucket below the prefix "photos".
type locatedStore struct{ *mem.Store }

func (locatedStore) Location() storage.Location {
	return storage.Location{Container: "b", Prefix: "photos"}
}
func (locatedStore) FullKey(key string) string { return "photos" + key }

func (locatedStore) StatFull(context.Context, string) (storage.Object, error) {
	return storage.Object{}, errors.ErrUnsupported
}

// Patterns of paths begin at the name that a prefix stands for, with its slash or without.
func TestGlobsBelowAPrefixWithoutSlash(t *testing.T) {
	source, target := locatedStore{mem.New()}, mem.New()
	put(t, source.Store, map[string]string{"/a/b": "x", "/a/c/d": "x", "/b": "x", "-old/a/b": "x"})
	cfg := config(source, target)
	cfg.Filter.Globs = rules("-*", "+/a/*")
	run(t, cfg)
	if got := keysOf(contents(t, target)); got != "/a/b /a/c/d" {
		t.Errorf("synced %q", got)
	}
}
