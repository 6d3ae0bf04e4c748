package s3sync_test

import (
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A failure names its side, even if it is not from a listing.
func TestFailuresNameTheSide(t *testing.T) {
	fail := &storage.Error{Op: "op", Key: "a", Err: errInjected}
	for name, tt := range map[string]struct {
		prepare func(source, target *faulty, cfg *s3sync.Config)
		want    string
	}{
		"open": {func(source, _ *faulty, _ *s3sync.Config) {
			source.open = func(string) error { return fail }
		}, "source: "},
		"read": {func(source, _ *faulty, _ *s3sync.Config) {
			source.read = func(string, []byte, int64) error { return fail }
		}, "source: "},
		"check": {func(source, _ *faulty, _ *s3sync.Config) {
			source.check = func(string) error { return fail }
		}, "source: "},
		"layout": {func(source, _ *faulty, cfg *s3sync.Config) {
			source.layout = func([]int64) ([]int64, error) { return nil, fail }
			cfg.Transfer.AutoChunkSize = true
		}, "source: "},
		"put": {func(_, target *faulty, _ *s3sync.Config) {
			target.put = func(string) error { return fail }
		}, "target: "},
		"part": {func(source, target *faulty, _ *s3sync.Config) {
			putParts(t, source.Store, "a", 8*s3sync.MiB)
			target.put = func(string) error { return fail }
		}, "target: "},
		"source stat": {func(source, target *faulty, cfg *s3sync.Config) {
			put(t, target.Store, map[string]string{"a": "other data"})
			source.stat = func(string, storage.StatOptions, *storage.Info) error { return fail }
			cfg.Check = s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "CRC32", NoTargetListing: true}
			target.stat = func(_ string, _ storage.StatOptions, info *storage.Info) error {
				info.Checksums = []storage.Checksum{{Algorithm: "CRC32", Value: "AAAAAA=="}}
				return nil
			}
		}, "source: "},
		"target stat": {func(_, target *faulty, cfg *s3sync.Config) {
			put(t, target.Store, map[string]string{"a": "other data"})
			target.stat = func(string, storage.StatOptions, *storage.Info) error { return fail }
			cfg.Check.Mode, cfg.Check.HeadEachTarget = s3sync.CheckETag, true
		}, "target: "},
		"file read": {func(source, target *faulty, cfg *s3sync.Config) {
			put(t, target.Store, map[string]string{"a": "other data"})
			source.Store = directory(t, "small data", false)
			source.check = func(string) error { return fail }
			cfg.Check = s3sync.Check{Mode: s3sync.CheckETag}
		}, "source: "},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			putParts(t, source.Store, "a", 4, 6)
			cfg := config(source, target)
			cfg.Check.Mode = s3sync.CheckOverwrite
			tt.prepare(source, target, cfg)
			var failed []error
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventFailed {
					failed = append(failed, ev.Err)
				}
			}
			report, err := try(t, cfg)
			if err == nil || len(failed) != 1 || !strings.HasPrefix(failed[0].Error(), tt.want) || strings.Count(failed[0].Error(), tt.want) != 1 {
				t.Errorf("%v: want one failure that begins with %q, got %q, %+v", err, tt.want, failed, report.Stats)
			}
		})
	}
}

// A failed deletion names the target.
func TestFailedDeletionNamesTheTarget(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, target, map[string]string{"a": "old"})
	cfg := config(source, &faulty{Store: target, remove: &storage.Error{Op: "delete", Key: "a", Err: errInjected}})
	cfg.Delete.Enable, cfg.Delete.AllowEmptySource = true, true
	if _, err := try(t, cfg); err == nil || !strings.Contains(err.Error(), "target: delete") {
		t.Errorf("got %v", err)
	}
}
