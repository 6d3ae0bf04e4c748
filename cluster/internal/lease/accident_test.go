package lease

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// large is a job whose source has n keys, of which the target lacks half.
func large(t *testing.T, n int, set func(*job.Spec)) *world {
	w := newWorld(t, set)
	source, target := map[string]string{}, map[string]string{}
	for i := range n {
		key := fmt.Sprintf("d%d/%05d", i%7, i)
		source[key] = "x"
		if i%2 == 0 {
			target[key] = "x"
		}
	}
	put(t, w.source.Store, source)
	put(t, w.target.Store, target)
	w.submit(t)
	return w
}

// A worker that ends costs at most 2 % of the keys to be listed again.
func TestKillListsLittleAgain(t *testing.T) {
	const n = 3000
	set := func(s *job.Spec) { s.Leases.CheckpointKeys, s.Leases.Keys, s.Ranges = 30, 1000, 1 }
	calm := large(t, n, set)
	calm.copyAll(t, rand.New(rand.NewPCG(1, 1)), nil)
	base := calm.source.listed.Load()
	for seed := range 5 {
		w := large(t, n, set)
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		kill := func(attempt int) func() {
			if attempt > 1 {
				return func() {}
			}
			var opened atomic.Int64 // several at once
			at := 1 + r.Int64N(400)
			w.source.set(func(op, _ string, _ bool) error {
				if op == "open" && opened.Add(1) == at {
					panic(errKilled)
				}
				return nil
			})
			return func() { w.source.set(nil) }
		}
		results := w.copyAll(t, rand.New(rand.NewPCG(1, 1)), kill)
		again := w.source.listed.Load() - base
		if w.kills == 0 || again > int64(w.kills*n*2/100) {
			t.Errorf("%d kills: %d of %d keys were listed again", w.kills, again, n)
		}
		report, _ := w.finish(t, results, false, nil)
		if s := report.Report.Stats; s.Transferred+s.Skipped != n || report.Counters.Listed != n {
			t.Errorf("%d kills: %+v", w.kills, report.Counters)
		}
	}
}

// A worker that was given up and goes on changes nothing of what was accepted.
func TestZombieChangesNoAccounting(t *testing.T) {
	w := large(t, 200, func(s *job.Spec) { s.Leases.CheckpointKeys, s.Leases.Keys, s.Ranges = 10, 120, 1 })
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	// Attempt 1 ends at its fourth checkpoint.
	n := 0
	w.state.set(func(op, key string, after bool) error {
		if op == "put" && strings.Contains(key, "/ckpt/") && after {
			if n++; n == 4 {
				panic(errKilled)
			}
		}
		return nil
	})
	if _, killed, err := w.attempt(t, Copy, leases[0], 1, nil); !killed {
		t.Fatal(err)
	}
	w.state.set(nil)
	accepted, err := Copy(t.Context(), w.env, leases[0], 2)
	if err != nil || accepted.Done || accepted.Counters.Listed < 40 {
		t.Fatalf("%+v, %v", accepted, err)
	}
	zombie, err := Copy(t.Context(), w.env, leases[0], 1)
	if err != nil || zombie.Checkpoint == accepted.Checkpoint {
		t.Fatalf("the zombie: %+v, %v", zombie, err)
	}
	next := leases[0]
	next.Generation, next.Previous, next.Keys.From = 2, accepted.Checkpoint, accepted.Cursor
	if _, err := Copy(t.Context(), w.env, leases[0], 1); err != nil { // and again
		t.Fatal(err)
	}
	result, err := Copy(t.Context(), w.env, next, 1)
	if err != nil {
		t.Fatal(err)
	}
	for !result.Done {
		next.Generation, next.Previous, next.Keys.From = next.Generation+1, result.Checkpoint, result.Cursor
		if result, err = Copy(t.Context(), w.env, next, 1); err != nil {
			t.Fatal(err)
		}
	}
	report, _ := w.finish(t, []job.Ref{result.Checkpoint}, false, nil)
	if s := report.Report.Stats; s.Transferred != 100 || s.Skipped != 100 || report.Counters.Listed != 200 {
		t.Errorf("%+v", report.Counters)
	}
}

// A key that ends every worker that reads it is found, recorded and passed over. The others
// arrive, and nothing is deleted.
func TestPoison(t *testing.T) {
	w := large(t, 300, func(s *job.Spec) {
		s.Leases.CheckpointKeys, s.Leases.Keys, s.Ranges = 100, 1000, 1
		s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 100}
	})
	put(t, w.target.Store, map[string]string{"d3/old": "x"})
	const poison = "d3/00101"
	w.source.set(func(op, key string, _ bool) error {
		if op == "open" && key == poison {
			panic(errKilled)
		}
		return nil
	})
	kill := func(int) func() { return func() {} }
	results := w.copyAll(t, rand.New(rand.NewPCG(1, 1)), kill)
	report, v := w.finish(t, results, true, kill)
	if len(report.Report.Failures) != 1 || report.Report.Failures[0].Key != poison || report.Report.Failed != 1 || report.Report.Transferred+report.Report.Skipped != 299 {
		t.Errorf("%+v", report.Report)
	}
	if !v.Refused || len(v.Wait) != 1 || !strings.Contains(v.Wait[0], "1 keys failed") {
		t.Errorf("%+v", v)
	}
	if _, ok := contents(t, w.target.Store)["d3/old"]; !ok {
		t.Error("the job deleted although a key failed")
	}
}

// In an outage a lease gives up and writes no failures. The next attempt goes on.
func TestOutage(t *testing.T) {
	w := large(t, 300, func(s *job.Spec) { s.Ranges, s.Leases.CheckpointKeys, s.Leases.Keys = 1, 50, 1000 })
	down := true
	w.target.set(func(op, _ string, _ bool) error {
		if op == "put" && down {
			return storage.ErrTransient
		}
		return nil
	})
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	for attempt := 1; attempt <= 5; attempt++ {
		if _, err := Copy(t.Context(), w.env, leases[0], attempt); !errors.Is(err, errOutage) || errors.Is(err, ErrStop) {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
	}
	down = false
	result, err := Copy(t.Context(), w.env, leases[0], 6)
	if err != nil || !result.Done || result.Counters.Failed > failuresInRow || result.Counters.Transferred+result.Counters.Failed+result.Counters.Skipped != 300 {
		t.Errorf("%+v, %v", result, err)
	}
}

// Keys that fail for ever do not hold up their range, however many they are.
func TestLastingFailures(t *testing.T) {
	w := large(t, 300, func(s *job.Spec) { s.Ranges, s.Leases.CheckpointKeys, s.Leases.Keys = 1, 50, 1000 })
	w.source.set(func(op, _ string, _ bool) error {
		if op == "open" {
			return errInjected
		}
		return nil
	})
	kill := func(int) func() { return func() {} }
	results := w.copyAll(t, rand.New(rand.NewPCG(1, 1)), kill)
	v, err := Reduce(t.Context(), w.env, w.run, results)
	if err != nil || v.Counters.Failed != 150 || len(v.Failed) == 0 {
		t.Errorf("%+v, %v", v.Counters, err)
	}
}

// The database of the engine is lost at any moment: the job is planned anew, goes on where
// its checkpoints end, and does what one machine does. Leases of the old plan are refused.
func TestPlannedAnew(t *testing.T) {
	eachSeed(t, 40, func(t *testing.T, r *rand.Rand) {
		w := randomJob(t, r, 120)
		want, wantTarget, wantErr := w.oneMachine(t, nil)
		w.submit(t)
		for range r.IntN(3) + 1 {
			n := 1 + r.IntN(60)
			w.state.set(func(string, string, bool) error {
				if n--; n == 0 {
					panic(errKilled)
				}
				return nil
			})
			func() {
				defer func() { _ = recover() }()
				w.finish(t, w.copyAll(t, r, nil), false, nil)
			}()
			w.state.set(nil)
			old := w.run
			run, err := Submit(t.Context(), w.env, w.place, w.spec, true)
			if err != nil || run.Epoch != old.Epoch+1 {
				t.Fatal(run, err)
			}
			w.run = run
			if _, err := Copy(t.Context(), w.env, job.Lease{Version: 1, Run: old, Phase: job.PhaseCopy, Generation: 1}, 1); !errors.Is(err, ErrStop) {
				t.Errorf("a lease of the old plan: %v", err)
			}
		}
		report, v := w.finish(t, w.copyAll(t, r, nil), false, nil)
		if (wantErr != nil) != (len(v.Wait) > 0) {
			t.Errorf("the job waits for %q, one machine says %v", v.Wait, wantErr)
		}
		got, one := report.Report.Stats, want.Stats
		if got.Transferred+got.Skipped != one.Transferred+one.Skipped || got.Deleted != one.Deleted || got.Warnings != one.Warnings {
			t.Errorf("one machine %+v, job %+v", one, got)
		}
		if diff := cmp.Diff(wantTarget, contents(t, w.target.Store)); diff != "" {
			t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
		}
	})
}

// A lease deletes only what a verdict permits, and only if somebody approved what waits.
func TestDeletionsNeedTheVerdict(t *testing.T) {
	w := newWorld(t, func(s *job.Spec) {
		s.Ranges, s.Approve = 1, true
		s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 100}
	})
	put(t, w.source.Store, map[string]string{"a": "1", "b": "2"})
	put(t, w.target.Store, map[string]string{"x": "old", "y": "old", "z": "old"})
	w.submit(t)
	results := w.copyAll(t, rand.New(rand.NewPCG(1, 1)), nil)
	v, err := Reduce(t.Context(), w.env, w.run, results)
	if err != nil || len(v.Deletes) != 1 || v.Deletes[0].Most != 3 || len(v.Wait) != 1 || v.Refused {
		t.Fatalf("%+v, %v", v, err)
	}
	l := v.Deletes[0]
	l.Approved = true
	for name, change := range map[string]func(*job.Lease){
		"not approved":   func(l *job.Lease) { l.Approved = false },
		"more":           func(l *job.Lease) { l.Most = 4 },
		"another result": func(l *job.Lease) { l.Previous.Key += "x" },
		"no totals":      func(l *job.Lease) { l.Totals = job.Ref{} },
		"other totals":   func(l *job.Lease) { l.Totals = l.Run.Spec },
	} {
		forged := l
		change(&forged)
		if _, err := Delete(t.Context(), w.env, forged, 1); err == nil || len(contents(t, w.target.Store)) != 5 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What changed meanwhile is kept.
	put(t, w.source.Store, map[string]string{"x": "it came"})
	put(t, w.target.Store, map[string]string{"y": "it changed"})
	result, err := Delete(t.Context(), w.env, l, 1)
	if err != nil || !result.Done || result.Counters.Deleted != 1 || result.Counters.Warnings != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	calls := 0
	w.target.set(func(op, _ string, _ bool) error {
		if op == "delete" {
			calls++
		}
		return nil
	})
	again, err := Delete(t.Context(), w.env, l, 2)
	if err != nil || again.Counters != result.Counters || calls != 0 {
		t.Errorf("the second time: %+v, %v, %d deletions", again, err, calls)
	}
}

// What the gate of a sync refuses waits for a decision, which says what. An approval lets an
// empty source and a large part of the target pass, as the settings would.
func TestGateWaits(t *testing.T) {
	for _, approve := range []bool{false, true} {
		w := newWorld(t, func(s *job.Spec) { s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 80} })
		put(t, w.target.Store, map[string]string{"x": "old", "y": "old"})
		w.submit(t)
		_, v := w.finish(t, w.copyAll(t, rand.New(rand.NewPCG(1, 1)), nil), approve, nil)
		left := len(contents(t, w.target.Store))
		if len(v.Wait) != 1 || !strings.Contains(v.Wait[0], "no object was found in the source") || v.Refused || (left == 0) != approve {
			t.Errorf("approved %v: %+v, %d are left", approve, v, left)
		}
	}
}

// A listing that fails is an error of the lease, and no result.
func TestFailedListing(t *testing.T) {
	w := newWorld(t, func(s *job.Spec) {
		s.Splits = []job.Key{"m"}
		s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 100}
	})
	put(t, w.source.Store, map[string]string{"a": "1", "n": "2"})
	put(t, w.target.Store, map[string]string{"b": "old", "o": "old"})
	w.submit(t)
	w.source.set(func(op, from string, _ bool) error {
		if op == "list" && from == "m" {
			return storage.ErrTransient
		}
		return nil
	})
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil || len(leases) != 2 {
		t.Fatal(leases, err)
	}
	first, err := Copy(t.Context(), w.env, leases[0], 1)
	if err != nil || !first.Done {
		t.Fatal(first, err)
	}
	if _, err := Copy(t.Context(), w.env, leases[1], 1); !errors.Is(err, storage.ErrTransient) || errors.Is(err, ErrStop) {
		t.Errorf("the range that cannot be listed: %v", err)
	}
	if v, err := Reduce(t.Context(), w.env, w.run, []job.Ref{first.Checkpoint}); !errors.Is(err, ErrStop) || len(v.Deletes) != 0 {
		t.Errorf("%+v, %v", v, err)
	}
	if v, err := Reduce(t.Context(), w.env, w.run, []job.Ref{first.Checkpoint, first.Checkpoint}); !errors.Is(err, ErrStop) || len(v.Deletes) != 0 {
		t.Errorf("one result twice: %+v, %v", v, err)
	}
}

// A damaged checkpoint or shard ends what needs it, and nothing is deleted.
func TestDamagedTruth(t *testing.T) {
	for _, kind := range []string{"/ckpt/", "/cand/", "/totals", "/spec", "/epoch/"} {
		w := newWorld(t, func(s *job.Spec) {
			s.Ranges = 1
			s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 100}
		})
		put(t, w.source.Store, map[string]string{"a": "1"})
		put(t, w.target.Store, map[string]string{"x": "old"})
		w.submit(t)
		results := w.copyAll(t, rand.New(rand.NewPCG(1, 1)), nil)
		v, err := Reduce(t.Context(), w.env, w.run, results)
		if err != nil || len(v.Deletes) != 1 {
			t.Fatal(v, err)
		}
		for key, data := range contents(t, w.state.Store) {
			if strings.Contains(key, kind) {
				put(t, w.state.Store, map[string]string{key: strings.ToUpper(data) + " "})
			}
		}
		if _, err := Delete(t.Context(), w.env, v.Deletes[0], 1); !errors.Is(err, truth.ErrDamaged) || !errors.Is(err, ErrStop) || !strings.Contains(err.Error(), kind) {
			t.Errorf("%s: %v", kind, err)
		}
		if len(contents(t, w.target.Store)) != 2 {
			t.Errorf("%s: something was deleted", kind)
		}
	}
}

// No secret of a connection is in the state store, in whatever form, and a job with a secret
// in its spec is not submitted. The state store is a directory here.
func TestNoSecretInTheTruth(t *testing.T) {
	const canary = "canary-9f31"
	w := newWorld(t, func(s *job.Spec) { s.Settings.Delete = s3sync.Delete{Enable: true, MaxPercent: 100} })
	put(t, w.source.Store, map[string]string{"a": "1", "b": "2"})
	put(t, w.target.Store, map[string]string{"b": "22", "x": "old"})
	connect := w.env.Connect
	state := filepath.Join(t.TempDir(), "state")
	w.env.Connect = func(name string) (s3sync.Endpoint, error) {
		if name == "shared" {
			return s3sync.Endpoint{}, nil
		}
		e, err := connect(name)
		e.SecretKey, e.SessionToken, e.AccessKey = canary, canary, canary
		return e, err
	}
	w.place = job.Place{URL: state, Connection: "shared"}
	w.source.set(func(op, key string, _ bool) error {
		if op == "open" && key == "a" {
			return errInjected
		}
		return nil
	})
	w.submit(t)
	report, _ := w.finish(t, w.copyAll(t, rand.New(rand.NewPCG(1, 1)), nil), false, nil)
	if report.Report.Failed != 1 {
		t.Errorf("%+v", report.Report.Stats)
	}
	cfg := s3sync.DefaultConfig()
	cfg.Target.URL = state
	store, err := cfg.OpenTarget(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := contents(t, store)
	for key, data := range all {
		text := []byte(key + data)
		if strings.HasSuffix(key, ".zst") {
			zip, err := zstd.NewReader(strings.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			var plain bytes.Buffer
			if _, err := plain.ReadFrom(zip); err != nil {
				t.Fatal(err)
			}
			zip.Close()
			text = append(text, plain.Bytes()...)
		}
		if bytes.Contains(text, []byte(canary)) {
			t.Errorf("%q has a secret", key)
		}
	}
	if len(all) < 8 {
		t.Errorf("the state store has only %d objects", len(all))
	}
	w.spec.Settings.Source.SecretKey = canary
	if _, err := Submit(t.Context(), w.env, w.place, w.spec, false); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("a secret is submitted: %v", err)
	}
}

// A lease that is cancelled is no result, and goes on later.
func TestCancelledLease(t *testing.T) {
	w := large(t, 200, func(s *job.Spec) { s.Ranges, s.Leases.CheckpointKeys, s.Leases.Keys = 1, 20, 1000 })
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	var last job.Progress
	w.env.Beat = func(p job.Progress) {
		if last = p; p.Counters.Listed >= 60 {
			cancel(errInjected)
		}
	}
	if _, err := Copy(ctx, w.env, leases[0], 1); !errors.Is(err, errInjected) || last.Checkpoint == (job.Ref{}) {
		t.Fatalf("%v, %+v", err, last)
	}
	w.env.Beat = nil
	before := w.source.listed.Load()
	result, err := Copy(t.Context(), w.env, leases[0], 2)
	if err != nil || !result.Done || result.Counters.Listed != 200 || w.source.listed.Load()-before > 200-last.Counters.Listed+20 {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestSplits(t *testing.T) {
	for name, tt := range map[string]struct {
		key  func(i int) string
		want int // at least
	}{
		"prefixes":       {func(i int) string { return fmt.Sprintf("p%02d/%04d", i%50, i) }, 16},
		"two levels":     {func(i int) string { return fmt.Sprintf("p/%02d/%04d", i%50, i) }, 16},
		"flat":           {func(i int) string { return fmt.Sprintf("%05d", i) }, 16},
		"one prefix":     {func(i int) string { return fmt.Sprintf("p/%05d", i) }, 16},
		"not ASCII":      {func(i int) string { return string(rune('а'+i%30)) + fmt.Sprint(i) }, 16},
		"a few keys":     {func(i int) string { return fmt.Sprint(i % 3) }, 2},
		"only one":       {func(int) string { return "k" }, 1},
		"long beginning": {func(i int) string { return strings.Repeat("x", 900) + fmt.Sprintf("%05d", i) }, 16},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *job.Spec) { s.Ranges = 16 })
			objects := map[string]string{}
			for i := range 2000 {
				objects[tt.key(i)] = ""
			}
			put(t, w.source.Store, objects)
			w.submit(t)
			leases, err := Split(t.Context(), w.env, w.run)
			if err != nil || len(leases) < tt.want || len(leases) > 16 {
				t.Fatalf("%d ranges, %v", len(leases), err)
			}
			at := job.Key("")
			for i, l := range leases {
				if _, exists := objects[string(l.Keys.From)]; l.Keys.From != at || i > 0 && !exists || l.Range != i+1 {
					t.Errorf("range %d is %v", i, l.Keys)
				}
				at = l.Keys.To
			}
			if at != "" {
				t.Errorf("the last range ends at %q", at)
			}
			if n := w.source.listed.Load(); n > probes+40 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A worker that is to end gives its lease back at the next checkpoint, and nothing is lost.
func TestStoppedWorker(t *testing.T) {
	w := large(t, 200, func(s *job.Spec) { s.Ranges, s.Leases.CheckpointKeys, s.Leases.Keys = 1, 20, 1000 })
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	w.env.Stop = stop
	w.env.Beat = func(p job.Progress) {
		if p.Counters.Listed == 60 && !w.env.stopped() {
			close(stop)
		}
	}
	first, err := Copy(t.Context(), w.env, leases[0], 1)
	if err != nil || first.Done || first.Counters.Listed > 80 || first.Cursor == "" {
		t.Fatalf("%+v, %v", first, err)
	}
	next := leases[0]
	next.Generation, next.Previous, next.Keys.From = 2, first.Checkpoint, first.Cursor
	nothing, err := Copy(t.Context(), w.env, next, 1) // by a worker that is to end, too
	if err != nil || nothing.Done || nothing.Checkpoint != first.Checkpoint || nothing.Cursor != first.Cursor || nothing.Counters != (job.Counters{}) {
		t.Fatalf("%+v, %v", nothing, err)
	}
	w.env.Stop, w.env.Beat = nil, nil
	next.Generation = 3
	rest, err := Copy(t.Context(), w.env, next, 1)
	if err != nil || !rest.Done || rest.Counters.Listed+first.Counters.Listed != 200 {
		t.Errorf("%+v, %v", rest, err)
	}
}

// located is a store below a prefix of a bucket.
type located struct {
	*spy

	prefix string
}

func (l located) Location() storage.Location {
	return storage.Location{Server: "one", Container: "bucket", Prefix: l.prefix}
}
func (l located) FullKey(key string) string { return l.prefix + key }
func (l located) StatFull(ctx context.Context, full string) (storage.Object, error) {
	info, err := l.Stat(ctx, strings.TrimPrefix(full, l.prefix), storage.StatOptions{})
	return info.Object, err
}

// A side that holds the state of the job, under whatever name, is refused before any work.
func TestStateInSide(t *testing.T) {
	for name, tt := range map[string]struct {
		target string // its prefix, or "-" for none that is known
		same   bool   // the target has what the state store has
		want   string // of the error
	}{
		"the target":        {target: "s3sync/", same: true, want: "target: "},
		"another bucket":    {target: "s3sync/"},
		"another prefix":    {target: "photos/", same: true},
		"a place not known": {same: true, target: "-"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			state, target := located{w.state, "s3sync/"}, storage.Store(located{w.target, tt.target})
			if tt.same {
				target = located{w.state, tt.target}
			}
			if tt.target == "-" {
				target = w.state
			}
			connect := w.env.Connect
			w.env.Connect = func(name string) (s3sync.Endpoint, error) {
				switch name {
				case "state":
					return s3sync.Endpoint{Store: state}, nil
				case "target":
					return s3sync.Endpoint{Store: target}, nil
				}
				return connect(name)
			}
			w.submit(t)
			_, err := Preflight(t.Context(), w.env, w.run)
			if tt.want == "" && err != nil {
				t.Error(err)
			}
			if tt.want != "" && (!errors.Is(err, ErrStop) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want one of the %s", err, tt.want)
			}
		})
	}
}

// A worker whose connection has the same name and leads elsewhere gets no lease of a job that
// another worker looked at first: it would write and delete there.
func TestConnectionLeadsElsewhere(t *testing.T) {
	for _, side := range []string{"source", "target"} {
		t.Run(side, func(t *testing.T) {
			w := newWorld(t, nil)
			put(t, w.source.Store, map[string]string{"a": "1"})
			w.submit(t)
			if _, err := Preflight(t.Context(), w.env, w.run); err != nil {
				t.Fatal(err)
			}
			leases, err := Split(t.Context(), w.env, w.run)
			if err != nil {
				t.Fatal(err)
			}
			other := w.env
			other.Worker = "w2"
			other.Connect = func(name string) (s3sync.Endpoint, error) {
				e, err := w.env.Connect(name)
				if name == side {
					e.EndpointURL = "https://elsewhere.example"
				}
				return e, err
			}
			_, err = Copy(t.Context(), other, leases[0], 1)
			if !errors.Is(err, ErrStop) || !strings.Contains(err.Error(), "the workers w1 and w2 do not have the same connection to the "+side) {
				t.Errorf("got %v", err)
			}
			if got := contents(t, w.target.Store); len(got) != 0 {
				t.Errorf("it wrote %v", got)
			}
		})
	}
}
