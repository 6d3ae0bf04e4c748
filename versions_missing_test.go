package s3sync_test

import (
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
)

// The versions that the target has are recognized by their metadata.
func TestVersionsKnownByMetadata(t *testing.T) {
	for name, tt := range map[string]struct {
		first  string // of the source in a first run
		then   string // what others do in the target
		more   string // of the source
		want   string
		stat   int // requests of the second run
		marked bool
	}{
		"others come between":    {"12", "x", "3", "12x3", 3, false},
		"markers of others only": {"", "--", "---1", "---1", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersioned(), newVersioned()
			cfg := versionsConfig(source, target)
			cfg.Versioning.AllMarkers = tt.marked
			source.writeHistory(t, "a", tt.first)
			run(t, cfg)
			target.writeHistory(t, "a", tt.then)
			source.writeHistory(t, "a", tt.more)
			before := target.called("stat")
			run(t, cfg)
			if n := target.called("stat") - before; n != tt.stat {
				t.Errorf("%d versions were asked for, want %d", n, tt.stat)
			}
			target.wantHistories(t, map[string]string{"a": tt.want}, true)
			again := run(t, cfg)
			if again.Transferred+again.Deleted != 0 {
				t.Errorf("third run: %+v", again.Stats)
			}
		})
	}
}

// A version that is older than one of the target does not become the current one.
func TestPassedVersionsAreLeftOut(t *testing.T) {
	source, target := newVersioned(), newVersioned()
	source.writeHistory(t, "a", "12345")
	source.writeHistory(t, "b", "1")
	cfg := versionsConfig(source, target)
	cfg.Filter.Func = func(o storage.Object) (bool, error) {
		return !slices.Contains([]string{"v00000001", "v00000003"}, o.VersionID), nil
	}
	if report := run(t, cfg); report.Transferred != 4 || report.Skipped != 2 {
		t.Errorf("%+v", report.Stats)
	}
	target.wantHistories(t, map[string]string{"a": "245", "b": "1"}, true)
	cfg.Filter.Func = nil
	source.writeHistory(t, "a", "6")
	var warnings []string
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventWarning {
			warnings = append(warnings, ev.Key+" "+ev.Err.Error())
		}
	}
	report := run(t, cfg)
	if report.Transferred != 1 || report.Skipped != 6 || len(warnings) != 1 || !strings.HasPrefix(warnings[0], "a the target lacks") {
		t.Errorf("%+v, warnings %q", report.Stats, warnings)
	}
	target.wantHistories(t, map[string]string{"a": "2456", "b": "1"}, true)
}

// TestMarkersThatCameTooLate: a delete marker between versions that the target has can
// no longer be added there. The run reports it.
func TestMarkersThatCameTooLate(t *testing.T) {
	for name, tt := range map[string]struct {
		first, then string
		warnings    int64
	}{
		"none there": {"1-2", "", 1},
		"one there":  {"1-2", "-", 1},
		"all there":  {"12-", "3", 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersioned(), newVersioned()
			source.writeHistory(t, "a", tt.first)
			cfg := versionsConfig(source, target)
			run(t, cfg)
			source.writeHistory(t, "a", tt.then)
			want := target.histories(t, true)["a"] + tt.then
			cfg.Versioning.AllMarkers = true
			if report := run(t, cfg); report.Warnings != tt.warnings || report.Transferred+report.Deleted != int64(len(tt.then)) {
				t.Errorf("%+v", report.Stats)
			}
			target.wantHistories(t, map[string]string{"a": want}, true)
		})
	}
}
