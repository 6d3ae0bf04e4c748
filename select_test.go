package s3sync_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A taggedStore has objects with tags, and counts the requests for them.
type taggedStore struct {
	*faulty
	tags map[string]map[string]string
	fail func(key string) error
}

func (s *taggedStore) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.faulty.Stat(ctx, key, opts)
	info.TagCount = len(s.tags[key])
	return info, err
}

func (s *taggedStore) Tags(_ context.Context, key, _ string) (map[string]string, error) {
	s.count("tags")
	if s.fail != nil {
		if err := s.fail(key); err != nil {
			return nil, &storage.Error{Op: "tags", Key: key, Err: err}
		}
	}
	return s.tags[key], nil
}

func (s *taggedStore) SetTags(context.Context, string, map[string]string) error {
	return errors.ErrUnsupported
}

// animalStore returns a store of objects that differ in properties that listings do not
// have.
func animalStore(t *testing.T) *taggedStore {
	t.Helper()
	s := &taggedStore{
		faulty: &faulty{Store: mem.New()},
		tags: map[string]map[string]string{
			"cat":  {"class": "mammal", "name": "Tom & co"},
			"duck": {"class": "bird"},
		},
	}
	for key, a := range map[string]storage.Attributes{
		"cat":  {ContentType: "image/png", Metadata: map[string]string{"legs": "4", "colour": "grey, white"}},
		"dog":  {ContentType: "image/jpeg", Metadata: map[string]string{"legs": "4"}},
		"duck": {ContentType: "text/plain", Metadata: map[string]string{"legs": "2", "s3sync_origin_version_id": "v1"}},
		"eel":  {},
	} {
		opts := storage.WriteOptions{Attributes: a, Size: 1}
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte("x")}, opts); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// skipReasons collects why objects were skipped.
func skipReasons(cfg *s3sync.Config) map[string]s3sync.Reason {
	reasons := map[string]s3sync.Reason{}
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventSkipped {
			reasons[ev.Key] = ev.Reason
		}
	}
	return reasons
}

func keysOf(objects map[string]string) string {
	return strings.Join(slices.Sorted(maps.Keys(objects)), " ")
}

func TestContentFilters(t *testing.T) {
	type filter = s3sync.Filter
	re := func(text string) *s3sync.Regexp { return expression(t, text) }
	tests := map[string]struct {
		f     filter
		want  string // transferred keys
		stats int    // objects that were requested
		tags  int    // requests for tags
	}{
		"nothing":               {filter{}, "cat dog duck eel", 0, 0},
		"include type":          {filter{IncludeContentType: re("^image/")}, "cat dog", 4, 0},
		"exclude type":          {filter{ExcludeContentType: re("^image/")}, "duck eel", 4, 0},
		"include metadata":      {filter{IncludeMetadata: re(`^colour=grey%2C%20white,legs=4$`)}, "cat", 4, 0},
		"include metadata: any": {filter{IncludeMetadata: re("")}, "cat dog duck", 4, 0},
		"metadata of a sync":    {filter{IncludeMetadata: re("s3sync_origin_version_id=v1")}, "duck", 4, 0},
		"exclude metadata":      {filter{ExcludeMetadata: re("legs=4")}, "duck eel", 4, 0},
		"include tags":          {filter{IncludeTags: re("^class=mammal&name=Tom%20%26%20co$")}, "cat", 4, 2},
		"exclude tags":          {filter{ExcludeTags: re("class=bird")}, "cat dog eel", 4, 2},
		"exclude tags: any":     {filter{ExcludeTags: re("")}, "dog eel", 4, 2},
		"several": {
			filter{ExcludeContentType: re("jpeg"), IncludeMetadata: re("legs"), ExcludeTags: re("bird")}, "cat", 4, 2,
		},
		"no tags are read of what is left out before": {
			filter{IncludeMetadata: re("legs=4"), IncludeTags: re("class")}, "cat", 4, 1,
		},
		"nothing is asked about what is left out before": {
			filter{Include: re("^d"), IncludeContentType: re("/")}, "dog duck", 2, 0,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			source, target := animalStore(t), mem.New()
			cfg := config(source, target)
			cfg.Filter = tt.f
			cfg.Tagging.Disable = true // only filters request tags
			report := run(t, cfg)
			got := contents(t, target)
			if keysOf(got) != tt.want || report.Transferred != int64(len(got)) || report.Warnings != 0 {
				t.Errorf("transferred %q, want %q; %+v", keysOf(got), tt.want, report.Stats)
			}
			tags, most := source.called("tags"), tt.tags
			if tt.tags > 0 {
				most += 2 // for the first objects, which seem to have no tags
			}
			if source.called("stat") != tt.stats || tags < tt.tags || tags > most {
				t.Errorf("%d asked about, %d tags; want %d, %d", source.called("stat"), tags, tt.stats, tt.tags)
			}
			if source.called("open") != len(got) {
				t.Errorf("%d opened", source.called("open"))
			}
		})
	}
}

// A rejected object is one skip. It names the filter and the value, also in a dry run.
// The first filter in the documented order is named.
func TestContentFilterIsTheReason(t *testing.T) {
	never := expression(t, "[^\x00-\U0010FFFF]")
	f := s3sync.Filter{
		IncludeContentType: never, ExcludeContentType: expression(t, "image"), IncludeMetadata: never,
		ExcludeMetadata: expression(t, "legs"), IncludeTags: never, ExcludeTags: expression(t, "class"),
	}
	for _, tt := range []struct {
		reason s3sync.Reason
		value  string
		drop   *s3sync.Matcher
	}{
		{"include-content-type-regex", "image/png", &f.IncludeContentType},
		{"exclude-content-type-regex", "image/png", &f.ExcludeContentType},
		{"include-metadata-regex", "colour=grey%2C%20white,legs=4", &f.IncludeMetadata},
		{"exclude-metadata-regex", "colour=grey%2C%20white,legs=4", &f.ExcludeMetadata},
		{"include-tag-regex", "class=mammal&name=Tom%20%26%20co", &f.IncludeTags},
		{"exclude-tag-regex", "class=mammal&name=Tom%20%26%20co", &f.ExcludeTags},
	} {
		t.Run(string(tt.reason), func(t *testing.T) {
			var log bytes.Buffer
			cfg := config(animalStore(t), mem.New())
			cfg.Filter, cfg.DryRun = f, true
			cfg.Filter.Include = expression(t, "^cat$")
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			var events []string
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Key == "cat" {
					events = append(events, fmt.Sprint(ev.Type == s3sync.EventSkipped, ev.Key, ev.Reason, ev.Compared))
				}
			}
			report := run(t, cfg)
			want := []string{fmt.Sprint(true, "cat", tt.reason, tt.value)}
			if diff := cmp.Diff(want, events); diff != "" || report.Skipped != 1 || report.Transferred != 0 {
				t.Errorf("events (-want +got):\n%s%+v", diff, report.Stats)
			}
			line := fmt.Sprintf("level=DEBUG msg=\"object filtered.\" name=%s value=%q key=cat", tt.reason, tt.value)
			if text := strings.ReplaceAll(log.String(), "value=image/png", `value="image/png"`); !strings.Contains(text, line) {
				t.Errorf("%s is not in the log:\n%s", line, text)
			}
		})
		*tt.drop = nil
	}
}

// An object that a filter of contents rejects still exists in the source: its
// counterpart is not an orphan. Objects that the update check skips are not requested.
func TestContentFiltersWithDelete(t *testing.T) {
	source, target := animalStore(t), mem.New()
	put(t, target, map[string]string{"eel": "x", "cat": "old", "orphan": "x"})
	cfg := config(source, target)
	cfg.Filter.IncludeContentType = expression(t, "jpeg")
	cfg.Check.Mode = s3sync.CheckSize
	cfg.Delete.Enable = true
	reasons := skipReasons(cfg)
	report := run(t, cfg)
	equal(t, contents(t, target), map[string]string{"eel": "x", "cat": "old", "dog": "x"})
	want := map[string]s3sync.Reason{"cat": "include-content-type-regex", "duck": "include-content-type-regex", "eel": s3sync.ReasonSame}
	if diff := cmp.Diff(want, reasons); diff != "" || report.Deleted != 1 || source.called("stat") != 3 {
		t.Errorf("skipped (-want +got):\n%s%d asked about, %+v", diff, source.called("stat"), report.Stats)
	}
}

// What a comparison has learned about an object is not requested again.
func TestContentFiltersAskOnce(t *testing.T) {
	source, target := animalStore(t), &faulty{Store: mem.New()}
	put(t, target, map[string]string{"cat": "y"})
	for name, set := range map[string]func(*s3sync.Config){
		"check": func(cfg *s3sync.Config) { cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, "CRC32" },
		"report": func(cfg *s3sync.Config) {
			cfg.Report.Status = true
			cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, "CRC32"
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := source.called("stat")
			source.stat = func(_ string, _ storage.StatOptions, info *storage.Info) error {
				info.Checksums = []storage.Checksum{{Algorithm: "CRC32", Value: "AAAAAA=="}}
				return nil
			}
			target.stat = func(_ string, _ storage.StatOptions, info *storage.Info) error {
				info.Checksums = []storage.Checksum{{Algorithm: "CRC32", Value: "BBBBBA=="}}
				return nil
			}
			cfg := config(source, target)
			cfg.Filter.Include, cfg.Filter.ExcludeMetadata = expression(t, "^cat$"), expression(t, "legs")
			set(cfg)
			reasons := skipReasons(cfg)
			report := run(t, cfg)
			if n := source.called("stat") - before; n != 1 || reasons["cat"] != "exclude-metadata-regex" || report.Skipped != 1 {
				t.Errorf("asked %d times, %v, %+v", n, reasons, report)
			}
		})
	}
}

// A report says nothing about objects that the filters reject.
func TestContentFiltersOfAReport(t *testing.T) {
	source, target := animalStore(t), mem.New()
	put(t, target, map[string]string{"cat": "y", "dog": "x"})
	cfg := config(source, target)
	cfg.Report.Status = true
	cfg.Filter.IncludeContentType = expression(t, "jpeg")
	reasons := skipReasons(cfg)
	r := run(t, cfg)
	if !r.Status.InSync() || r.Status.Objects != 1 || len(reasons) != 3 {
		t.Errorf("%+v, %v", r, reasons)
	}
}

// An object whose properties cannot be requested is treated like an unreadable object.
func TestContentFiltersThatFail(t *testing.T) {
	for name, tt := range map[string]struct {
		stat, tags       error
		warnings, failed int64
		retried          bool
	}{
		"gone":               {stat: fs.ErrNotExist, warnings: 1},
		"archived":           {stat: storage.ErrArchived, warnings: 1},
		"not allowed":        {stat: fs.ErrPermission, warnings: 1},
		"server fault":       {stat: storage.ErrTransient, failed: 1, retried: true},
		"other":              {stat: errInjected, failed: 1},
		"tags gone":          {tags: fs.ErrNotExist, warnings: 1},
		"tags not allowed":   {tags: fs.ErrPermission, warnings: 1},
		"tags: server fault": {tags: storage.ErrTransient, failed: 1, retried: true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := animalStore(t), mem.New()
			source.stat = func(key string, _ storage.StatOptions, _ *storage.Info) error {
				if key == "cat" && tt.stat != nil {
					return &storage.Error{Op: "stat", Key: key, Err: tt.stat}
				}
				return nil
			}
			source.fail = func(key string) error {
				if key == "cat" {
					return tt.tags
				}
				return nil
			}
			cfg := config(source, target)
			cfg.Filter.ExcludeTags = expression(t, "never")
			cfg.Tagging.Disable = true // only the filter requests tags
			cfg.Retry.ForceCount = 2
			var retries int
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventRetry {
					retries++
				}
			}
			report, err := try(t, cfg)
			if (err != nil) != (tt.failed > 0) || report.Warnings != tt.warnings || report.Failed != tt.failed || report.Skipped != 0 {
				t.Errorf("%v, %+v", err, report.Stats)
			}
			if (retries == 2) != tt.retried || keysOf(contents(t, target)) != "dog duck eel" {
				t.Errorf("%d retries, transferred %q", retries, keysOf(contents(t, target)))
			}
		})
	}
}

// Files have the type that is guessed from their names, if any, and no other properties
// for filters.
func TestContentFiltersOfFiles(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a.png", "b.txt", "c"} {
		writeFile(root+"/"+name, "x")
	}
	for name, tt := range map[string]struct {
		include, exclude string
		noGuess          bool
		want             string
	}{
		"include":                    {include: "^image/png$", want: "a.png"},
		"exclude":                    {exclude: "^image/png$", want: "b.txt c"},
		"include, unknown":           {include: "octet-stream", want: "c"},
		"include without a guess":    {include: "", noGuess: true, want: ""},
		"exclude without a guess":    {exclude: ".", noGuess: true, want: "a.png b.txt c"},
		"all types are of some kind": {include: "/", want: "a.png b.txt c"},
	} {
		t.Run(name, func(t *testing.T) {
			target := mem.New()
			cfg := config(nil, target)
			cfg.Source.URL = root
			cfg.Metadata.NoGuessType = tt.noGuess
			if tt.exclude != "" {
				cfg.Filter.ExcludeContentType = expression(t, tt.exclude)
			} else {
				cfg.Filter.IncludeContentType = expression(t, tt.include)
			}
			run(t, cfg)
			if got := keysOf(contents(t, target)); got != tt.want {
				t.Errorf("transferred %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFilterCallback(t *testing.T) {
	objects := map[string]string{"a": "1", "b": "22", "c": "333", "d.tmp": "4"}
	t.Run("selects", func(t *testing.T) {
		source, target := mem.New(), mem.New()
		put(t, source, objects)
		put(t, target, map[string]string{"b": "old", "orphan": "x"})
		cfg := config(source, target)
		cfg.Delete.Enable = true
		cfg.Check.Mode = s3sync.CheckOverwrite
		cfg.Filter.Exclude = expression(t, "tmp")
		var asked []string // without a lock: it is called from one goroutine
		cfg.Filter.Func = func(o storage.Object) (bool, error) {
			asked = append(asked, o.Key)
			return o.Size != 2, nil
		}
		reasons := skipReasons(cfg)
		report := run(t, cfg)
		equal(t, contents(t, target), map[string]string{"a": "1", "b": "old", "c": "333"})
		if want := []string{"a", "b", "c"}; !slices.Equal(asked, want) {
			t.Errorf("asked about %q, want %q", asked, want)
		}
		want := map[string]s3sync.Reason{"b": s3sync.ReasonCallback, "d.tmp": "exclude-regex"}
		if diff := cmp.Diff(want, reasons); diff != "" || report.Skipped != 2 || report.Deleted != 1 {
			t.Errorf("skipped (-want +got):\n%s%+v", diff, report.Stats)
		}
	})
	t.Run("error ends the run", func(t *testing.T) {
		source, target := mem.New(), mem.New()
		put(t, source, objects)
		put(t, target, map[string]string{"orphan": "x"})
		cfg := config(source, target)
		cfg.Delete.Enable = true
		cfg.Filter.Func = func(o storage.Object) (bool, error) {
			if o.Key == "b" {
				return false, errInjected
			}
			return true, nil
		}
		report, err := try(t, cfg)
		if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), `filter callback on "b"`) || !report.Incomplete || report.Failed != 1 {
			t.Errorf("error %v, %+v", err, report)
		}
		got := contents(t, target)
		delete(got, "a") // its transfer may have started
		equal(t, got, map[string]string{"orphan": "x"})
	})
}

// If an expression cannot be matched, that object fails. Nothing is deleted: neither
// its counterpart nor objects that the expression would protect.
func TestExpressionThatCannotBeMatched(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for expressions that take too long")
	}
	t.Parallel()
	hard := strings.Repeat("a", 64) + "!"
	endless := expression(t, `^(?=a)(a|aa)+$`)
	t.Run("source", func(t *testing.T) {
		t.Parallel()
		source, target := mem.New(), mem.New()
		put(t, source, map[string]string{hard: "1", "b": "2"})
		put(t, target, map[string]string{"orphan": "x"})
		cfg := config(source, target)
		cfg.Filter.Exclude = endless
		cfg.Delete.Enable = true
		report, err := try(t, cfg)
		if err == nil || !slices.Equal(report.FailedKeys(), []string{hard}) || !strings.Contains(err.Error(), endless.String()) {
			t.Errorf("error %v, %+v", err, report)
		}
		equal(t, contents(t, target), map[string]string{"orphan": "x", "b": "2"})
	})
	t.Run("orphan", func(t *testing.T) {
		t.Parallel()
		source, target := mem.New(), mem.New()
		put(t, source, map[string]string{"b": "2"})
		put(t, target, map[string]string{hard: "kept", "orphan": "x", "aaa": "protected"})
		cfg := config(source, target)
		cfg.Filter.Exclude = endless
		cfg.Delete.Enable = true
		report, err := try(t, cfg)
		if err == nil || !slices.Equal(report.FailedKeys(), []string{hard}) || report.Deleted != 1 {
			t.Errorf("error %v, %+v", err, report)
		}
		equal(t, contents(t, target), map[string]string{hard: "kept", "b": "2", "aaa": "protected"})
	})
	t.Run("orphan, fail fast", func(t *testing.T) {
		t.Parallel()
		source, target := mem.New(), mem.New()
		put(t, target, map[string]string{hard: "kept"})
		cfg := config(source, target)
		cfg.Filter.Exclude = endless
		cfg.Delete.Enable, cfg.FailFast = true, true
		report, err := try(t, cfg)
		if err == nil || report.Failed != 1 {
			t.Errorf("error %v, %+v", err, report)
		}
		equal(t, contents(t, target), map[string]string{hard: "kept"})
	})
	t.Run("content", func(t *testing.T) {
		t.Parallel()
		source, target := animalStore(t), mem.New()
		source.stat = func(key string, _ storage.StatOptions, info *storage.Info) error {
			if key == "cat" {
				info.ContentType = hard
			}
			return nil
		}
		put(t, target, map[string]string{"orphan": "x"})
		cfg := config(source, target)
		cfg.Filter.ExcludeContentType = endless
		cfg.Delete.Enable = true
		report, err := try(t, cfg)
		if err == nil || !slices.Equal(report.FailedKeys(), []string{"cat"}) {
			t.Errorf("error %v, %+v", err, report)
		}
		equal(t, contents(t, target), map[string]string{"orphan": "x", "dog": "x", "duck": "x", "eel": "x"})
	})
}

// Expressions of the standard library, and other Matchers of a caller, select like
// ours.
func TestMatchersOfOtherTypes(t *testing.T) {
	for name, of := range map[string]func(text string) s3sync.Matcher{
		"ours":     func(text string) s3sync.Matcher { return expression(t, text) },
		"standard": func(text string) s3sync.Matcher { return regexp.MustCompile(text) },
		"other":    func(text string) s3sync.Matcher { return otherMatcher{regexp.MustCompile(text)} },
	} {
		t.Run(name, func(t *testing.T) {
			source, target := animalStore(t), mem.New()
			put(t, target, map[string]string{"zebra": "kept", "yak": "an orphan"})
			cfg := config(source, target)
			cfg.Filter.Include, cfg.Filter.Exclude = of("^[a-f]"), of("^(eel|z)")
			cfg.Filter.IncludeContentType, cfg.Filter.ExcludeTags = of("^image/"), of("=bird")
			cfg.Delete.Enable = true
			report := run(t, cfg)
			got := contents(t, target)
			want := config(source, mem.New())
			want.Filter = cfg.Filter
			want.Filter.Include, want.Filter.Exclude = expression(t, "^[a-f]"), expression(t, "^(eel|z)")
			want.Filter.IncludeContentType, want.Filter.ExcludeTags = expression(t, "^image/"), expression(t, "=bird")
			if n := run(t, want).Transferred; n == 0 || report.Transferred != n || report.Deleted != 1 || got["zebra"] != "kept" {
				t.Errorf("%+v, want %d transferred; the target has %q", report.Stats, n, slices.Sorted(maps.Keys(got)))
			}
		})
	}
}

type otherMatcher struct{ re *regexp.Regexp }

func (m otherMatcher) MatchString(text string) bool { return m.re.MatchString(text) }
func (m otherMatcher) String() string               { return m.re.String() }
