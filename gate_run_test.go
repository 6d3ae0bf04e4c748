package s3sync_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/fields"
	"s3sync/internal/glob"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// fileOf returns the file of a key, by an independent model of directories: empty
// segments are dropped. It is empty for keys of directories, and for keys with segments
// that are not valid names.
func fileOf(key string) string {
	var names []string
	for name := range strings.SplitSeq(key, "/") {
		if name == "." || name == ".." {
			return ""
		}
		if name != "" {
			names = append(names, name)
		}
	}
	if strings.HasSuffix(key, "/") {
		return ""
	}
	return strings.Join(names, "/")
}

// filters reject about half of the objects, each by another property. Filters by time
// use the second in which mem wrote the objects.
func filters(t *testing.T) map[string]func(*s3sync.Config) {
	size := int64(5)
	return map[string]func(*s3sync.Config){
		"none":                   func(*s3sync.Config) {},
		"mtime-before":           func(c *s3sync.Config) { c.Filter.ModifiedBefore = time.Unix(2e9, 0) },
		"mtime-after":            func(c *s3sync.Config) { c.Filter.ModifiedAfter = time.Unix(2e9, 0) },
		"smaller-size":           func(c *s3sync.Config) { c.Filter.SmallerThan = &size },
		"larger-size":            func(c *s3sync.Config) { c.Filter.LargerThan = &size },
		"include":                func(c *s3sync.Config) { c.Filter.Include = expression(t, "a") },
		"exclude":                func(c *s3sync.Config) { c.Filter.Exclude, c.Delete.Excluded = expression(t, "a"), true },
		"globs":                  func(c *s3sync.Config) { c.Filter.Globs = rules("-*", "+*a*", "-/d/e/") },
		"globs below a prefix":   func(c *s3sync.Config) { c.Filter.Globs = rules("-*", "+/d/") },
		"globs with directories": func(c *s3sync.Config) { c.Filter.Globs = rules("-d/", "+/d/a", "-[!c]") },
		"globs that do not protect": func(c *s3sync.Config) {
			c.Filter.Globs, c.Delete.Excluded = rules("-*", "+/d/"), true
		},
		"callback": func(c *s3sync.Config) {
			c.Filter.Func = func(o storage.Object) (bool, error) { return len(o.Key)%2 == 0, nil }
		},
		"archived": func(c *s3sync.Config) { c.IgnoreArchived = true },
	}
}

// Every filter of listed properties is in filters, so that a new one is not forgotten
// there.
func TestFiltersAreAllTried(t *testing.T) {
	tried := s3sync.DefaultConfig()
	for _, filter := range filters(t) {
		filter(tried)
	}
	// Of contents; of local sources: TestIgnoreFilesDeleteNothing; lists: TestFilesFromDelete.
	others := []string{"ContentType", "Metadata", "Tags", "IgnoreFile", "FilesFrom", "FilesFrom0"}
	for f := range fields.Of(&tried.Filter) {
		if f.Value.IsZero() && !slices.ContainsFunc(others, func(name string) bool { return strings.HasSuffix(f.Path, name) }) {
			t.Errorf("no filter sets %s", f.Path)
		}
	}
}

// Whatever a filter rejects: no file of a source key is deleted, and every other file
// is, unless a filter protects it.
func TestFiltersDeleteNothing(t *testing.T) {
	for name, filter := range filters(t) {
		t.Run(name, func(t *testing.T) {
			eachSeed(t, 30, func(t *testing.T, r *rand.Rand) {
				bucket, target := mem.New(), t.TempDir()
				source := &faulty{Store: bucket}
				keys := map[string]bool{} // files of the source
				bucket.SetClock(func() time.Time { return time.Unix(2e9+int64(r.IntN(2))*2-1, 0) })
				for range 1 + r.IntN(12) {
					key := ambiguousKey(r)
					put(t, bucket, map[string]string{key: strings.Repeat("x", r.IntN(10))})
					if file := fileOf(key); file != "" {
						keys[file] = true
						writeFile(filepath.Join(target, file), "old")
					}
				}
				for range r.IntN(4) {
					writeFile(filepath.Join(target, fileOf(ambiguousKey(r))), "old")
				}
				source.list = each(func(o *storage.Object) { o.Archived = len(o.Key)%3 == 0 })
				before := files(t, target)
				cfg := download(source, target)
				cfg.Check.Mode, cfg.DryRun = oneOf(r, s3sync.CheckOverwrite, s3sync.CheckNewer), r.IntN(4) == 0
				filter(cfg)
				cfg.Delete.AllowEmptySource = true // for what is not even listed
				protected := func(string) bool { return false }
				if !cfg.Delete.Excluded {
					list, err := glob.New(cfg.Filter.Globs, "")
					if err != nil {
						t.Fatal(err)
					}
					protected = list.Excludes
				}
				var deleted []string
				cfg.OnEvent = func(ev s3sync.Event) {
					if ev.Type == s3sync.EventDeleted {
						deleted = append(deleted, ev.Key)
					}
				}
				if _, err := try(t, cfg); err != nil {
					t.Fatal(err)
				}
				after := files(t, target)
				var want []string
				for file := range before {
					stays := keys[file] || protected(file)
					if !stays {
						want = append(want, file)
					}
					if _, left := after[file]; left != (stays || cfg.DryRun) {
						t.Errorf("file %q: left %v, the source has it: %v", file, left, keys[file])
					}
				}
				slices.Sort(want)
				slices.Sort(deleted)
				if !slices.Equal(deleted, want) {
					t.Errorf("deleted %q, want %q", deleted, want)
				}
			})
		})
	}
}

// ambiguousKey returns one of several keys that map to one file. No name is both a file
// and a directory: other tests cover that.
func ambiguousKey(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	return pick("", "", "/", "//") + pick("", "d/", "d//", "d/e/", "d//e/", "./", "..././") +
		pick("a", "b", "-b", "c", "...", " ") + pick("", "", "", "", "/")
}

// A filter that rejects objects of an earlier sync changes nothing.
func TestFilterAfterASyncDeletesNothing(t *testing.T) {
	for name, filter := range filters(t) {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), t.TempDir()
			put(t, source, map[string]string{"a//b": strings.Repeat("x", 100), "/a/c": "x", "c": "x", "//d": "x"})
			run(t, download(source, target))
			want := files(t, target)
			cfg := download(source, target)
			filter(cfg)
			if report := run(t, cfg); report.Deleted != 0 || report.Transferred != 0 || report.Warnings != 0 {
				t.Errorf("%+v", report.Stats)
			}
			equal(t, files(t, target), want)
		})
	}
}

// A file that another program wrote for a key that cannot be stored is kept.
func TestWhatCannotBeStoredKeepsItsFile(t *testing.T) {
	source, target := mem.New(), t.TempDir()
	put(t, source, map[string]string{"/...": "x", "d//... /e": "x", "a": "x"})
	for _, name := range []string{"...", "d/... /e", "d/.../e"} {
		writeFile(filepath.Join(target, name), "old")
	}
	report := run(t, download(source, target))
	if report.Deleted != 1 || report.Warnings != 2 {
		t.Errorf("%+v", report.Stats)
	}
	equal(t, files(t, target), map[string]string{"...": "old", "d/... /e": "old", "a": "x"})
}

// Two keys of one file: the same key has it in every run. The other key is reported and
// writes nothing.
func TestKeysOfOneFile(t *testing.T) {
	large := int64(5)
	for name, tt := range map[string]struct {
		objects map[string]string
		filter  func(*s3sync.Config)
		want    string // content of the file b; empty if it is not written
	}{
		"as it is and mapped":          {map[string]string{"b": "own", "/b": "mapped"}, nil, "own"},
		"two that are mapped":          {map[string]string{"//b": "two", "/b": "one"}, nil, "two"},
		"one is left out":              {map[string]string{"b": "too large", "/b": "x"}, func(c *s3sync.Config) { c.Filter.SmallerThan = &large }, ""},
		"one that is mapped, left out": {map[string]string{"//b": "too large", "/b": "x"}, func(c *s3sync.Config) { c.Filter.SmallerThan = &large }, ""},
		"one cannot be stored":         {map[string]string{"b/../b": "bad", "/b": "good"}, nil, "good"},
	} {
		for _, old := range []string{"", "old"} {
			for mode := range 8 {
				t.Run(fmt.Sprint(name, "/old=", old, "/mode=", mode), func(t *testing.T) {
					source, target := mem.New(), t.TempDir()
					put(t, source, tt.objects)
					if old != "" {
						writeFile(filepath.Join(target, "b"), old)
					}
					cfg := download(source, target)
					cfg.Check.Mode, cfg.Delete.Enable, cfg.Transfer.Workers = s3sync.CheckMode(mode&1), mode&2 != 0, s3sync.Concurrency(1+mode&4)
					if tt.filter != nil {
						tt.filter(cfg)
					}
					want := map[string]string{}
					if tt.want != "" {
						want["b"] = tt.want
					} else if old != "" {
						want["b"] = old
					}
					dry := *cfg
					dry.DryRun = true
					first := run(t, &dry)
					for i := range 3 {
						report := run(t, cfg)
						if report.Warnings != 1 || report.Deleted != 0 || report.Transferred > 1 || i == 0 && report.Transferred != first.Transferred {
							t.Errorf("run %d: %+v, the dry run %+v", i, report.Stats, first.Stats)
						}
						equal(t, files(t, target), want)
					}
				})
			}
		}
	}
}

// An existing file is overwritten, even if it was not listed.
func TestMappedKeyOverwritesItsFile(t *testing.T) {
	source, target := mem.New(), t.TempDir()
	put(t, source, map[string]string{"/b": "new", "other": "x"})
	writeFile(filepath.Join(target, "b"), "old")
	cfg := download(source, target)
	cfg.Check.Mode, cfg.Delete.Enable = s3sync.CheckOverwrite, false
	for range 2 {
		if report := run(t, cfg); report.Transferred != 2 || report.Warnings != 0 {
			t.Errorf("%+v", report.Stats)
		}
		equal(t, files(t, target), map[string]string{"b": "new", "other": "x"})
	}
}

// The object whose key is the prefix, and folder markers, are kept.
func TestMarkersAreNeverDeleted(t *testing.T) {
	for name, size := range map[string]int64{"marker": 0, "object": 5} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1"})
			put(t, target, map[string]string{"folder/": "", "folder/gone": "x", "data/": "x", "empty": ""})
			target.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) {
					// A bucket shows the object whose key is the prefix.
					if yield(storage.Object{Size: size}, nil) {
						seq(yield)
					}
				}
			}
			cfg := config(source, target)
			cfg.Delete.Enable, cfg.Delete.Excluded = true, true
			cfg.Filter.Exclude = expression(t, "^f")
			if report := run(t, cfg); report.Deleted != 3 {
				t.Errorf("%+v", report.Stats)
			}
			equal(t, contents(t, target.Store), map[string]string{"a": "1", "folder/": ""})
		})
	}
}

func TestEmptySourceDeletesNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		adjust  func(source *faulty, cfg *s3sync.Config)
		refused bool
	}{
		"empty":     {func(*faulty, *s3sync.Config) {}, true},
		"permitted": {func(_ *faulty, c *s3sync.Config) { c.Delete.AllowEmptySource = true }, false},
		"all left out": {func(f *faulty, c *s3sync.Config) {
			put(t, f.Store, map[string]string{"a": "1"})
			c.Filter.Include = expression(t, "z")
		}, false},
		"the object of the prefix": {func(f *faulty, _ *s3sync.Config) {
			f.list = func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
				return func(yield func(storage.Object, error) bool) { yield(storage.Object{Size: 1}, nil) }
			}
		}, true},
		"empty range": {func(f *faulty, c *s3sync.Config) {
			put(t, f.Store, map[string]string{"a": "1"})
			c.Range = storage.Range{From: "b"}
		}, true},
		"dry run": {func(_ *faulty, c *s3sync.Config) { c.DryRun = true }, true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			put(t, target, map[string]string{"old": "1", "old2": "2"})
			cfg := config(source, target)
			cfg.Delete.Enable = true
			tt.adjust(source, cfg)
			report, err := try(t, cfg)
			if tt.refused {
				if !errors.Is(err, s3sync.ErrDeleteRefused) || !strings.Contains(err.Error(), "2 of the 2") || report.Failed != 1 || report.Deleted != 0 {
					t.Errorf("%v, %+v", err, report.Stats)
				}
			} else if err != nil || report.Deleted != 2 {
				t.Errorf("%v, %+v", err, report.Stats)
			}
			if called := target.called("delete"); (called == 0) != tt.refused {
				t.Errorf("asked to delete %d times", called)
			}
		})
	}
}

func numberedObjects(prefix string, n int) map[string]string {
	objects := map[string]string{}
	for i := range n {
		objects[fmt.Sprint(prefix, i)] = "x"
	}
	return objects
}

func TestTooManyDeletions(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target int
		adjust         func(*s3sync.Config)
		deleted        int64 // or the number of refused deletions
	}{
		"refused":              {10, 120, func(*s3sync.Config) {}, 0},
		"in a dry run":         {10, 120, func(c *s3sync.Config) { c.DryRun = true }, 0},
		"permitted":            {10, 120, func(c *s3sync.Config) { c.Delete.MaxPercent = 100 }, 120},
		"not so many":          {1, 100, func(*s3sync.Config) {}, 100},
		"all have new names":   {120, 120, func(*s3sync.Config) {}, 120},
		"the same, to be told": {120, 120, func(c *s3sync.Config) { c.DryRun = true }, 120},
		"new but left out":     {120, 120, func(c *s3sync.Config) { c.Filter.Include = expression(t, "new1$") }, 0},
		"protected":            {2, 120, func(c *s3sync.Config) { c.Filter.Exclude = expression(t, "old1") }, 120 - 31},
		"bounded":              {10, 120, func(c *s3sync.Config) { c.Delete.Max = 5 }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, numberedObjects("new", tt.source))
			put(t, target, numberedObjects("old", tt.target))
			cfg := config(source, target)
			cfg.Delete.Enable = true
			tt.adjust(cfg)
			report, err := try(t, cfg)
			if refused := errors.Is(err, s3sync.ErrDeleteRefused); refused != (tt.deleted == 0) || report.Deleted != tt.deleted {
				t.Errorf("%v, %+v", err, report.Stats)
			}
			if tt.deleted == 0 && (target.called("delete") != 0 || report.Transferred == 0 || !strings.Contains(err.Error(), `"old0", "old1", "old10"`)) {
				t.Errorf("%v; asked to delete %d times, transferred %d", err, target.called("delete"), report.Transferred)
			}
		})
	}
}

// TestSiblingsOfAnOwnStore: the prefix of a store of the caller comes from that store.
func TestSiblingsOfAnOwnStore(t *testing.T) {
	source, held := mem.New(), mem.New()
	put(t, source, map[string]string{"/a": "a"})
	before := map[string]string{"photos/a": "a", "photos-private/b": "b"}
	put(t, held, before)
	cfg := config(source, &prefixView{Store: held, server: "s", prefix: "photos"})
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	_, err := try(t, cfg)
	if !errors.Is(err, s3sync.ErrDeleteRefused) || !strings.Contains(err.Error(), `as "photos-private/b" shows`) ||
		strings.Contains(err.Error(), "Probably") {
		t.Errorf("%v", err)
	}
	if got := contents(t, held); !maps.Equal(got, before) {
		t.Errorf("the target holds %v", got)
	}
}
