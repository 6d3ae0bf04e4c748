package s3sync_test

import (
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// download returns a run from a store into a directory.
func download(source storage.Store, target string) *s3sync.Config {
	cfg := config(source, nil)
	cfg.Target.Store, cfg.Target.URL = nil, target
	cfg.Delete.Enable = true
	return cfg
}

// files reads all files below dir, by slash-separated path.
func files(t *testing.T, root string) map[string]string {
	t.Helper()
	got := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case path == root && errors.Is(err, fs.ErrNotExist):
			return nil // nothing was written
		case err != nil || !d.Type().IsRegular():
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		got[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Keys that a directory holds under another name: neither the first run nor the second
// deletes the files that were just written, and a second run does nothing.
func TestKeysThatAreMappedSurviveDelete(t *testing.T) {
	source, target := mem.New(), t.TempDir()
	put(t, source, map[string]string{"/a": "1", "b//c": "2", "//d/e": "3", "f": "4", "g//!": "5", "h/": ""})
	want := map[string]string{"a": "1", "b/c": "2", "d/e": "3", "f": "4", "g/!": "5"}
	if err := os.WriteFile(filepath.Join(target, "old"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := download(source, target)

	first := run(t, cfg)
	equal(t, files(t, target), want)
	if first.Transferred != 6 || first.Deleted != 1 || first.Warnings != 0 {
		t.Errorf("first run: %+v", first.Stats)
	}
	for range 2 {
		again := run(t, cfg)
		equal(t, files(t, target), want)
		if again.Transferred != 0 || again.Deleted != 0 || again.Skipped != 6 {
			t.Errorf("another run: %+v", again.Stats)
		}
	}
}

func TestKeysThatFoldToOneFile(t *testing.T) {
	for name, objects := range map[string]map[string]string{
		"stray beside the key itself": {"a": "1", "/a": "2"},
		"two strays":                  {"/a": "1", "//a": "2"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), t.TempDir()
			put(t, source, objects)
			cfg := download(source, target)
			var want map[string]string
			for i := range 3 {
				report := run(t, cfg)
				if report.Warnings != 1 || report.Deleted != 0 {
					t.Errorf("run %d: %+v", i, report.Stats)
				}
				got := files(t, target)
				if want == nil {
					want = got
				}
				equal(t, got, want)
			}
		})
	}
}

// Whatever keys a bucket holds: after two runs with Delete the files are those of the
// source, a third run does nothing, and nothing outside changes.
func TestAnyKeysDownloaded(t *testing.T) {
	eachSeed(t, 150, func(t *testing.T, r *rand.Rand) {
		parent := t.TempDir()
		target := filepath.Join(parent, "target")
		if err := os.WriteFile(filepath.Join(parent, "canary"), []byte("alive"), 0o600); err != nil {
			t.Fatal(err)
		}
		source := mem.New()
		inSource, inTarget := randomTrees(r)
		put(t, source, inSource)
		for key := range inTarget {
			if name := strings.Trim(key, "/. "); name != "" {
				writeFile(filepath.Join(target, filepath.FromSlash(name)), inTarget[key])
			}
		}
		cfg := download(source, target)
		cfg.Check.Mode = oneOf(r, s3sync.CheckOverwrite, s3sync.CheckNewer)
		cfg.Delete.AllowEmptySource = true
		if _, err := try(t, cfg); err != nil {
			t.Fatal(err)
		}
		// The first run removed every file at the path of a directory, and every
		// directory at the path of a file.
		run(t, cfg)
		cfg.Check.Mode = s3sync.CheckNewer
		report := run(t, cfg)
		if report.Transferred != 0 || report.Deleted != 0 {
			t.Errorf("third run: %+v", report.Stats)
		}
		values := slices.Collect(maps.Values(inSource))
		for path, data := range files(t, target) {
			if !slices.Contains(values, data) {
				t.Errorf("%q holds %q, which is not from the source", path, data)
			}
		}
		if got := files(t, parent)["canary"]; got != "alive" {
			t.Errorf("canary is %q", got)
		}
		entries, err := os.ReadDir(parent)
		if err != nil || len(entries) > 2 {
			t.Errorf("beside the target: %v, %v", entries, err)
		}
	})
}

// writeFile writes an old file if possible: a name may be both a file and a directory.
func writeFile(path, data string) {
	if os.MkdirAll(filepath.Dir(path), 0o750) == nil && os.WriteFile(path, []byte(data), 0o600) == nil {
		_ = os.Chtimes(path, time.Time{}, time.Unix(1e9, 0))
	}
}

func TestHostileKeysStayInside(t *testing.T) {
	parent := t.TempDir()
	target, outside := filepath.Join(parent, "target"), filepath.Join(parent, "outside")
	for _, d := range []string{target, outside} {
		if err := os.Mkdir(d, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(target, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside/file", filepath.Join(target, "out")); err != nil {
		t.Fatal(err)
	}
	source := &faulty{Store: mem.New()}
	keys := []string{"../x", "a/../../x", "/etc/x", "nul\x00byte", "link/x", "out", "..", ".", "b/./c", `..\x`}
	for _, key := range keys {
		put(t, source, map[string]string{key: "hostile"})
	}
	report, err := try(t, download(source, target))
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, outside); len(got) != 0 {
		t.Errorf("written outside: %v", got)
	}
	if _, err := os.Lstat(filepath.Join(parent, "x")); err == nil {
		t.Error("written beside the target")
	}
	if got := files(t, target)["etc/x"]; got != "hostile" {
		t.Errorf("/etc/x is %q in the target", got)
	}
	if report.Transferred+report.Warnings != int64(len(keys)) {
		t.Errorf("of %d keys: %+v", len(keys), report.Stats)
	}
}

func TestDownloadKeepsTheTimeOfTheSource(t *testing.T) {
	source, target := mem.New(), t.TempDir()
	put(t, source, map[string]string{"a": "1"})
	run(t, download(source, target))
	info, err := source.Stat(t.Context(), "a", storage.StatOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(filepath.Join(target, "a"))
	if err != nil {
		t.Fatal(err)
	}
	if !fi.ModTime().Equal(info.ModTime) {
		t.Errorf("mtime %v, want %v", fi.ModTime(), info.ModTime)
	}
}

func TestFileThatChangesWhileRead(t *testing.T) {
	for name, tt := range map[string]struct {
		times                 int
		transferred, warnings int64
	}{
		"once":   {1, 1, 0},
		"always": {100, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			writeFile(path, "line\n")
			files, err := dir.Open(filepath.Dir(path), dir.Options{Source: true})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			source := &faulty{Store: files, check: func(string) error {
				if n++; n > tt.times {
					return nil
				}
				return os.WriteFile(path, []byte(strings.Repeat("line\n", n+1)), 0o600)
			}}
			target := mem.New()
			put(t, target, map[string]string{"old": "x"})
			cfg := config(source, target)
			cfg.Delete.Enable = true

			report := run(t, cfg)
			if report.Transferred != tt.transferred || report.Warnings != tt.warnings {
				t.Errorf("%+v", report.Stats)
			}
			want := map[string]string{"log": strings.Repeat("line\n", 2)}
			if tt.transferred == 0 {
				want = map[string]string{"old": "x"} // so nothing was deleted
			}
			equal(t, contents(t, target), want)
		})
	}
}
