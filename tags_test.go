package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A restrictedTagStore hides some facts about its tags.
type restrictedTagStore struct {
	*mem.Store
	// counts: the number of an object's tags is reported.
	counts bool
	// deny is called before tags are read or written.
	deny func(key string) error

	mu    sync.Mutex
	asked map[string]int // by key
}

func (s *restrictedTagStore) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.Store.Open(ctx, key, opts)
	return &restrictedTagReader{r, s.counts}, err
}

type restrictedTagReader struct {
	storage.Reader
	counts bool
}

func (r *restrictedTagReader) Info() storage.Info {
	info := r.Reader.Info()
	if !r.counts {
		info.TagCount = 0
	}
	return info
}

func (s *restrictedTagStore) Tags(ctx context.Context, key, version string) (map[string]string, error) {
	s.mu.Lock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[key]++
	s.mu.Unlock()
	if s.deny != nil {
		if err := s.deny(key); err != nil {
			return nil, &storage.Error{Op: "get tags", Key: key, Err: err}
		}
	}
	return s.Store.Tags(ctx, key, version)
}

func (s *restrictedTagStore) SetTags(ctx context.Context, key string, tags map[string]string) error {
	if s.deny != nil {
		if err := s.deny(key); err != nil {
			return &storage.Error{Op: "set tags", Key: key, Err: err}
		}
	}
	return s.Store.SetTags(ctx, key, tags)
}

// putTags writes an object with tags, name=value.
func putTags(t *testing.T, s storage.Store, key string, tags ...string) {
	t.Helper()
	opts := storage.WriteOptions{Size: 1, Tags: map[string]string{}}
	for _, tag := range tags {
		name, value, _ := strings.Cut(tag, "=")
		opts.Tags[name] = value
	}
	if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte("x")}, opts); err != nil {
		t.Fatal(err)
	}
}

func denied(string) error { return fs.ErrPermission }

func unsupported(string) error { return errors.ErrUnsupported }

// tagsOf returns the tags of all objects with tags, as text.
func tagsOf(t *testing.T, s *mem.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key := range contents(t, s) {
		tags, err := s.Tags(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(tags) > 0 {
			all[key] = fmt.Sprint(tags)
		}
	}
	return all
}

// TestTagsAreAskedFor: tags arrive whatever the source reports about their number. No
// tags are lost without a warning, and there are few unnecessary requests.
func TestTagsAreAskedFor(t *testing.T) {
	const n = 50 // objects with tags, besides one without
	no := func(*s3sync.Config) {}
	disabled := func(c *s3sync.Config) { c.Tagging.Disable = true }
	for name, tt := range map[string]struct {
		store       *restrictedTagStore
		set         func(*s3sync.Config)
		least, most int // requests
		tags        bool
		stats       s3sync.Stats
		warning     string
	}{
		"counted":     {&restrictedTagStore{counts: true}, no, n, n + 1, true, s3sync.Stats{Transferred: n + 1}, ""},
		"not counted": {&restrictedTagStore{}, no, n + 1, n + 1, true, s3sync.Stats{Transferred: n + 1}, ""},
		"counted but denied": {
			&restrictedTagStore{counts: true, deny: denied}, func(c *s3sync.Config) { c.Transfer.Workers = 1 }, n + 1, n + 1, false,
			s3sync.Stats{Transferred: 1, Warnings: n + 1},
			"s3:GetObjectTagging",
		},
		"hidden": {
			&restrictedTagStore{deny: denied}, no, 1, 1, false,
			s3sync.Stats{Transferred: n + 1, Warnings: 1},
			"Tagging.Disable",
		},
		"hidden, with Delete": {
			&restrictedTagStore{deny: denied}, func(c *s3sync.Config) { c.Delete.Enable = true }, 1, 1, false,
			s3sync.Stats{Transferred: n + 1, Warnings: 1, Deleted: 1},
			"Tagging.Disable",
		},
		"hidden, as error": {
			&restrictedTagStore{deny: denied}, func(c *s3sync.Config) { c.WarnAsError, c.Delete.Enable = true, true }, 1, 1, false,
			s3sync.Stats{Transferred: n + 1, Failed: 1},
			"",
		},
		"unsupported": {
			&restrictedTagStore{deny: unsupported}, no, 1, 1, false,
			s3sync.Stats{Transferred: n + 1, Warnings: 1},
			"Tagging.Disable",
		},
		"unsupported, but counted": {
			&restrictedTagStore{counts: true, deny: unsupported}, func(c *s3sync.Config) { c.Transfer.Workers = 1 }, 1, 1, false,
			s3sync.Stats{Transferred: n + 1, Warnings: 1},
			"Tagging.Disable",
		},
		"disabled":             {&restrictedTagStore{counts: true}, disabled, 0, 0, false, s3sync.Stats{Transferred: n + 1}, ""},
		"hidden, but disabled": {&restrictedTagStore{deny: denied}, disabled, 0, 0, false, s3sync.Stats{Transferred: n + 1}, ""},
		"hidden, but set": {
			&restrictedTagStore{deny: denied}, func(c *s3sync.Config) { c.Tagging.Set = "a=b" }, 0, 0, false,
			s3sync.Stats{Transferred: n + 1},
			"",
		},
		"dry": {
			&restrictedTagStore{deny: denied}, func(c *s3sync.Config) { c.DryRun = true }, 0, 0, false,
			s3sync.Stats{Transferred: n + 1},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inner, target := mem.New(), mem.New()
			tt.store.Store = inner
			putTags(t, target, "only here") // deleted if Delete is enabled and nothing failed
			putTags(t, inner, "a")          // usually the first object to be processed
			for i := range n {
				putTags(t, inner, fmt.Sprintf("tagged-%02d", i), "k=v", fmt.Sprint("n=", i))
			}
			cfg := config(tt.store, target)
			tt.set(cfg)
			if name == "not counted" {
				cfg.Filter.Exclude = expression(t, "^a$") // see TestTagsAreNotCounted
				tt.least, tt.most, tt.stats.Transferred, tt.stats.Skipped = n, n, n, 1
			}
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventWarning && !strings.Contains(ev.Err.Error(), tt.warning) {
					t.Errorf("the warning does not name %s: %v", tt.warning, ev.Err)
				}
			}
			r, err := try(t, cfg)
			got := s3sync.Stats{Transferred: r.Transferred, Warnings: r.Warnings, Failed: r.Failed, Skipped: r.Skipped, Deleted: r.Deleted}
			if got != tt.stats || (err != nil) != (got.Failed > 0) {
				t.Errorf("%v, %+v, want %+v", err, got, tt.stats)
			}
			asked := 0
			for _, times := range tt.store.asked {
				asked += times
			}
			if asked < tt.least || asked > tt.most {
				t.Errorf("tags were asked for %d times, want %d to %d", asked, tt.least, tt.most)
			}
			want := map[string]string{}
			if tt.tags {
				want = tagsOf(t, inner)
			}
			if cfg.Tagging.Set != "" {
				for key := range contents(t, inner) {
					want[key] = "map[a:b]"
				}
			}
			if diff := cmp.Diff(want, tagsOf(t, target)); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTagsAreNotCounted: a run may learn late that a source does not count tags. Then
// it warns, and the remedy in the warning restores the lost tags.
func TestTagsAreNotCounted(t *testing.T) {
	source, target := &restrictedTagStore{Store: mem.New()}, mem.New()
	source.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
	for i := range 100 {
		putTags(t, source.Store, fmt.Sprintf("a-%02d", i))
		putTags(t, source.Store, fmt.Sprintf("b-%02d", i), "k=v")
	}
	cfg := config(source, target)
	cfg.Transfer.Workers = 1
	warned := ""
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventWarning {
			warned += ev.Err.Error()
		}
	}
	// The 128th object is the first one with tags whose tags are requested.
	r := run(t, cfg)
	if lost := len(tagsOf(t, source.Store)) - len(tagsOf(t, target)); r.Transferred != 200 || r.Warnings != 1 || lost != 27 {
		t.Errorf("%d lost tags, %+v", lost, r.Stats)
	}
	if !strings.Contains(warned, `"b-27" shows; up to 127 objects`) || !strings.Contains(warned, "Tagging.SyncLatest") {
		t.Errorf("warned %q", warned)
	}
	cfg.Tagging.SyncLatest = true
	if r := run(t, cfg); r.Transferred != 27 || r.Warnings != 0 {
		t.Errorf("%+v", r.Stats)
	}
	if diff := cmp.Diff(tagsOf(t, source.Store), tagsOf(t, target)); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// TestTagsDeniedOfSome: the object is skipped, not written without its tags, and
// nothing is deleted.
func TestTagsDeniedOfSome(t *testing.T) {
	source := &restrictedTagStore{Store: mem.New(), counts: true, deny: func(key string) error {
		if key == "b" {
			return fs.ErrPermission
		}
		return nil
	}}
	target := mem.New()
	for _, key := range []string{"a", "b", "c"} {
		putTags(t, source.Store, key, "k=v")
	}
	putTags(t, target, "only here")
	cfg := config(source, target)
	cfg.Delete.Enable = true
	warned := ""
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventWarning {
			warned += ev.Key + ": " + ev.Err.Error()
		}
	}
	r, err := try(t, cfg)
	if err != nil || r.Transferred != 2 || r.Warnings != 1 || r.Deleted != 0 {
		t.Errorf("%v, %+v", err, r.Stats)
	}
	if !strings.HasPrefix(warned, "b: ") || !strings.Contains(warned, "s3:GetObjectTagging") {
		t.Errorf("warned %q", warned)
	}
	if _, ok := contents(t, target)["b"]; ok {
		t.Error("b was written without its tags")
	}
}

// TestTagsFail: any other failure of the request for tags fails the object. It does not
// count as a response.
func TestTagsFail(t *testing.T) {
	failures := 0
	source := &restrictedTagStore{Store: mem.New(), deny: func(string) error {
		if failures++; failures <= 3 {
			return fmt.Errorf("%w: %w", storage.ErrTransient, errInjected)
		}
		return nil
	}}
	target := mem.New()
	for _, key := range []string{"a", "b", "c"} {
		putTags(t, source.Store, key, "k=v")
	}
	cfg := config(source, target)
	cfg.Transfer.Workers, cfg.Retry.ForceCount = 1, 0
	r, err := try(t, cfg)
	if !errors.Is(err, errInjected) || r.Failed != 3 || r.Transferred != 0 {
		t.Errorf("%v, %+v", err, r.Stats)
	}
	run(t, cfg)
	if got := tagsOf(t, target); len(got) != 3 {
		t.Errorf("tags %v", got)
	}
}

// TestTagsFailSlowly: objects do not wait for each other's tags if no response comes.
func TestTagsFailSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &restrictedTagStore{Store: mem.New(), deny: func(string) error {
			time.Sleep(time.Second)
			return fmt.Errorf("%w: %w", storage.ErrTransient, errInjected)
		}}
		for i := range 64 {
			putTags(t, source.Store, fmt.Sprint(i))
		}
		cfg := config(source, mem.New())
		cfg.Transfer.Workers, cfg.Retry.ForceCount = 16, 0
		begin := time.Now()
		r, _ := try(t, cfg)
		// The first sample, the one that all others of its time waited for, and then
		// four rows.
		if took := time.Since(begin); r.Failed != 64 || took > 6*time.Second {
			t.Errorf("%d failed within %v", r.Failed, took)
		}
	})
}

// TestTagsAskedForButUnsupported: a run that uses tags ends with an error if a side
// does not support them. The error comes once, not for each object.
func TestTagsAskedForButUnsupported(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target bool // without support for tags
		unchanged      bool
		set            func(*s3sync.Config)
		want           string
	}{
		"source":          {true, false, true, func(c *s3sync.Config) { c.Tagging.SyncLatest = true }, "Tagging.SyncLatest needs tags: source"},
		"target":          {false, true, true, func(c *s3sync.Config) { c.Tagging.SyncLatest = true }, "Tagging.SyncLatest needs tags: target"},
		"source, changed": {true, false, false, func(c *s3sync.Config) { c.Tagging.SyncLatest = true }, "Tagging.SyncLatest needs tags"},
		"report": {
			true, false, true, func(c *s3sync.Config) { c.Report.Status, c.Report.Tagging = true, true },
			"Report.Tagging needs tags: source",
		},
		"filter": {true, false, false, func(c *s3sync.Config) { c.Filter.IncludeTags = expression(t, "a") }, "Filter.ExcludeTags needs tags"},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &restrictedTagStore{Store: mem.New()}, &restrictedTagStore{Store: mem.New()}
			if tt.source {
				source.deny = unsupported
			}
			if tt.target {
				target.deny = unsupported
			}
			for i := range 20 {
				putTags(t, source.Store, fmt.Sprint(i))
				if tt.unchanged {
					putTags(t, target.Store, fmt.Sprint(i))
				}
			}
			cfg := config(source, target)
			cfg.Transfer.Workers = 1
			if !strings.Contains(tt.want, "Report") {
				cfg.Check.Mode = s3sync.CheckSize
			}
			tt.set(cfg)
			r, err := try(t, cfg)
			if !errors.Is(err, storage.ErrUnusable) || !strings.Contains(err.Error(), tt.want) || r.Failed != 1 || r.Warnings != 0 || r.Transferred != 0 {
				t.Errorf("%v, %+v", err, r.Stats)
			}
		})
	}
}

// TestSyncTags: unchanged objects get the tags of their source without being written
// again, also with Delete and in a dry run.
func TestSyncTags(t *testing.T) {
	for name, tt := range map[string]struct {
		dry, off bool
		check    func(*s3sync.Check)
	}{
		"newer": {}, "dry": {dry: true}, "off": {off: true},
		"etag": {check: func(c *s3sync.Check) { c.Mode = s3sync.CheckETag }},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			source.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
			putTags(t, source, "same", "k=v")
			putTags(t, target, "same", "k=v")
			putTags(t, source, "none")
			putTags(t, target, "none")
			putTags(t, source, "other", "k=new", "m=x y")
			putTags(t, target, "other", "k=old")
			putTags(t, source, "removed")
			putTags(t, target, "removed", "k=v")
			putTags(t, source, "new", "k=v")
			putTags(t, target, "only here", "k=v")
			before, at := tagsOf(t, target), modTimes(t, target)
			cfg := config(source, target)
			cfg.Tagging.SyncLatest, cfg.DryRun, cfg.Delete.Enable = !tt.off, tt.dry, true
			if tt.check != nil {
				tt.check(&cfg.Check)
			}
			var log strings.Builder
			cfg.Logger = logTo(&log)
			r := run(t, cfg)
			want := s3sync.Stats{Transferred: 3, ETagVerified: 1, Verified: 1, Deleted: 1, Skipped: 2, TransferredBytes: 1}
			if tt.off {
				want = s3sync.Stats{Transferred: 1, ETagVerified: 1, Verified: 1, Deleted: 1, Skipped: 4, TransferredBytes: 1}
			}
			if tt.dry {
				want.ETagVerified, want.Verified = 0, 0
			}
			r.Elapsed = 0
			if diff := cmp.Diff(want, r.Stats); diff != "" {
				t.Errorf("counters (-want +got):\n%s", diff)
			}
			messages := []string{"sync(tagging only) completed.", "sync(delete tagging only) completed."}
			if tt.dry {
				messages = []string{"would tag", "would untag"}
			}
			for _, message := range messages {
				if n := strings.Count(log.String(), `msg="`+message+`"`); (n != 1) != tt.off {
					t.Errorf("%d records %q in:\n%s", n, message, log.String())
				}
			}
			wantTags := tagsOf(t, source)
			switch {
			case tt.dry:
				wantTags = before
			case tt.off:
				wantTags["other"], wantTags["removed"] = before["other"], before["removed"]
			}
			if diff := cmp.Diff(wantTags, tagsOf(t, target)); diff != "" {
				t.Errorf("tags (-want +got):\n%s", diff)
			}
			after := modTimes(t, target)
			for _, key := range []string{"same", "none", "other", "removed"} {
				if !after[key].Equal(at[key]) {
					t.Errorf("%s was written again", key)
				}
			}
		})
	}
}

func modTimes(t *testing.T, s storage.Store) map[string]time.Time {
	t.Helper()
	times := map[string]time.Time{}
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		times[o.Key] = o.ModTime
	}
	return times
}

// TestSyncTagsFails: if tags cannot be read or written, the object is reported with the
// missing permission, and nothing is deleted. A store without tags ends the run before
// any work.
func TestSyncTagsFails(t *testing.T) {
	for name, permission := range map[string]string{"source": "s3:GetObjectTagging", "target": "s3:GetObjectTagging", "write": "s3:PutObjectTagging"} {
		t.Run(name, func(t *testing.T) {
			source, target := &restrictedTagStore{Store: mem.New(), counts: true}, &restrictedTagStore{Store: mem.New(), counts: true}
			putTags(t, source.Store, "a", "k=v")
			putTags(t, target.Store, "a")
			putTags(t, target.Store, "only here")
			switch name {
			case "source":
				source.deny = denied
			case "target":
				target.deny = denied
			case "write":
				calls := 0
				target.deny = func(string) error {
					if calls++; calls == 2 {
						return fs.ErrPermission
					}
					return nil
				}
			}
			cfg := config(source, target)
			cfg.Check.Mode, cfg.Tagging.SyncLatest, cfg.Delete.Enable = s3sync.CheckSize, true, true
			failed := ""
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventFailed {
					failed += ev.Key + ": " + ev.Err.Error()
				}
			}
			r, err := try(t, cfg)
			if !errors.Is(err, fs.ErrPermission) || r.Failed != 1 || r.Transferred+r.Deleted != 0 || !strings.HasPrefix(failed, "a: ") || !strings.Contains(failed, permission) {
				t.Errorf("%q, %+v", failed, r.Stats)
			}
		})
	}
	type plain struct{ storage.Store }
	cfg := config(plain{mem.New()}, mem.New())
	cfg.Tagging.SyncLatest = true
	put(t, cfg.Source.Store, map[string]string{"a": ""})
	if r, err := try(t, cfg); err == nil || !strings.Contains(err.Error(), "no tags") || r.Transferred != 0 {
		t.Errorf("%v, %+v", err, r.Stats)
	}
}

// An untaggedStore has no tags, like a directory bucket.
type untaggedStore struct{ storage.Store }

func (s untaggedStore) Unwrap() storage.Store { return s.Store }

func (s untaggedStore) Caps() storage.Caps {
	caps := s.Store.Caps()
	caps.Tags = false
	return caps
}

// TestSetTagsOfTargetWithoutTags: a run that sets tags ends before any work if the
// target does not support them. Other runs write to it.
func TestSetTagsOfTargetWithoutTags(t *testing.T) {
	directory, err := dir.Open(t.TempDir(), dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close() })
	for name, target := range map[string]storage.Store{"bucket": untaggedStore{mem.New()}, "directory": directory} {
		for _, dryRun := range []bool{true, false} {
			cfg := config(mem.New(), target)
			putTags(t, cfg.Source.Store, "a", "k=v")
			put(t, target, map[string]string{"only here": ""})
			cfg.Tagging.Set, cfg.Delete.Enable, cfg.DryRun = "x=y", true, dryRun
			r, err := try(t, cfg)
			if err == nil || !strings.Contains(err.Error(), "target: its objects have no tags, which Tagging.Set asks for") || r.Transferred+r.Deleted != 0 {
				t.Errorf("%s, dry run %t: %v, %+v", name, dryRun, err, r.Stats)
			}
		}
		cfg := config(mem.New(), target)
		putTags(t, cfg.Source.Store, "a", "k=v")
		if r, err := try(t, cfg); err != nil || r.Transferred != 1 {
			t.Errorf("%s, without tags to set: %v, %+v", name, err, r.Stats)
		}
	}
}

// TestReportTags: tags in a report.
func TestReportTags(t *testing.T) {
	source, target := mem.New(), mem.New()
	putTags(t, source, "same", "b=2", "a=1 &")
	putTags(t, target, "same", "a=1 &", "b=2")
	putTags(t, source, "none")
	putTags(t, target, "none")
	putTags(t, source, "other", "k=v")
	putTags(t, target, "other", "k=w")
	putTags(t, source, "missing", "k=v")
	putTags(t, target, "missing")
	putTags(t, source, "new", "k=v")
	cfg := config(source, target)
	cfg.Report.Status, cfg.Report.Tagging = true, true
	type line struct {
		Status         s3sync.Status
		Source, Target string
	}
	got := map[string]line{}
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventStatus && ev.Line.Aspect == s3sync.AspectTagging {
			got[ev.Key] = line{ev.Line.Status, ev.Tags.Source, ev.Tags.Target}
		}
	}
	var log strings.Builder
	cfg.Logger = logTo(&log)
	r := run(t, cfg)
	want := map[string]line{
		"same":    {s3sync.StatusMatches, "a=1%20%26&b=2", "a=1%20%26&b=2"},
		"none":    {s3sync.StatusMatches, "", ""},
		"other":   {s3sync.StatusMismatch, "k=v", "k=w"},
		"missing": {s3sync.StatusMismatch, "k=v", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if c := r.Status; c.Tagging != (s3sync.AspectCounts{Matches: 2, Mismatch: 2}) || c.NotFound != 1 || c.Objects != 5 || c.InSync() {
		t.Errorf("%+v", c)
	}
	record := `name=TAGGING_SYNC_STATUS type=TAGGING status=MISMATCH key=other source_version_id="" target_version_id="" source_tagging="k=v" target_tagging="k=w"`
	if !strings.Contains(log.String(), record) || !strings.Contains(log.String(), "tagging_matches=2") || !strings.Contains(log.String(), "tagging_mismatch=2") {
		t.Errorf("the log is\n%s", log.String())
	}
}

// TestTaggingOption: tags that S3 would reject are rejected before any work. Most rules
// are those of internal/tagset; Config wants each tag to have one "=" as well.
func TestTaggingOption(t *testing.T) {
	for text, ok := range map[string]bool{"a=b&c=d": true, "a=b&a=c": false, "a": false, "a=b=c": false, "aws:x=y": false} {
		cfg := config(mem.New(), mem.New())
		cfg.Tagging.Set = text
		if err := cfg.Validate(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
