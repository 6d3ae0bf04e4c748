package s3sync_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// asOf syncs the source at a point in time into a new store, and returns its contents.
func asOf(t *testing.T, source storage.Store, at time.Time, change func(*s3sync.Config)) (map[string]string, *s3sync.Report) {
	t.Helper()
	target := mem.New()
	cfg := config(source, target)
	cfg.Versioning.PointInTime = at
	if change != nil {
		change(cfg)
	}
	report := run(t, cfg)
	return contents(t, target), report
}

// TestPointInTime: for any random history and any time, the target is what the source
// was. If a second has several versions, the newest one counts.
func TestPointInTime(t *testing.T) {
	eachSeed(t, 50, func(t *testing.T, r *rand.Rand) {
		source := newVersioned()
		now := time.Unix(1_700_000_000, 0)
		source.versions.SetClock(func() time.Time { return now })
		keys := make([]string, 1+r.IntN(8))
		for i := range keys {
			keys[i] = fmt.Sprint(randomKey(r), i)
		}
		states := map[time.Time]map[string]string{now.Add(-time.Second): {}}
		for range r.IntN(60) {
			source.writeHistory(t, keys[r.IntN(len(keys))], randomHistory(r, 1))
			states[now] = contents(t, source.versions)
			if r.IntN(3) == 0 {
				now = now.Add(time.Second)
			}
		}
		for at, want := range states {
			got, report := asOf(t, source, at, nil)
			equal(t, got, want)
			if n := int64(len(want)); report.Transferred != n || report.ETagVerified != n || report.Skipped != 0 {
				t.Errorf("%v: %+v", at, report.Stats)
			}
		}
	})
}

// snapshots returns a source in which "a" is written in second 1, several times in
// second 2, and in second 4, and deleted in second 3; "b" is written in second 2.
func snapshots(t *testing.T) (source *versioned, second func(int) time.Time) {
	t.Helper()
	source = newVersioned()
	second = func(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0) }
	for n, key := range []string{"", "a", "a", "a", "a"} {
		source.versions.SetClock(func() time.Time { return second(n) })
		switch n {
		case 0:
		case 2:
			source.writeHistory(t, "b", "2")
			source.writeHistory(t, key, "3-12")
		case 3:
			source.writeHistory(t, key, "-")
		default:
			source.writeHistory(t, key, fmt.Sprint(n))
		}
	}
	return source, second
}

// Filters choose among the versions, so an older version can replace one that they
// reject.
func TestPointInTimeFilters(t *testing.T) {
	source, second := snapshots(t)
	for name, tt := range map[string]struct {
		at      int
		change  func(*s3sync.Config)
		want    map[string]string
		skipped int64
	}{
		"none":          {4, func(*s3sync.Config) {}, map[string]string{"a": "4", "b": "2"}, 0},
		"deleted":       {3, func(*s3sync.Config) {}, map[string]string{"b": "2"}, 0},
		"mtime before":  {4, func(c *s3sync.Config) { c.Filter.ModifiedBefore = second(3) }, map[string]string{"a": "2", "b": "2"}, 2},
		"mtime after":   {2, func(c *s3sync.Config) { c.Filter.ModifiedAfter = second(2) }, map[string]string{"a": "2", "b": "2"}, 0},
		"key":           {2, func(c *s3sync.Config) { c.Filter.Include = expression(t, "a") }, map[string]string{"a": "2"}, 1},
		"callback":      {4, notTheMarker, map[string]string{"a": "2", "b": "2"}, 2},
		"nothing there": {0, func(*s3sync.Config) {}, map[string]string{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, report := asOf(t, source, second(tt.at), tt.change)
			equal(t, got, tt.want)
			if report.Skipped != tt.skipped {
				t.Errorf("skipped %d, want %d", report.Skipped, tt.skipped)
			}
		})
	}
}

// notTheMarker rejects the delete marker and everything after it.
func notTheMarker(c *s3sync.Config) {
	c.Filter.Func = func(o storage.Object) (bool, error) { return !o.DeleteMarker && o.ModTime.Unix() < 1_700_000_004, nil }
}

// The state of the target does not matter, unless checksums are compared. Its other
// objects stay.
func TestPointInTimeOverwrites(t *testing.T) {
	source, second := snapshots(t)
	target := &faulty{Store: mem.New()}
	put(t, target.Store, map[string]string{"a": "newer", "b": "newer", "other": "stays"})
	cfg := config(source, target)
	cfg.Versioning.PointInTime = second(2)
	for range 2 {
		if report := run(t, cfg); report.Transferred != 2 || target.called("list") != 0 {
			t.Errorf("%+v after %d listings of the target", report.Stats, target.called("list"))
		}
	}
	equal(t, contents(t, target.Store), map[string]string{"a": "2", "b": "2", "other": "stays"})
}

func TestPointInTimeComparesChecksums(t *testing.T) {
	source, target := mem.NewVersioned(), mem.New()
	now := time.Unix(1_700_000_000, 0)
	source.SetClock(func() time.Time { return now })
	for _, data := range []string{"1", "2"} {
		_, err := source.Put(t.Context(), "a", storage.Block{Data: []byte(data)},
			storage.WriteOptions{Size: 1, Checksum: storage.Checksum{Algorithm: "SHA256", Type: "COMPOSITE"}})
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
	}
	cfg := config(source, target)
	cfg.Versioning.PointInTime = time.Unix(1_700_000_000, 0)
	cfg.Check.Mode, cfg.Check.Algorithm, cfg.Verify.Algorithm = s3sync.CheckChecksum, "SHA256", "SHA256"
	for n := range int64(2) {
		if report := run(t, cfg); report.Transferred != 1-n || report.Skipped != n {
			t.Errorf("run %d: %+v", n, report.Stats)
		}
		equal(t, contents(t, target), map[string]string{"a": "1"})
	}
}

// Files are written from versions, too, including keys that a directory changes.
func TestPointInTimeToDirectory(t *testing.T) {
	source, second := snapshots(t)
	source.versions.SetClock(func() time.Time { return second(2) })
	source.writeHistory(t, "/x", "12")
	path := t.TempDir()
	target, err := dir.Open(path, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	cfg := config(source, target)
	cfg.Versioning.PointInTime = second(2)
	run(t, cfg)
	equal(t, contents(t, target), map[string]string{"a": "2", "b": "2", "x": "2"})
}

func TestPointInTimeNeedsVersions(t *testing.T) {
	for want, source := range map[string]storage.Store{
		"source: versioning is not enabled": mem.New(),
		"source: it has no versions":        &faulty{Store: mem.New()},
	} {
		cfg := config(source, mem.New())
		cfg.Versioning.PointInTime = time.Now()
		if _, err := try(t, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestPointInTimeIsNotInTheFuture(t *testing.T) {
	target := mem.New()
	cfg := config(newVersioned(), target)
	cfg.Versioning.PointInTime = time.Now().Add(time.Hour)
	_, err := try(t, cfg)
	if fault, ok := errors.AsType[*s3sync.ConfigError](err); !ok || fault.Field != "Versioning.PointInTime" {
		t.Errorf("error %v", err)
	}
	equal(t, contents(t, target), map[string]string{})
}
