package s3sync_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"regexp"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// Options that request the target in any case, and objects that disappear between the
// listing and the request.
func TestCompareAsked(t *testing.T) {
	one, other := object{Data: storagetest.Text('a', kib10)}, object{Data: storagetest.Text('b', kib10)}
	gone := func(string, storage.StatOptions, *storage.Info) error { return fs.ErrNotExist }
	for name, tt := range map[string]struct {
		check          s3sync.Check
		source, target object
		change         func(source, target *faulty)
		want           wantedDecision
		heads, heads2  int
	}{
		"head, other size": {s3sync.Check{Mode: s3sync.CheckETag, HeadEachTarget: true}, one, object{}, nil, transferred(s3sync.ReasonSize), 0, 1},
		"no listing, same": {s3sync.Check{Mode: s3sync.CheckETag, HeadEachTarget: true, NoTargetListing: true}, one, one, nil, unchanged(s3sync.ReasonSameETag), 0, 1},
		"no listing, other sum": {
			s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "CRC32", NoTargetListing: true},
			one.With("CRC32", true), other.With("CRC32", true), nil, transferred(s3sync.ReasonChecksum), 1, 1,
		},
		"target gone": {
			s3sync.Check{Mode: s3sync.CheckETag},
			one, other,
			func(_, target *faulty) { target.stat = gone }, transferred(s3sync.ReasonNew), 0, 1,
		},
		"source gone": {
			s3sync.Check{Mode: s3sync.CheckETag},
			one, other,
			func(source, _ *faulty) { source.stat = gone }, warned(), 1, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			tt.source.Write(t, source.Store, "a")
			tt.target.Write(t, target.Store, "a")
			if tt.change != nil {
				tt.change(source, target)
			}
			cfg := config(source, target)
			cfg.Check = tt.check
			wantDecision(t, decision(t, cfg), tt.want)
			wantCalls(t, "source", source, "stat", tt.heads)
			wantCalls(t, "target", target, "stat", tt.heads2)
		})
	}
}

// A temporary failure is retried; a permanent one fails only its object.
func TestCompareFails(t *testing.T) {
	transient := &storage.Error{Op: "stat", Key: "a", Err: storage.ErrTransient}
	for name, tt := range map[string]struct {
		times            int
		err              error
		failed, warnings int64
	}{
		"once":         {1, transient, 0, 0},
		"for ever":     {100, transient, 1, 0},
		"without hope": {100, errInjected, 1, 0},
		"permission":   {100, fs.ErrPermission, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1", "b": "2"})
			put(t, target, map[string]string{"a": "3", "b": "4"})
			n := 0
			target.stat = func(key string, _ storage.StatOptions, _ *storage.Info) error {
				if key != "a" || n >= tt.times {
					return nil
				}
				n++
				return tt.err
			}
			cfg := config(source, target)
			cfg.Check.Mode = s3sync.CheckETag
			cfg.Transfer.Workers = 1
			report, err := try(t, cfg)
			if (err != nil) != (tt.failed > 0) || report.Failed != tt.failed || report.Warnings != tt.warnings ||
				report.Transferred != 2-tt.failed-tt.warnings {
				t.Errorf("error %v, %+v", err, report.Stats)
			}
		})
	}
}

// A file that changes during the comparison is read again. If it changes again, the
// comparison has no result.
func TestCompareChangingFile(t *testing.T) {
	changed := &storage.Error{Op: "read", Key: "a", Err: storage.ErrChanged}
	for name, tt := range map[string]struct {
		up               bool
		times            int
		skipped          int64
		warnings, failed int64
	}{
		"source, once":     {true, 1, 1, 0, 0},
		"target, once":     {false, 1, 1, 0, 0},
		"source, for ever": {true, 100, 0, 1, 0},
		"target, for ever": {false, 100, 0, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			file, counterpart := &faulty{Store: directory(t, "data", false)}, mem.New()
			put(t, counterpart, map[string]string{"a": "data"})
			n := 0
			file.check = func(string) error {
				if n++; n <= tt.times {
					return changed
				}
				return nil
			}
			cfg := config(counterpart, file)
			if tt.up {
				cfg = config(file, counterpart)
			}
			cfg.Check.Mode = s3sync.CheckETag
			report, _ := try(t, cfg)
			if report.Skipped != tt.skipped || report.Warnings != tt.warnings || report.Failed != tt.failed || report.Transferred != 0 {
				t.Errorf("%+v", report.Stats)
			}
		})
	}
}

// An object that cannot be compared is a warning, whatever the other options, and does
// not prevent deletions.
func TestIncomparable(t *testing.T) {
	source, target := mem.New(), (&faulty{Store: mem.New()}).withStatChange(etagNotDigest)
	put(t, source, map[string]string{"a": "1"})
	put(t, target, map[string]string{"a": "2", "old": "3"})
	cfg := config(source, target)
	cfg.Check.Mode, cfg.WarnAsError, cfg.FailFast, cfg.Delete.Enable = s3sync.CheckETag, true, true, true
	report := run(t, cfg)
	want := s3sync.Stats{Warnings: 1, Deleted: 1, Elapsed: report.Elapsed}
	if report.Stats != want {
		t.Errorf("got %+v, want %+v", report.Stats, want)
	}
}

// Once an object is known to be encrypted, the server is asked before files are read.
func TestEncryptedBucketCostsNoReads(t *testing.T) {
	file, counterpart := &faulty{Store: directory(t, "1", false)}, &faulty{Store: mem.New()}
	put(t, file, map[string]string{"b": "2", "c": "3"})
	put(t, counterpart, map[string]string{"a": "1", "b": "2", "c": "3"})
	counterpart.withStatChange(etagNotDigest)
	cfg := config(file, counterpart)
	cfg.Check.Mode, cfg.Transfer.Workers = s3sync.CheckETag, 1
	if report := run(t, cfg); report.Warnings != 3 {
		t.Errorf("%+v", report.Stats)
	}
	wantCalls(t, "counterpart", counterpart, "stat", 3)
	wantCalls(t, "file", file, "open", 1)
}

// After a run the contents are equal, and the next run finds them equal, whatever the
// parts. Only objects without a comparable digest on the server are sent again.
func TestSecondComparisonFindsNothing(t *testing.T) {
	checks := map[string]func(*s3sync.Config){
		"etag":     func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckETag },
		"checksum": func(c *s3sync.Config) { c.Check.Mode, c.Check.Algorithm = s3sync.CheckChecksum, "CRC32C" },
	}
	for name, check := range checks {
		t.Run(name, func(t *testing.T) {
			first, second := mem.New(), mem.New()
			content := map[string]string{}
			for key, size := range checksumSizes() {
				content[key] = storagetest.Text('a', size)
			}
			for _, side := range []struct{ source, target storage.Store }{
				{directory(t, storagetest.Text('f', 100), false), first},
				{first, second},
				{second, directory(t, "", true)},
			} {
				if side.target == first {
					put(t, side.source, content)
				}
				cfg := config(side.source, side.target)
				cfg.Verify.Algorithm, cfg.Verify.FullObject = "CRC32C", true
				if side.target != first && side.target != second {
					cfg.Verify.Algorithm, cfg.Verify.FullObject = "", false
				}
				check(cfg)
				if side.target == second {
					cfg.Transfer.ChunkSize = 5 * s3sync.MiB
				}
				report := runSmall(t, cfg)
				if report.Transferred == 0 {
					t.Errorf("%+v", report.Stats)
				}
				equal(t, contents(t, side.target), contents(t, side.source))
				again := runSmall(t, cfg)
				if again.Transferred+again.Warnings != 0 || again.Skipped != int64(len(content))+1 {
					t.Errorf("second run: %+v", again.Stats)
				}
			}
		})
	}
}

// Scripts read these log lines.
func TestComparisonLog(t *testing.T) {
	const when = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?\+00:00`
	states := " source_last_modified=" + when + " target_last_modified=" + when + " source_size=4 target_size=4 "
	for name, tt := range map[string]struct {
		check       s3sync.Check
		counterpart object
		told        statChange
		want        string
	}{
		"ETags": {
			s3sync.Check{Mode: s3sync.CheckETag},
			object{Data: "data"},
			nil,
			`level=DEBUG msg="object filtered. ETags are same." name=HeadObjectChecker ` +
				`source_e_tag=8d777f385d3dfec8815d20f7496026dc target_e_tag=8d777f385d3dfec8815d20f7496026dc` + states + "key=a",
		},
		"checksums": {
			s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "CRC32"},
			object{Data: "data"}.With("CRC32", true), nil,
			`level=DEBUG msg="object filtered. Checksums are same." name=HeadObjectChecker checksum_algorithm=CRC32 ` +
				`source_checksum="rfPzYw==" target_checksum="rfPzYw=="` + states + "key=a",
		},
		"no digest": {
			s3sync.Check{Mode: s3sync.CheckETag},
			object{Data: "data"},
			etagNotDigest,
			`level=WARN msg=skipped\. name=HeadObjectChecker source_e_tag=8d777f385d3dfec8815d20f7496026dc ` +
				`target_e_tag=00000000000000000000000000000000` + states + `key=a error="cannot be compared: the target's ETag is no digest.*"`,
		},
		"missing": {
			s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: "SHA1"},
			object{Data: "data"}.With("CRC32", true), nil,
			`level=WARN msg=skipped\. name=HeadObjectChecker checksum_algorithm=SHA1 ` +
				`source_checksum="" target_checksum=""` + states + `key=a error="cannot be compared: the target has no SHA1 checksum"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			counterpart := &faulty{Store: mem.New()}
			tt.counterpart.Write(t, counterpart, "a")
			var log bytes.Buffer
			cfg := config(directory(t, "data", false), counterpart.withStatChange(tt.told))
			cfg.Check = tt.check
			cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			run(t, cfg)
			want := regexp.MustCompile(tt.want)
			if !want.Match(log.Bytes()) {
				t.Errorf("got\n%s\nwant\n%s", log.String(), tt.want)
			}
		})
	}
}
