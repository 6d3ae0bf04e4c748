package s3sync_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"s3sync"
	"s3sync/internal/listserver"
	"s3sync/storage"
	"s3sync/storage/bucket"
	"s3sync/storage/mem"
)

// An include expression with a known prefix limits both listings, and so do globs.
func TestIncludeLimitsListings(t *testing.T) {
	const objects = 2000 // 100 pages
	server := listserver.New(t, map[string]listserver.Bucket{
		"source": {Objects: objects, Key: listserver.Deep}, "target": {Objects: objects, Key: listserver.Deep},
	})
	open := func(name string) storage.Store {
		s, err := bucket.Open(t.Context(), bucket.Options{
			Bucket: name, AccessKey: "a", SecretKey: "s", Region: "r", EndpointURL: server.URL, PathStyle: true, MaxAttempts: 1, MaxKeys: 20,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	deletes := func(c *s3sync.Config) { c.Delete.Enable = true }
	for name, tt := range map[string]struct {
		include string
		other   s3sync.Matcher    // used instead
		globs   []s3sync.GlobRule // used besides
		set     func(*s3sync.Config)
		skipped int64
		pages   int64 // at most
	}{
		"prefix":                  {include: "^000/001/1", skipped: 100, pages: 14},
		"prefix and more":         {include: `^000/001/1\d+$`, skipped: 100, pages: 14},
		"standard library":        {other: regexp.MustCompile("^000/001/1"), skipped: 100, pages: 14},
		"standard, in some line":  {other: regexp.MustCompile("(?m)^000/001/1"), skipped: objects, pages: 204},
		"of another type":         {other: otherMatcher{regexp.MustCompile("^000/001/1")}, skipped: objects, pages: 204},
		"common prefix":           {include: `^000/001/(12|13)`, skipped: 100, pages: 14},
		"prefix within the range": {include: "^000/", set: inRange("000/001/1", "000/001/2"), skipped: 100, pages: 14},
		"range within the prefix": {include: "^000/001/1", set: inRange("000/001/150", "000/9"), skipped: 50, pages: 14},
		"nothing in common":       {include: "^000/001/1", set: inRange("000/1", ""), pages: 4},
		"another case":            {include: "(?i)^(?:k|000/001/1)", skipped: objects, pages: 204},
		"look-around":             {include: "^000/001/1(?=1)", skipped: objects, pages: 204},
		"one of two":              {other: s3sync.AnyOf(regexp.MustCompile("^000/001/12"), expression(t, "^000/001/13")), skipped: 100, pages: 14},
		"globs":                   {globs: rules("-*", "+/000/001/1*"), skipped: 100, pages: 14},
		"globs, common prefix":    {globs: rules("-*", "+/000/001/12*", "+/000/001/1[3-5]*"), skipped: 100, pages: 14},
		"globs and an expression": {include: "^000/001/1", globs: rules("-*", "+000/001/", "-*0"), skipped: 100, pages: 14},
		"globs of names":          {globs: rules("-*", "+1*"), skipped: objects, pages: 204},
		"globs, delete":           {globs: rules("-*", "+/000/001/1*"), set: deletes, skipped: 100, pages: 14},
		"globs, delete excluded": {globs: rules("-*", "+/000/001/1*"), set: func(c *s3sync.Config) {
			c.Delete.Enable, c.Delete.Excluded = true, true
		}, skipped: objects, pages: 204},
		"delete": {include: "^000/001/1", set: deletes, skipped: objects, pages: 204},
	} {
		t.Run(name, func(t *testing.T) {
			before := server.List.Load()
			cfg := config(open("source"), open("target"))
			cfg.Filter.Include = tt.other
			cfg.Filter.Globs = tt.globs
			if tt.include != "" {
				cfg.Filter.Include = expression(t, tt.include)
			}
			if tt.set != nil {
				tt.set(cfg)
			}
			report := run(t, cfg)
			if report.Skipped != tt.skipped || report.Transferred != 0 || report.Deleted != 0 {
				t.Errorf("%+v", report.Stats)
			}
			if n := server.List.Load() - before; n > tt.pages || tt.skipped == objects && n < 200 {
				t.Errorf("%d pages were listed, want %d", n, tt.pages)
			}
		})
	}
}

func inRange(from, to string) func(*s3sync.Config) {
	return func(c *s3sync.Config) { c.Range = storage.Range{From: from, To: to} }
}

// With Delete, orphans that Include does not match are deleted, too: Include does not
// protect.
func TestIncludeDoesNotHideOrphans(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a/1": "1", "b/1": "1"})
	put(t, target, map[string]string{"a/2": "x", "b/1": "old", "b/2": "x"})
	cfg := config(source, target)
	cfg.Filter.Include = expression(t, "^a/")
	cfg.Delete.Enable = true
	report := run(t, cfg)
	equal(t, contents(t, target), map[string]string{"a/1": "1", "b/1": "old"})
	if report.Deleted != 2 || report.Transferred != 1 || report.Skipped != 1 {
		t.Errorf("%+v", report.Stats)
	}
}

// A key that a directory holds under another name belongs to the range of that name. It
// is compared with the file, and written once.
func TestRangesOfRemappedKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		source  map[string]string
		set     func(*testing.T, *s3sync.Config)
		want    map[string]string
		first   int64 // by the first run
		skipped int64 // by each further run
		warned  int64
	}{
		"range": {
			source: map[string]string{"/a": "1", "//b": "2", "c": "3"},
			set:    func(_ *testing.T, c *s3sync.Config) { c.Range = storage.Range{From: "a", To: "c"} },
			want:   map[string]string{"a": "1", "b": "2"}, first: 2, skipped: 2,
		},
		"include": {
			source: map[string]string{"/photos/a": "1", "photos/b": "2"},
			set:    func(t *testing.T, c *s3sync.Config) { t.Helper(); c.Filter.Include = expression(t, "^/photos/") },
			want:   map[string]string{"photos/a": "1"}, first: 1, skipped: 2,
		},
		"include with remapped keys inside": {
			source: map[string]string{"photos//a": "1", "photos/b": "2", "x": "3"},
			set:    func(t *testing.T, c *s3sync.Config) { t.Helper(); c.Filter.Include = expression(t, "^photos/") },
			want:   map[string]string{"photos/a": "1", "photos/b": "2"}, first: 2, skipped: 2,
		},
		"include that is no path": {
			source: map[string]string{"photos//a": "1", "photos/b": "2"},
			set:    func(t *testing.T, c *s3sync.Config) { t.Helper(); c.Filter.Include = expression(t, "^photos//") },
			want:   map[string]string{"photos/a": "1"}, first: 1, skipped: 2,
		},
		"the file belongs to the key of its name": {
			source: map[string]string{"/a": "1", "a": "2", "/b": "3"},
			set:    func(_ *testing.T, c *s3sync.Config) { c.Range = storage.Range{From: "a", To: "c"} },
			want:   map[string]string{"a": "2", "b": "3"}, first: 2, skipped: 2, warned: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), t.TempDir()
			put(t, source, tt.source)
			for i := range 3 {
				cfg := download(source, target)
				cfg.Delete.Enable = false
				tt.set(t, cfg)
				transferred, skipped := tt.first, int64(len(tt.source))-tt.first-tt.warned
				if i > 0 {
					transferred, skipped = 0, tt.skipped
				}
				if name == "range" && i == 0 {
					skipped = 0 // c is not in it
				}
				if strings.HasSuffix(name, "inside") {
					skipped -= 1 - min(int64(i), 1) // x is not even listed
				}
				report := run(t, cfg)
				if report.Transferred != transferred || report.Skipped != skipped || report.Warnings != tt.warned {
					t.Errorf("run %d: %+v, want %d transferred, %d skipped", i, report.Stats, transferred, skipped)
				}
				equal(t, files(t, target), tt.want)
			}
		})
	}
}

// A range of a directory consists of the keys that it lists: the file "a" is in the
// range of "a", even if it is the file of the key "/a". So deletions in a range are
// safe.
func TestDeletionInARangeOfADirectory(t *testing.T) {
	source, target := mem.New(), t.TempDir()
	put(t, source, map[string]string{"/a": "1", "b": "2"})
	cfg := config(source, nil)
	cfg.Target = s3sync.Endpoint{URL: target}
	run(t, cfg)
	for _, name := range []string{"a-old", "c-old"} {
		writeFile(filepath.Join(target, name), "old")
	}
	cfg.Delete.Enable = true
	cfg.Range = storage.Range{From: "a", To: "b"}
	if report := run(t, cfg); report.Deleted != 1 || report.Skipped != 1 {
		t.Errorf("%+v", report.Stats)
	}
	equal(t, files(t, target), map[string]string{"a": "1", "b": "2", "c-old": "old"})
}

// The transferred objects do not depend on whether their listing is limited: an
// expression that begins with an empty look-ahead means the same, but limits nothing. A
// second run finds nothing to do.
func TestIncludeProperty(t *testing.T) {
	key := rapid.StringMatching(`(/|//)?([ab]|é|\x{FFFD}|A)(/{0,2}[abA.é]){0,3}/?`)
	expr := rapid.Custom(func(t *rapid.T) string {
		piece := rapid.SampledFrom([]string{
			"a", "b", "A", "é", "/", "//", "[ab]", "(a|b)", "(ab|aé)", "a?", "a*", "a+", "a{2}", "(?i)a", "(?i:b)", `\x{FFFD}`, ".", "$", "(a|)", "|b", "|^a",
		})
		start := rapid.SampledFrom([]string{"^", `\A`, "(?m)^", "(?i)^", "", "(^a|^b)", "(^|a)", "(?:^)+"}).Draw(t, "start")
		return start + strings.Join(rapid.SliceOfN(piece, 0, 4).Draw(t, "pieces"), "")
	})
	rapid.Check(t, func(rt *rapid.T) {
		source := mem.New()
		for _, k := range rapid.SliceOfN(key, 0, 12).Draw(rt, "keys") {
			put(t, source, map[string]string{k: k})
		}
		text := expr.Draw(rt, "expression")
		limited, err := s3sync.CompileRegexp(text)
		if err != nil {
			return
		}
		free, err := s3sync.CompileRegexp("(?=)(?:" + text + ")")
		if err != nil {
			return
		}
		local := rapid.Bool().Draw(rt, "directory")
		outcome := func(re *s3sync.Regexp) []string {
			target := mem.New()
			cfg := config(source, target)
			if local {
				cfg = download(source, t.TempDir())
				cfg.Delete.Enable = false
			}
			cfg.Filter.Include = re
			cfg.Transfer.Workers = 1 // if a key and a directory have one name, the first one stays
			var all []string
			for range 2 {
				keys := map[string]string{}
				cfg.OnEvent = func(ev s3sync.Event) {
					if ev.Type == s3sync.EventTransferred || ev.Type == s3sync.EventWarning {
						keys[ev.Key] = fmt.Sprint(ev.Type, ev.Err)
					}
				}
				report, err := try(t, cfg)
				if err != nil {
					rt.Fatal(err)
				}
				all = append(all, fmt.Sprint(keysOf(keys), report.Transferred, report.Warnings, maps.Clone(keys)))
			}
			return all
		}
		if got, want := outcome(limited), outcome(free); fmt.Sprint(got) != fmt.Sprint(want) {
			rt.Errorf("%q, directory %v: limited %q, otherwise %q", text, local, got, want)
		}
	})
}
