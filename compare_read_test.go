package s3sync_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// Objects that digests cannot decide are transferred, to be safe, and counted in a
// note; a report does not call them different. Reading both sides decides them.
func TestUndecided(t *testing.T) {
	one, other := object{Data: storagetest.Text('a', kib10)}, object{Data: storagetest.Text('b', kib10)}
	etag := s3sync.Check{Mode: s3sync.CheckETag}
	sha := s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "SHA256"}
	const matches, mismatch, unknown = s3sync.StatusMatches, s3sync.StatusMismatch, s3sync.StatusUnknown
	for name, tt := range map[string]struct {
		check          s3sync.Check
		source, target object
		told, told2    statChange // of source and target
		transfers      bool
		status         s3sync.Status
		read           s3sync.Status // with ReadBoth
	}{
		"whole and parts":             {etag, one, one.In(6000, 4000), nil, nil, true, unknown, matches},
		"whole and parts, other":      {etag, one, other.In(6000, 4000), nil, nil, true, unknown, mismatch},
		"other parts":                 {etag, one.In(6000, 4000), one.In(5000, 5000), nil, nil, true, unknown, matches},
		"other number of parts":       {etag, one.In(6000, 4000), one.In(4000, 4000, 2000), nil, nil, true, unknown, matches},
		"equal parts, other":          {etag, one.In(6000, 4000), other.In(6000, 4000), nil, nil, true, mismatch, mismatch},
		"parts that nobody knows":     {etag, one.In(6000, 4000), other.In(6000, 4000), withoutParts, withoutParts, true, unknown, mismatch},
		"whole, other":                {etag, one, other, nil, nil, true, mismatch, mismatch},
		"composites":                  {etag, one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), nil, nil, true, unknown, matches},
		"a checksum of all":           {etag, one.With("CRC32", true), one.In(6000, 4000).With("CRC32", true), nil, nil, false, matches, matches},
		"a checksum of all, other":    {etag, one.With("CRC32", true), other.In(6000, 4000).With("CRC32", true), nil, nil, true, mismatch, mismatch},
		"encrypted":                   {etag, one, one.In(6000, 4000), etagNotDigest, otherETagNotDigest, false, unknown, matches},
		"encrypted, other":            {etag, one, other, etagNotDigest, otherETagNotDigest, false, unknown, mismatch},
		"checksums of other parts":    {sha, one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), nil, nil, true, unknown, matches},
		"checksums of equal parts":    {sha, one.In(6000, 4000).With("SHA256", false), other.In(6000, 4000).With("SHA256", false), nil, nil, true, mismatch, mismatch},
		"encrypted, equal parts":      {sha, one.In(6000, 4000).With("SHA256", false), other.In(6000, 4000).With("SHA256", false), etagNotDigest, otherETagNotDigest, true, mismatch, mismatch},
		"no checksum":                 {sha, one, one, nil, nil, false, unknown, matches},
		"no checksum, other contents": {sha, one, other, nil, nil, false, unknown, mismatch},
	} {
		t.Run(name, func(t *testing.T) {
			sides := func() *s3sync.Config {
				source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
				tt.source.Write(t, source.Store, "a")
				tt.target.Write(t, target.Store, "a")
				cfg := config(source.withStatChange(tt.told), target.withStatChange(tt.told2))
				cfg.Check = tt.check
				return cfg
			}
			// A sync.
			cfg := sides()
			told := notesOf(cfg)
			outcome := run(t, cfg)
			if got := outcome.Transferred == 1; got != tt.transfers {
				t.Errorf("%+v", outcome.Stats)
			}
			want := tt.transfers && tt.status == unknown
			if got := slices.ContainsFunc(*told, func(text string) bool { return strings.Contains(text, "Check.ReadBoth") }); got != want {
				t.Errorf("notes %q", *told)
			}
			// A report.
			aspect := s3sync.AspectETag
			if tt.check.Algorithm != "" {
				aspect = s3sync.AspectChecksum
			}
			reported := func(readBoth bool) line {
				cfg := sides()
				cfg.Check.ReadBoth = readBoth
				_, lines := report(t, cfg)
				return lines["a "+string(aspect)]
			}
			if got := reported(false); got.Status != tt.status {
				t.Errorf("report %+v, want %s", got, tt.status)
			}
			if got := reported(true); got.Status != tt.read {
				t.Errorf("report that reads both %+v, want %s", got, tt.read)
			}
			// A sync that reads.
			cfg = sides()
			cfg.Check.ReadBoth = true
			told = notesOf(cfg)
			outcome = run(t, cfg)
			if (outcome.Transferred == 1) != (tt.read == mismatch) || outcome.Warnings != 0 || len(*told) != 0 {
				t.Errorf("%+v, notes %q", outcome.Stats, *told)
			}
		})
	}
}

// notesOf collects the notes of a run.
func notesOf(cfg *s3sync.Config) *[]string {
	var told []string
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventNote {
			told = append(told, ev.Note)
		}
	}
	return &told
}

// Both sides are read in pieces. If an object disappears or fails meanwhile, the report
// is the same as elsewhere.
func TestReadBothFails(t *testing.T) {
	const mib = s3sync.MiB
	big := object{Data: storagetest.Text('a', 20*mib)}
	for name, tt := range map[string]struct {
		change           func(source, target *faulty)
		transferred      int64
		failed, warnings int64
	}{
		"nothing":     {func(_, _ *faulty) {}, 0, 0, 0},
		"source gone": {func(source, _ *faulty) { source.open = func(string) error { return fs.ErrNotExist } }, 0, 0, 1},
		"target gone": {func(_, target *faulty) { target.open = func(string) error { return fs.ErrNotExist } }, 1, 0, 0},
		"source":      {func(source, _ *faulty) { source.open = func(string) error { return errInjected } }, 0, 1, 0},
		"target":      {func(_, target *faulty) { target.open = func(string) error { return errInjected } }, 0, 1, 0},
		"read once": {func(_, target *faulty) {
			n := 0
			target.open = func(string) error {
				if n++; n == 1 {
					return &storage.Error{Op: "open", Key: "a", Err: storage.ErrTransient}
				}
				return nil
			}
		}, 0, 0, 0},
		"other bytes": {func(_, target *faulty) {
			target.read = func(_ string, p []byte, off int64) error {
				if off > 0 {
					p[0] ^= 1
				}
				return nil
			}
		}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			big.Write(t, source.Store, "a")
			big.In(12*mib, 8*mib).Write(t, target.Store, "a")
			tt.change(source, target)
			cfg := config(source, target)
			cfg.Check = s3sync.Check{Mode: s3sync.CheckETag, ReadBoth: true}
			cfg.DryRun = true
			report, err := try(t, cfg)
			if report.Transferred != tt.transferred || report.Failed != tt.failed || report.Warnings != tt.warnings || (err != nil) != (tt.failed > 0) {
				t.Errorf("%v, %+v", err, report.Stats)
			}
			if err != nil && !errors.Is(err, errInjected) {
				t.Error(err)
			}
		})
	}
}

// Objects that the default check skips although they differ are counted in a note.
func TestNoteOfSizes(t *testing.T) {
	for name, tt := range map[string]struct {
		set  func(*s3sync.Check)
		want string
	}{
		"default":        {func(*s3sync.Check) {}, "2 objects of another size were skipped"},
		"mtime and size": {func(c *s3sync.Check) { c.Mode = s3sync.CheckMtimeAndSize }, ""},
		"mtime and ETag": {func(c *s3sync.Check) { c.Mode = s3sync.CheckMtimeAndETag }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			source.SetClock(func() time.Time { return time.Now().Add(-time.Hour) })
			put(t, source, map[string]string{"a": "1", "b": "22", "c": "333", "new": ""})
			put(t, target, map[string]string{"a": "1", "b": "x", "c": "x"})
			cfg := config(source, target)
			tt.set(&cfg.Check)
			told := notesOf(cfg)
			run(t, cfg)
			if got := fmt.Sprint(*told); !strings.Contains(got, tt.want) || tt.want == "" && len(*told) > 0 || tt.want != "" && !strings.Contains(got, "Check.Mode=mtime-and-size") {
				t.Errorf("notes %s", got)
			}
		})
	}
}
