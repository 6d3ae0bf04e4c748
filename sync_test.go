package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

func TestSyncMakesTargetEqual(t *testing.T) {
	eachSeed(t, 200, func(t *testing.T, r *rand.Rand) {
		inSource, inTarget := randomTrees(r)
		source, target := mem.New(), mem.New()
		put(t, target, inTarget)
		put(t, source, inSource)
		cfg := config(source, target)
		cfg.Check.Mode = oneOf(r, s3sync.CheckOverwrite, s3sync.CheckSize) // the clock may be too coarse to distinguish them
		cfg.Delete.Enable = r.IntN(2) == 0
		cfg.Delete.AllowEmptySource = cfg.Delete.Enable

		report := run(t, cfg)

		want := maps.Clone(inSource)
		if !cfg.Delete.Enable {
			for key, data := range inTarget {
				if _, ok := want[key]; !ok {
					want[key] = data
				}
			}
		}
		if cfg.Check.Mode == s3sync.CheckSize {
			for key := range inSource {
				if old, ok := inTarget[key]; ok && len(old) == len(inSource[key]) {
					want[key] = old
				}
			}
		}
		equal(t, contents(t, target), want)
		if report.ETagVerified != report.Transferred || report.Unverified != 0 {
			t.Errorf("verified %d, unverified %d of %d transferred", report.ETagVerified, report.Unverified, report.Transferred)
		}

		cfg.Check = s3sync.Check{Mode: s3sync.CheckSize}
		again := run(t, cfg)
		if again.Transferred != 0 || again.Deleted != 0 {
			t.Errorf("second run: transferred %d, deleted %d", again.Transferred, again.Deleted)
		}
	})
}

// failAfter ends a listing with an error after n objects. The error may be temporary.
func failAfter(n int, passes ...bool) func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			i := 0
			for o, err := range seq {
				if i == n {
					break
				}
				i++
				if !yield(o, err) {
					return
				}
			}
			err := errInjected
			if slices.Contains(passes, true) {
				err = storage.ErrTransient
			}
			yield(storage.Object{}, &storage.Error{Op: "list", Err: err})
		}
	}
}

func TestFailedListingDeletesNothing(t *testing.T) {
	eachSeed(t, 100, func(t *testing.T, r *rand.Rand) {
		inSource, inTarget := randomTrees(r)
		source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
		put(t, source, inSource)
		put(t, target, inTarget)
		side, size := source, len(inSource)
		if r.IntN(2) == 0 {
			side, size = target, len(inTarget)
		}
		side.list = failAfter(r.IntN(size + 1))
		cfg := config(source, target)
		cfg.Delete.Enable = true

		report, err := try(t, cfg)
		if !errors.Is(err, errInjected) {
			t.Errorf("error %v, want the listing's", err)
		}
		if report.Failed != 1 {
			t.Errorf("failed %d, want 1", report.Failed)
		}
		if target.called("delete") != 0 {
			t.Error("the target was asked to delete")
		}
		for key := range inTarget {
			if _, ok := contents(t, target.Store)[key]; !ok {
				t.Errorf("%q is gone", key)
			}
		}
	})
}

func TestIncompleteListingDeletesNothing(t *testing.T) {
	for name, side := range map[string]func(source, target *faulty) *faulty{
		"source": func(source, _ *faulty) *faulty { return source },
		"target": func(_, target *faulty) *faulty { return target },
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1"})
			put(t, target, map[string]string{"b": "2"})
			side(source, target).problem.Err = &storage.Error{Op: "list", Key: "locked", Err: fs.ErrPermission}
			cfg := config(source, target)
			cfg.Delete.Enable = true

			report := run(t, cfg)
			if report.Warnings != 1 || !report.Incomplete {
				t.Errorf("warnings %d, incomplete %v", report.Warnings, report.Incomplete)
			}
			equal(t, contents(t, target.Store), map[string]string{"a": "1", "b": "2"})
		})
	}
}

func TestFailedTransferDeletesNothing(t *testing.T) {
	for name, err := range map[string]error{
		"failure":    errInjected,
		"permission": fs.ErrPermission,
		"changed":    storage.ErrChanged,
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
			put(t, target, map[string]string{"old": "4"})
			target.put = func(key string) error {
				if key == "b" {
					return &storage.Error{Op: "put", Key: key, Err: err}
				}
				return nil
			}
			cfg := config(source, target)
			cfg.Delete.Enable = true

			report, _ := try(t, cfg)
			if report.Failed+report.Warnings != 1 || report.Transferred != 2 || report.Deleted != 0 {
				t.Errorf("report %+v", report)
			}
			equal(t, contents(t, target.Store), map[string]string{"a": "1", "c": "3", "old": "4"})
		})
	}
}

func TestFailedKeysAreReported(t *testing.T) {
	source, target := mem.New(), &faulty{Store: mem.New()}
	put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
	target.put = func(key string) error {
		if key == "a" {
			return nil
		}
		return &storage.Error{Op: "put", Key: key, Err: errInjected}
	}
	report, err := try(t, config(source, target))
	if !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	failed := report.FailedKeys()
	slices.Sort(failed)
	if !slices.Equal(failed, []string{"b", "c"}) {
		t.Errorf("failed keys %q", failed)
	}
	for _, f := range report.Failures {
		if !errors.Is(f.Err, errInjected) {
			t.Errorf("%q failed with %v", f.Key, f.Err)
		}
	}
}

func TestFailFastStopsAtTheFirst(t *testing.T) {
	source, target := mem.New(), &faulty{Store: mem.New()}
	objects := map[string]string{}
	for i := range 100 {
		objects[fmt.Sprintf("%03d", i)] = "x"
	}
	put(t, source, objects)
	target.put = func(key string) error { return &storage.Error{Op: "put", Key: key, Err: errInjected} }
	cfg := config(source, target)
	cfg.FailFast = true
	cfg.Transfer.Workers = 1
	report, err := try(t, cfg)
	if !errors.Is(err, errInjected) || report.Failed != 1 {
		t.Errorf("error %v, failed %d; want the first failure alone", err, report.Failed)
	}
}

func TestUnusableStoreEndsTheRun(t *testing.T) {
	source, target := mem.New(), &faulty{Store: mem.New()}
	put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
	target.put = func(key string) error {
		return &storage.Error{Op: "put", Key: key, Err: fmt.Errorf("%w: disk full", storage.ErrUnusable)}
	}
	cfg := config(source, target)
	cfg.Transfer.Workers = 1
	report, err := try(t, cfg)
	if !errors.Is(err, storage.ErrUnusable) || report.Failed != 1 || target.called("put") != 1 {
		t.Errorf("error %v, failed %d, puts %d", err, report.Failed, target.called("put"))
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	eachSeed(t, 50, func(t *testing.T, r *rand.Rand) {
		inSource, inTarget := randomTrees(r)
		source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
		put(t, source.Store, inSource)
		put(t, target.Store, inTarget)
		cfg := config(source, target)
		cfg.Delete.Enable = true
		cfg.Check.Mode = s3sync.CheckOverwrite
		cfg.DryRun = true

		dry := run(t, cfg)
		for _, op := range []string{"put", "create", "part", "commit", "delete"} {
			if n := target.called(op); n != 0 {
				t.Errorf("%s called %d times in a dry run", op, n)
			}
		}
		if n := source.called("open"); n != 0 {
			t.Errorf("%d objects opened in a dry run", n)
		}
		equal(t, contents(t, target.Store), inTarget)

		cfg.DryRun = false
		real := run(t, cfg)
		if dry.Transferred != real.Transferred || dry.Deleted != real.Deleted || dry.Skipped != real.Skipped {
			t.Errorf("dry run said %+v, the run did %+v", dry.Stats, real.Stats)
		}
	})
}

func TestMaxDelete(t *testing.T) {
	for name, tt := range map[string]struct {
		max, deleted, warnings int64
	}{
		"no bound":        {0, 10, 0},
		"one":             {1, 1, 1},
		"three":           {3, 3, 1},
		"exactly as many": {10, 10, 0},
		"more":            {11, 10, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			put(t, source, map[string]string{"keep": "1"})
			for i := range 10 {
				put(t, target, map[string]string{fmt.Sprint("old", i): "x"})
			}
			cfg := config(source, target)
			cfg.Delete.Enable = true
			cfg.Delete.Max = tt.max
			report := run(t, cfg)
			if report.Deleted != tt.deleted || report.Warnings != tt.warnings {
				t.Errorf("deleted %d, warnings %d; want %d, %d", report.Deleted, report.Warnings, tt.deleted, tt.warnings)
			}
			if n := len(contents(t, target)); n != 11-int(tt.deleted) {
				t.Errorf("%d objects left", n)
			}
		})
	}
}

func TestDamagedReadIsRetried(t *testing.T) {
	for name, size := range map[string]int{"whole": 1000, "parts": 17 << 10} {
		for _, times := range []int{1, 100} {
			t.Run(fmt.Sprint(name, "/", times), func(t *testing.T) {
				source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
				data := strings.Repeat("0123456789abcdef", size/16)
				put(t, source, map[string]string{"a": data})
				n := 0
				source.read = func(_ string, p []byte, off int64) error {
					if off == 0 && n < times {
						n++
						p[0] ^= 1
					}
					return nil
				}
				report, err := syncSmall(t, config(source, target))
				if times == 1 {
					if err != nil || report.ETagVerified != 1 {
						t.Fatalf("error %v, verified %d", err, report.ETagVerified)
					}
					equal(t, contents(t, target.Store), map[string]string{"a": data})
					return
				}
				if !errors.Is(err, storage.ErrMismatch) || report.Transferred != 0 || report.ETagVerified != 0 {
					t.Errorf("error %v, report %+v", err, report.Stats)
				}
				if len(contents(t, target.Store)) != 0 {
					t.Error("damaged data was published")
				}
				if target.called("create") != target.called("abort") {
					t.Errorf("%d uploads begun, %d aborted", target.called("create"), target.called("abort"))
				}
			})
		}
	}
}

func TestWrongAnswerOfTheTargetIsNoSuccess(t *testing.T) {
	for name, tt := range map[string]struct {
		change     func(*storage.Info)
		failed     bool
		unverified int64
	}{
		"other digest": {func(i *storage.Info) { i.ETag = strings.Repeat("0", 32) }, true, 0},
		"no ETag":      {func(i *storage.Info) { i.ETag = "" }, false, 1},
		"no digest":    {func(i *storage.Info) { i.ETag = "whatever" }, false, 1},
		"encrypted":    {func(i *storage.Info) { i.ETag, i.ETagNotDigest = strings.Repeat("0", 32), true }, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "data"})
			target.written = func(_ string, i *storage.Info) { tt.change(i) }
			report, err := try(t, config(source, target))
			if (err != nil) != tt.failed || report.Unverified != tt.unverified || report.ETagVerified != 0 {
				t.Errorf("error %v, report %+v", err, report.Stats)
			}
			if tt.failed && report.Transferred != 0 {
				t.Error("counted as transferred")
			}
		})
	}
}

// TestETagOfItsOwnKind: an object in parts whose ETag has the form of an object written
// whole is neither verified nor damaged. A different ETag of parts is damage.
func TestETagOfItsOwnKind(t *testing.T) {
	crc := func(c *s3sync.Config) { c.Verify.Algorithm = "CRC32" }
	for name, tt := range map[string]struct {
		etag                 func(right string) string
		change               func(*s3sync.Config)
		failed               bool
		unverified, checksum int64
	}{
		"of the whole":            {func(string) string { return strings.Repeat("0", 32) }, nil, false, 1, 0},
		"of the whole, with CRC":  {func(string) string { return strings.Repeat("0", 32) }, crc, false, 0, 1},
		"of parts":                {func(right string) string { return right }, nil, false, 0, 0},
		"of other parts":          {func(right string) string { return strings.Repeat("0", 32) + right[32:] }, nil, true, 0, 0},
		"of another number":       {func(right string) string { return right[:32] + "-7" }, nil, true, 0, 0},
		"of other parts, and CRC": {func(right string) string { return strings.Repeat("0", 32) + right[32:] }, crc, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": strings.Repeat("data", 3<<10)})
			target.written = func(_ string, i *storage.Info) { i.ETag = tt.etag(i.ETag) }
			cfg := config(source, target)
			if tt.change != nil {
				tt.change(cfg)
			}
			report, err := syncSmall(t, cfg)
			if (err != nil) != tt.failed || report.Unverified != tt.unverified || report.ChecksumVerified != tt.checksum || report.Warnings != 0 {
				t.Errorf("error %v, report %+v", err, report.Stats)
			}
		})
	}
}

func TestEventsInOrderWithCounters(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, mem.New()
	put(t, source, map[string]string{"a": "1", "b": "22"})
	source.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			// A bucket shows the object whose key is the prefix.
			if yield(storage.Object{}, nil) {
				seq(yield)
			}
		}
	}
	put(t, target, map[string]string{"z": "old"})
	cfg := config(source, target)
	cfg.Delete.Enable = true
	cfg.Transfer.Workers = 1
	var got []string
	var listed []int64
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventProgress:
			return
		case s3sync.EventListed: // at any time: the listing continues meanwhile
			listed = append(listed, ev.Objects, ev.Bytes)
			return
		}
		text := fmt.Sprint(ev.Type, " ", ev.Key)
		if ev.Stats != nil {
			text += fmt.Sprint(ev.Stats.Transferred, ev.Stats.Deleted)
		}
		got = append(got, text)
	}
	run(t, cfg)
	want := []string{
		"start ", "skipped ",
		"begun a", "written a", "verified a", "transferred a",
		"begun b", "written b", "verified b", "transferred b",
		"deleted z", "end 2 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if !slices.Equal(listed, []int64{3, 3}) {
		t.Errorf("objects and bytes that were listed: %v", listed)
	}
}

func TestCancelledRunChangesNothingMore(t *testing.T) {
	source, target := mem.New(), &faulty{Store: mem.New()}
	put(t, source, map[string]string{"a": "1", "b": "2"})
	put(t, target, map[string]string{"z": "old"})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errInjected)
	cfg := config(source, target)
	cfg.Delete.Enable = true
	report, err := s3sync.Sync(ctx, cfg)
	if !errors.Is(err, errInjected) || report == nil {
		t.Fatalf("error %v, report %v", err, report)
	}
	equal(t, contents(t, target.Store), map[string]string{"z": "old"})
}

func TestDefaultCheckComparesWholeSeconds(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		source, target time.Time
		want           int64
	}{
		"newer":          {base.Add(time.Second), base, 1},
		"same second":    {base.Add(900 * time.Millisecond), base, 0},
		"older":          {base, base.Add(time.Second), 0},
		"across seconds": {base.Add(time.Second), base.Add(999 * time.Millisecond), 1},
	} {
		t.Run(name, func(t *testing.T) {
			now := tt.source
			source := mem.New()
			source.SetClock(func() time.Time { return now })
			target := mem.New()
			target.SetClock(func() time.Time { return tt.target })
			put(t, source, map[string]string{"a": "1"})
			put(t, target, map[string]string{"a": "2"})
			if got := run(t, config(source, target)).Transferred; got != tt.want {
				t.Errorf("transferred %d, want %d", got, tt.want)
			}
		})
	}
}

// oneOf returns a random one of several values.
func oneOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// contentCheck compares contents by an additional checksum, or by ETags if there
// is no algorithm.
func contentCheck(algorithm string) s3sync.Check {
	if algorithm == "" {
		return s3sync.Check{Mode: s3sync.CheckETag}
	}
	return s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: algorithm}
}
