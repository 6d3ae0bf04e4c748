package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// upload returns a run from a directory into a store, with deletion.
func upload(source string, target storage.Store) *s3sync.Config {
	cfg := config(nil, target)
	cfg.Source.Store, cfg.Source.URL = nil, source
	cfg.Delete.Enable = true
	return cfg
}

// link makes a symbolic link, or skips the test if that is not allowed.
func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Skip(err)
	}
}

// TestLinksToNothingProtect: objects below a broken link are not deleted; other objects
// are.
func TestLinksToNothingProtect(t *testing.T) {
	kept := map[string]string{"a": "1", "app/data": "2", "app/data/x": "2", "app/data/y/z": "2", "loop": "3", "loop/x": "3"}
	for name, tt := range map[string]struct {
		adjust   func(*s3sync.Config)
		fails    bool
		deleted  int64
		warnings int64
		kept     map[string]string // besides those above
	}{
		"usual":   {deleted: 4, warnings: 2},
		"dry run": {adjust: func(c *s3sync.Config) { c.DryRun = true }, deleted: 4, warnings: 2, kept: map[string]string{"app/dat": "x", "app/data-2": "x", "app/data-2/x": "x", "old": "x"}},
		"warnings are errors": {
			adjust: func(c *s3sync.Config) { c.WarnAsError = true }, fails: true,
			kept: map[string]string{"app/dat": "x", "app/data-2": "x", "app/data-2/x": "x", "old": "x"},
		},
		"one is excluded": {
			adjust:  func(c *s3sync.Config) { c.Filter.Exclude = expression(t, "^app/data/") },
			deleted: 4, warnings: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := t.TempDir(), mem.New()
			writeFile(filepath.Join(source, "a"), "1")
			if err := os.Mkdir(filepath.Join(source, "app"), 0o700); err != nil {
				t.Fatal(err)
			}
			link(t, filepath.Join("..", "volume"), filepath.Join(source, "app", "data"))
			link(t, "loop", filepath.Join(source, "loop"))
			put(t, target, kept)
			put(t, target, map[string]string{"old": "x", "app/dat": "x", "app/data-2": "x", "app/data-2/x": "x"})
			cfg := upload(source, target)
			if tt.adjust != nil {
				tt.adjust(cfg)
			}
			warned := map[string]string{}
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventWarning || ev.Type == s3sync.EventFailed {
					warned[ev.Key] = ev.Err.Error()
				}
			}
			report, err := try(t, cfg)
			if (err != nil) != tt.fails || report.Deleted != tt.deleted || report.Warnings != tt.warnings || report.Incomplete {
				t.Errorf("%+v, %v; want %d deleted, %d warnings", report, err, tt.deleted, tt.warnings)
			}
			if tt.fails && (report.Failed != 2 || !slices.Equal(report.FailedKeys(), []string{"loop", "app/data"})) {
				t.Errorf("failed keys %q, %+v", report.FailedKeys(), report.Stats)
			}
			want := `list "app/data": the symbolic link leads to nothing; what the target has of that key or below it is not deleted`
			if tt.warnings == 2 && warned["app/data"] != want || !strings.Contains(warned["loop"], "too many levels of symbolic links") {
				t.Errorf("warnings %q", warned)
			}
			all := map[string]string{}
			maps.Copy(all, kept)
			maps.Copy(all, tt.kept)
			equal(t, contents(t, target), all)
		})
	}
}

// TestIgnoredLinksProtectNothing: deliberately ignored links are not a warning, and
// their counterparts are deleted.
func TestIgnoredLinksProtectNothing(t *testing.T) {
	source, target := t.TempDir(), mem.New()
	writeFile(filepath.Join(source, "a"), "1")
	link(t, "nowhere", filepath.Join(source, "data"))
	put(t, target, map[string]string{"a": "1", "data/x": "2"})
	cfg := upload(source, target)
	cfg.Local.IgnoreSymlinks = true
	if report := run(t, cfg); report.Deleted != 1 || report.Warnings != 0 || report.Incomplete {
		t.Errorf("%+v", report)
	}
	equal(t, contents(t, target), map[string]string{"a": "1"})
}

// TestProtectedKeysAreMapped: the file of a protected key in a directory is protected,
// whatever its name.
func TestProtectedKeysAreMapped(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, t.TempDir()
	put(t, source, map[string]string{"a": "1"})
	source.problem = storage.Problem{Key: "/b//c", Err: &storage.Error{Op: "list", Key: "/b//c", Err: fs.ErrPermission}}
	for _, name := range []string{"b/c/x", "b/d", "b/c2"} {
		writeFile(filepath.Join(target, filepath.FromSlash(name)), "2")
	}
	if report := run(t, download(source, target)); report.Deleted != 2 || report.Warnings != 1 {
		t.Errorf("%+v", report.Stats)
	}
	equal(t, files(t, target), map[string]string{"a": "1", "b/c/x": "2"})
}

// TestListedAgainIsWarnedOnce: a listing that starts again reports its problem again,
// which is one warning.
func TestListedAgainIsWarnedOnce(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, mem.New()
	put(t, source.Store, map[string]string{"a": "1", "z": "2"})
	put(t, target, map[string]string{"pipe/x": "3"})
	source.problem = storage.Problem{Key: "pipe", Err: errInjected}
	times := 0
	source.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		if times++; times == 1 {
			return failAfter(1, true)(seq)
		}
		return seq
	}
	cfg := config(source, target)
	cfg.Delete.Enable = true
	if report := run(t, cfg); report.Warnings != 1 || report.Transferred != 2 || report.Deleted != 0 {
		t.Errorf("%+v", report.Stats)
	}
}

// TestTooManyProtectedKeys: more keys than fit in memory make the listing incomplete.
func TestTooManyProtectedKeys(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, mem.New()
	put(t, target, map[string]string{"old": "x"})
	long := strings.Repeat("x", 1000)
	source.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			for i := range 17_000 { // of 1,000 bytes each
				key := fmt.Sprint(long, i)
				source.reportProblem(storage.Problem{Key: key, Err: fs.ErrPermission})
			}
			seq(yield)
		}
	}
	cfg := config(source, target)
	cfg.Delete.Enable = true
	var last error
	bounds := 0
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventWarning && ev.Key == "" {
			bounds++
			last = ev.Err
		}
	}
	report := run(t, cfg)
	if report.Deleted != 0 || !report.Incomplete || report.Warnings != 17_001 || bounds != 1 {
		t.Errorf("%+v, incomplete %v, %d times: %v", report.Stats, report.Incomplete, bounds, last)
	}
	equal(t, contents(t, target), map[string]string{"old": "x"})
}

// TestSourceThatIsTakenAwayDeletesNothing: a source that is renamed, replaced or
// deleted while it is listed.
func TestSourceThatIsTakenAwayDeletesNothing(t *testing.T) {
	const dirs = 8
	for name, change := range map[string]func(source string) error{
		"renamed": func(source string) error { return os.Rename(source, source+"-old") },
		"replaced by an empty directory": func(source string) error {
			return errors.Join(os.Rename(source, source+"-old"), os.Mkdir(source, 0o700))
		},
		"its directories replaced by empty ones": func(source string) error {
			var errs []error
			for i := range dirs {
				d := filepath.Join(source, fmt.Sprint("dir", i))
				errs = append(errs, os.Rename(d, source+fmt.Sprint("-old", i)), os.Mkdir(d, 0o700))
			}
			return errors.Join(errs...)
		},
		"one directory gone": func(source string) error {
			return os.Rename(filepath.Join(source, "dir3"), source+"-old")
		},
	} {
		for _, ignore := range []bool{false, true} {
			for _, dry := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, ignoring links %v, dry run %v", name, ignore, dry), func(t *testing.T) {
					n := 10 * dirs
					if strings.HasSuffix(name, "empty directory") && !dry {
						n = 100 * dirs
					}
					source, target := filepath.Join(t.TempDir(), "source"), mem.New()
					objects := map[string]string{}
					for i := range n {
						key := fmt.Sprintf("dir%d/%d", i%dirs, i)
						objects[key] = "content"
						writeFile(filepath.Join(source, filepath.FromSlash(key)), "content")
					}
					put(t, target, objects)
					cfg := upload(source, target)
					cfg.Local.IgnoreSymlinks, cfg.DryRun = ignore, dry
					changed := false
					cfg.Filter.Func = func(storage.Object) (bool, error) {
						if changed {
							return true, nil
						}
						changed = true
						return true, change(source)
					}
					report := run(t, cfg)
					if report.Deleted != 0 || !report.Incomplete || report.Warnings == 0 {
						t.Errorf("%+v, incomplete %v", report.Stats, report.Incomplete)
					}
					if got := contents(t, target); len(got) != n {
						t.Errorf("%d of %d objects are left", len(got), n)
					}
				})
			}
		}
	}
}

// A movedStore reports that its location has changed.
type movedStore struct{ storage.Store }

func (movedStore) StillThere(context.Context) error { return errInjected }

// TestMovedSourceDeletesNothing: any store can report that it was removed.
func TestMovedSourceDeletesNothing(t *testing.T) {
	for _, strict := range []bool{false, true} {
		source, target := movedStore{mem.New()}, mem.New()
		put(t, source, map[string]string{"a": "1"})
		put(t, target, map[string]string{"old": "x"})
		cfg := config(source, target)
		cfg.Delete.Enable, cfg.WarnAsError = true, strict
		report, err := try(t, cfg)
		if (err != nil) != strict || report.Deleted != 0 || !report.Incomplete || report.Warnings+report.Failed != 1 {
			t.Errorf("warnings as errors %v: %+v, %v", strict, report, err)
		}
		equal(t, contents(t, target), map[string]string{"a": "1", "old": "x"})
	}
}
