package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A versioned store is a faulty one whose versions can be listed.
type versioned struct {
	*faulty

	versions *mem.Store
	// request is called for every request except listings, before it is made and after
	// its response. An error replaces the response.
	request func(op, key string) error
	// listed may change the listing of versions, as faulty.list does.
	listed func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error]
	// openVersion may fail the opening of a version.
	openVersion func(id string) error
}

func newVersioned() *versioned {
	s := mem.NewVersioned()
	// All in one second: nothing may depend on the time.
	s.SetClock(func() time.Time { return time.Unix(1_700_000_000, 0) })
	return &versioned{faulty: &faulty{Store: s}, versions: s}
}

func (v *versioned) Versioning(ctx context.Context) (bool, error) { return v.versions.Versioning(ctx) }

func (v *versioned) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	v.count("versions")
	seq := v.versions.Versions(ctx, opts)
	if v.listed != nil {
		return v.listed(seq)
	}
	return seq
}

func (v *versioned) around(op, key string, do func() error) error {
	if v.request == nil {
		return do()
	}
	if err := v.request(op, key); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return v.request(op, key)
}

func (v *versioned) Open(ctx context.Context, key string, opts storage.OpenOptions) (r storage.Reader, err error) {
	err = v.around("open", key, func() (err error) {
		if v.openVersion != nil {
			if err := v.openVersion(opts.VersionID); err != nil {
				return err
			}
		}
		r, err = v.faulty.Open(ctx, key, opts)
		return err
	})
	return r, err
}

func (v *versioned) Stat(ctx context.Context, key string, opts storage.StatOptions) (info storage.Info, err error) {
	err = v.around("stat", key, func() (err error) {
		info, err = v.faulty.Stat(ctx, key, opts)
		return err
	})
	return info, err
}

func (v *versioned) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (info storage.Info, err error) {
	err = v.around("put", key, func() (err error) {
		info, err = v.faulty.Put(ctx, key, b, opts)
		return err
	})
	return info, err
}

func (v *versioned) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) (errs []error) {
	err := v.around("delete", objects[0].Key, func() error {
		errs = v.faulty.Delete(ctx, objects, opts)
		return nil
	})
	if err != nil {
		errs = slices.Repeat([]error{err}, len(objects))
	}
	return errs
}

// requests returns the number of requests for single versions.
func (v *versioned) requests() int {
	n := 0
	for _, op := range []string{"open", "stat", "put", "create", "delete"} {
		n += v.called(op)
	}
	return n
}

// writeHistory writes the history of a key: one letter for each version, "-" deletes.
func (v *versioned) writeHistory(t *testing.T, key, steps string) {
	t.Helper()
	for _, step := range steps {
		if step == '-' {
			if err := v.versions.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
				t.Fatal(err)
			}
			continue
		}
		put(t, v.versions, map[string]string{key: string(step)})
	}
}

// histories returns the history of each key in the form of writeHistory. Unless
// allMarkers is set, it contains only the newest delete markers.
func (v *versioned) histories(t *testing.T, allMarkers bool) map[string]string {
	t.Helper()
	story := map[string]string{}
	for o, err := range v.versions.Versions(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		step := "-"
		if !o.DeleteMarker {
			r, err := v.versions.Open(t.Context(), o.Key, storage.OpenOptions{VersionID: o.VersionID})
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, o.Size)
			if err := r.ReadAt(t.Context(), p, 0); err != nil {
				t.Fatal(err)
			}
			step = string(p)
		} else if !allMarkers && !o.Latest {
			continue
		}
		story[o.Key] = step + story[o.Key]
	}
	return story
}

func (v *versioned) wantHistories(t *testing.T, want map[string]string, allMarkers bool) {
	t.Helper()
	if diff := cmp.Diff(want, v.histories(t, allMarkers)); diff != "" {
		t.Errorf("histories (-want +got):\n%s", diff)
	}
}

// versionsConfig syncs versions.
func versionsConfig(source, target storage.Store) *s3sync.Config {
	cfg := config(source, target)
	cfg.Versioning.Enable = true
	return cfg
}

// randomHistory returns up to n steps. Some of them repeat contents.
func randomHistory(r *rand.Rand, n int) string {
	var b strings.Builder
	for range 1 + r.IntN(n) {
		b.WriteByte("-abcdefghijklmnopqrstuvwxyz"[r.IntN(27)*r.IntN(4)/3])
	}
	return b.String()
}

func TestVersionsMakeHistoriesEqual(t *testing.T) {
	eachSeed(t, 100, func(t *testing.T, r *rand.Rand) {
		source, target := newVersioned(), newVersioned()
		for i := range r.IntN(20) {
			key := fmt.Sprint(randomKey(r), i)
			source.writeHistory(t, key, randomHistory(r, 12))
			if r.IntN(4) == 0 {
				target.writeHistory(t, "only in the target/"+key, "123-")
			}
		}
		cfg := versionsConfig(source, target)
		cfg.Versioning.AllMarkers = r.IntN(2) == 0
		want := target.histories(t, true)
		maps.Copy(want, source.histories(t, cfg.Versioning.AllMarkers))

		report := run(t, cfg)

		target.wantHistories(t, want, true)
		if report.ETagVerified != report.Transferred || report.Warnings != 0 || report.Failed != 0 {
			t.Errorf("%+v", report.Stats)
		}
		before := source.requests() + target.requests()
		again := run(t, cfg)
		if n := source.requests() + target.requests() - before; again.Transferred+again.Deleted != 0 || n != 0 {
			t.Errorf("second run: transferred %d, deleted %d, requests %d", again.Transferred, again.Deleted, n)
		}
		if again.Skipped != report.Transferred+report.Deleted {
			t.Errorf("second run: skipped %d of %d", again.Skipped, report.Transferred+report.Deleted)
		}

		// New steps are appended.
		for key := range source.histories(t, true) {
			source.writeHistory(t, key, randomHistory(r, 3))
		}
		maps.Copy(want, source.histories(t, cfg.Versioning.AllMarkers))
		run(t, cfg)
		if cfg.Versioning.AllMarkers {
			target.wantHistories(t, want, true)
		} else {
			target.wantHistories(t, want, false)
		}
	})
}

// TestVersionsOfAThousandKeys: a thousand keys with up to fifty versions each, all
// written within one second. A run that is interrupted again and again has the same
// result as one that is not, and the next run makes no request for any version.
func TestVersionsOfAThousandKeys(t *testing.T) {
	for name, tt := range map[string]struct {
		keys                    int
		allMarkers, interrupted bool
	}{
		"default":                  {1000, false, false},
		"default, interrupted":     {100, false, true},
		"all markers":              {100, true, false},
		"all markers, interrupted": {1000, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				tt.keys /= 10
			}
			r := rand.New(rand.NewPCG(1, 2))
			source, target := newVersioned(), newVersioned()
			for i := range tt.keys {
				source.writeHistory(t, fmt.Sprintf("%c/key %04d", 'a'+i%7, i), randomHistory(r, 50))
			}
			want := source.histories(t, tt.allMarkers)
			cfg := versionsConfig(source, target)
			cfg.Versioning.AllMarkers = tt.allMarkers
			entries := 0
			for _, steps := range want {
				entries += len(steps)
			}
			if tt.interrupted {
				if times := interrupt(t, cfg, source, target, r, entries/4); times < 3 {
					t.Errorf("the run was interrupted only %d times", times)
				}
			} else if report := run(t, cfg); report.Transferred+report.Deleted != int64(entries) {
				t.Errorf("%+v, want %d", report.Stats, entries)
			}
			target.wantHistories(t, want, true)

			before := source.requests() + target.requests()
			last := run(t, cfg)
			if n := source.requests() + target.requests() - before; last.Transferred+last.Deleted != 0 || n != 0 {
				t.Errorf("last run: transferred %d, deleted %d, requests %d", last.Transferred, last.Deleted, n)
			}
		})
	}
}

// interrupt repeats a run until it succeeds. Each run is cancelled after up to n
// requests, before or after the last one was carried out.
func interrupt(t *testing.T, cfg *s3sync.Config, source, target *versioned, r *rand.Rand, n int) (times int) {
	t.Helper()
	defer func() { source.request, target.request = nil, nil }()
	for {
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan struct{}, n+1)
		for range r.IntN(n + 1) {
			left <- struct{}{}
		}
		source.request = func(string, string) error {
			select {
			case <-left:
			default:
				cancel()
			}
			return ctx.Err()
		}
		target.request = source.request
		report, err := s3sync.Sync(ctx, cfg)
		cancel()
		switch {
		case err == nil:
			return times
		case !errors.Is(err, context.Canceled):
			t.Fatal(err)
		case report.Failed != 0:
			t.Fatalf("%+v", report.Stats)
		}
		if times++; times > 1000 {
			t.Fatal("no end")
		}
	}
}

// A version that fails holds back later versions of its key, and no other key.
func TestFailedVersionHoldsBackLaterOnes(t *testing.T) {
	for name, failing := range map[string]string{"version": "put", "read": "open", "marker": "delete"} {
		t.Run(name, func(t *testing.T) {
			source, target := newVersioned(), newVersioned()
			history := map[string]string{"a": "12-3", "b": "12-3-", "c": "1"}
			for key, steps := range history {
				source.writeHistory(t, key, steps)
			}
			side := target
			if failing == "open" {
				side = source
			}
			n := 0
			side.request = func(op, key string) error {
				if key != "b" || op != failing {
					return nil
				}
				if n++; failing == "delete" || n > 2 { // the second version: request is called twice for each request
					return &storage.Error{Op: op, Key: key, Err: errInjected}
				}
				return nil
			}
			cfg := versionsConfig(source, target)
			cfg.Versioning.AllMarkers = true
			var failures []string
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventFailed {
					failures = append(failures, ev.Key+" "+ev.Err.Error())
				}
			}
			report, err := try(t, cfg)
			if !errors.Is(err, errInjected) || report.Failed != 1 || len(failures) != 1 || !strings.Contains(failures[0], "wait for it") {
				t.Errorf("error %v, failures %q", err, failures)
			}
			want := maps.Clone(history)
			want["b"] = "1"
			if failing == "delete" {
				want["b"] = "12"
			}
			target.wantHistories(t, want, true)

			side.request = nil
			run(t, cfg)
			target.wantHistories(t, history, true)
		})
	}
}

// A request that was carried out without a response is not repeated.
func TestUnheardVersions(t *testing.T) {
	eachSeed(t, 20, func(t *testing.T, r *rand.Rand) {
		source, target := newVersioned(), newVersioned()
		for _, key := range []string{"a", "b", "c"} {
			source.writeHistory(t, key, "12-34-5-67-")
		}
		asked := map[string]int{}
		var mu sync.Mutex
		target.request = func(op, key string) error {
			mu.Lock()
			defer mu.Unlock()
			asked[op]++
			if (op == "put" || op == "delete") && r.IntN(4) == 0 { // before or after it is carried out
				return &storage.Error{Op: op, Key: key, Err: storage.ErrTransient}
			}
			return nil
		}
		cfg := versionsConfig(source, target)
		cfg.Versioning.AllMarkers = true
		cfg.Retry.ForceCount = 100
		run(t, cfg)
		target.wantHistories(t, source.histories(t, true), true)
		if asked["stat"] == 0 {
			t.Error("the target was never asked whether a write was carried out")
		}
	})
}

// A delete marker for a current deletion is not written on top of an incomplete
// history.
func TestFailedVersionHoldsBackMarker(t *testing.T) {
	source, target := newVersioned(), newVersioned()
	source.writeHistory(t, "a", "12-")
	target.put = func(string) error { return &storage.Error{Op: "put", Key: "a", Err: errInjected} }
	if _, err := try(t, versionsConfig(source, target)); !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	if n := target.called("delete"); n != 0 {
		t.Errorf("%d deletions", n)
	}
}

func TestVersioningIsNeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target storage.Store
		want           string
	}{
		"source has none": {mem.New(), newVersioned(), "source: versioning is not enabled"},
		"target has none": {newVersioned(), mem.New(), "target: versioning is not enabled"},
		"source cannot":   {&faulty{Store: mem.New()}, newVersioned(), "source: it has no versions"},
		"target cannot":   {newVersioned(), &faulty{Store: mem.New()}, "target: it has no versions"},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := try(t, versionsConfig(tt.source, tt.target))
			if err == nil || !strings.Contains(err.Error(), tt.want) || report.Failed != 1 {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			for _, side := range []storage.Store{tt.source, tt.target} {
				if v, ok := side.(*versioned); ok && v.called("versions") != 0 {
					t.Error("it was listed")
				}
			}
		})
	}
}

// A listing that breaks continues after the last version. If it cannot continue, the
// run ends with an error and makes no guess.
func TestBrokenVersionListing(t *testing.T) {
	source, target := newVersioned(), newVersioned()
	for _, key := range []string{"a", "b", "c"} {
		source.writeHistory(t, key, "123-456-789")
	}
	n := 0
	source.listed = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		n++
		return breakAfter(seq, 3*n)
	}
	cfg := versionsConfig(source, target)
	cfg.Retry.ForceCount = 3
	run(t, cfg)
	target.wantHistories(t, source.histories(t, false), true)
	if n < 4 {
		t.Errorf("the listing broke %d times", n-1)
	}

	source.listed = failAfter(4)
	if _, err := try(t, cfg); !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	source.listed = nil
	target.listed = func(iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
		return func(yield func(storage.Object, error) bool) {
			_ = yield(storage.Object{Key: "b"}, nil) && yield(storage.Object{Key: "a"}, nil)
		}
	}
	if _, err := try(t, cfg); err == nil || !strings.Contains(err.Error(), "out of order") {
		t.Errorf("error %v", err)
	}
}

// breakAfter ends a listing with a temporary failure.
func breakAfter(seq iter.Seq2[storage.Object, error], n int) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		i := 0
		for o, err := range seq {
			if i++; i > n {
				yield(storage.Object{}, &storage.Error{Op: "list", Err: storage.ErrTransient})
				return
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// A key of more versions than are kept in memory.
func TestVersionsOfOneKey(t *testing.T) {
	const n = 5000
	source, target := newVersioned(), newVersioned()
	source.writeHistory(t, "a", strings.Repeat("0123456789-", n/11))
	cfg := versionsConfig(source, target)
	cfg.Versioning.AllMarkers = true
	run(t, cfg)
	target.wantHistories(t, source.histories(t, true), true)
	target.writeHistory(t, "a", "x") // so that each version is requested
	source.writeHistory(t, "a", "y")
	if report := run(t, cfg); report.Transferred != 1 || report.Deleted != 0 || report.Warnings != 0 {
		t.Errorf("%+v", report.Stats)
	}
}
