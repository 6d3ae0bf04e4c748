package s3sync_test

import (
	"context"
	"fmt"
	"testing"

	"s3sync"
	"s3sync/storage"
)

// TestVersionMetadata: the origin of a version is kept in its metadata, whatever the
// options for metadata.
func TestVersionMetadata(t *testing.T) {
	for name, change := range map[string]func(*s3sync.Config){
		"default":    func(*s3sync.Config) {},
		"--metadata": func(c *s3sync.Config) { c.Metadata.User = map[string]string{"a": "b"} },
		"none":       func(c *s3sync.Config) { c.Metadata.NoUser = true },
		"callback": func(c *s3sync.Config) {
			c.Preprocess = func(_ context.Context, _ *storage.Info, u *s3sync.Upload) error {
				u.Metadata = nil
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersioned(), newVersioned()
			source.writeHistory(t, "a", "1")
			cfg := versionsConfig(source, target)
			change(cfg)
			run(t, cfg)
			info, err := target.versions.Stat(t.Context(), "a", storage.StatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if info.Metadata["s3sync_origin_version_id"] != "v00000001" ||
				info.Metadata["s3sync_origin_last_modified"] != "2023-11-14T22:13:20+00:00" || (name == "--metadata") != (info.Metadata["a"] == "b") {
				t.Errorf("metadata %v", info.Metadata)
			}
		})
	}
}

func TestVersionsDryRun(t *testing.T) {
	source, target := newVersioned(), newVersioned()
	source.writeHistory(t, "a", "12-3-")
	source.writeHistory(t, "b", "1")
	target.writeHistory(t, "a", "1")
	before := target.histories(t, true)
	cfg := versionsConfig(source, target)
	for _, dry := range []bool{true, false} {
		want := before
		if !dry {
			want = map[string]string{"a": "123-", "b": "1"}
		}
		cfg.DryRun = dry
		report := run(t, cfg)
		if report.Transferred != 3 || report.Deleted != 1 || report.Skipped != 1 {
			t.Errorf("dry run %t: %+v", dry, report.Stats)
		}
		target.wantHistories(t, want, true)
	}
}

// Filters see every version, including markers, which have no size.
func TestVersionFilters(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	for name, tt := range map[string]struct {
		change  func(*s3sync.Config)
		want    map[string]string
		skipped int64
	}{
		"size":    {func(c *s3sync.Config) { c.Filter.LargerThan = size(1) }, map[string]string{"a": "12-3-", "b": "1"}, 0},
		"no size": {func(c *s3sync.Config) { c.Filter.SmallerThan = size(1) }, map[string]string{"a": "--"}, 4},
		"key":     {func(c *s3sync.Config) { c.Filter.Exclude = expression(t, "a") }, map[string]string{"b": "1"}, 5},
		"callback": {func(c *s3sync.Config) {
			c.Filter.Func = func(o storage.Object) (bool, error) { return !o.DeleteMarker, nil }
		}, map[string]string{"a": "123", "b": "1"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersioned(), newVersioned()
			source.writeHistory(t, "a", "12-3-")
			source.writeHistory(t, "b", "1")
			cfg := versionsConfig(source, target)
			cfg.Versioning.AllMarkers = true
			tt.change(cfg)
			if report := run(t, cfg); report.Skipped != tt.skipped {
				t.Errorf("skipped %d, want %d", report.Skipped, tt.skipped)
			}
			target.wantHistories(t, tt.want, true)
		})
	}
}

// An archived version holds back later versions, unless archived versions are to be
// skipped. So does a version that turns out to be archived when it is read.
func TestArchivedVersions(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		for _, listed := range []bool{false, true} {
			t.Run(fmt.Sprintf("ignore=%t listed=%t", ignore, listed), func(t *testing.T) { testArchivedVersions(t, ignore, listed) })
		}
	}
}

func testArchivedVersions(t *testing.T, ignore, listed bool) {
	source, target := newVersioned(), newVersioned()
	source.writeHistory(t, "a", "123")
	second := func(o *storage.Object) bool { return o.VersionID == "v00000002" }
	source.listed = each(func(o *storage.Object) { o.Archived, o.MaybeArchived = listed && second(o), !listed && second(o) })
	source.openVersion = func(id string) error {
		if !listed && id == "v00000002" {
			return &storage.Error{Op: "open", Key: "a", Err: storage.ErrArchived}
		}
		return nil
	}
	cfg := versionsConfig(source, target)
	cfg.IgnoreArchived = ignore
	for range 2 {
		report := run(t, cfg)
		if (report.Warnings == 1) == ignore {
			t.Errorf("%+v", report.Stats)
		}
	}
	source.writeHistory(t, "a", "4")
	run(t, cfg)
	want := "1"
	if ignore {
		want = "134"
	}
	target.wantHistories(t, map[string]string{"a": want}, true)
	if ignore && target.called("stat") != 0 {
		t.Errorf("%d requests for what is left out", target.called("stat"))
	}
}
