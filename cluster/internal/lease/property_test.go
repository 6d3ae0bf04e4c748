package lease

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// randomJob draws a job.
func randomJob(t *testing.T, r *rand.Rand, most int) *world {
	w := newWorld(t, func(s *job.Spec) {
		c := s.Settings
		if r.IntN(4) > 0 {
			c.Delete = s3sync.Delete{
				Enable: true, MaxPercent: []int{100, 80, 10}[r.IntN(3)], Max: int64(r.IntN(3) * 4), AllowEmptySource: r.IntN(2) == 0,
			}
		}
		c.DryRun = r.IntN(6) == 0
		if r.IntN(3) == 0 {
			c.Filter.Exclude, _ = s3sync.CompileRegexp("logs/")
			c.Delete.Excluded = c.Delete.Enable && r.IntN(2) == 0
		}
		if r.IntN(4) == 0 {
			c.Range = storage.Range{From: "a", To: "z"}
		}
		s.Ranges = 1 + r.IntN(9)
		s.Leases.CheckpointKeys, s.Leases.Keys = 1+r.Int64N(6), 5+r.Int64N(60)
	})
	inSource, inTarget := randomTrees(r, most)
	put(t, w.source.Store, inSource)
	put(t, w.target.Store, inTarget)
	return w
}

// A job without accidents does and counts what one machine does.
func TestJobIsOneRun(t *testing.T) {
	eachSeed(t, 150, func(t *testing.T, r *rand.Rand) {
		w := randomJob(t, r, 120)
		want, wantTarget, wantErr := w.oneMachine(t, nil)
		w.submit(t)
		if _, err := Preflight(t.Context(), w.env, w.run); err != nil {
			t.Fatal(err)
		}
		report, v := w.finish(t, w.copyAll(t, r, nil), false, nil)
		got := comparableStats(report.Report.Stats)
		if wantErr != nil { // the run of one machine ended with a refusal, which counts as a failure
			if len(v.Wait) != 1 || !strings.HasPrefix(wantErr.Error(), v.Wait[0]) {
				t.Errorf("the job waits for %q, one machine says %v", v.Wait, wantErr)
			}
			got.Failed++
		} else if len(v.Wait) != 0 {
			t.Errorf("the job waits for %q", v.Wait)
		}
		if diff := cmp.Diff(comparableStats(want.Stats), got); diff != "" {
			t.Errorf("one machine (-), job (+):\n%s", diff)
		}
		if diff := cmp.Diff(wantTarget, contents(t, w.target.Store)); diff != "" {
			t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
		}
	})
}

// However often workers end, at whatever call of whatever store, the job does what one
// machine does, and counts nothing twice.
func TestKilledJobIsOneRun(t *testing.T) {
	eachSeed(t, 150, func(t *testing.T, r *rand.Rand) {
		w := randomJob(t, r, 120)
		want, wantTarget, wantErr := w.oneMachine(t, nil)
		w.submit(t)
		kill := func(attempt int) func() {
			stores := []*spy{w.source, w.target, w.state}
			s := stores[r.IntN(3)]
			var n atomic.Int64
			n.Store(int64(1 + r.IntN(12*attempt)))
			after := r.IntN(2) == 0
			s.set(func(_, _ string, now bool) error {
				if now == after && n.Add(-1) == 0 {
					panic(errKilled)
				}
				return nil
			})
			return func() { s.set(nil) }
		}
		results := w.copyAll(t, r, kill)
		report, v := w.finish(t, results, false, kill)
		if (wantErr != nil) != (len(v.Wait) > 0) {
			t.Errorf("the job waits for %q, one machine says %v", v.Wait, wantErr)
		}
		got, one := comparableStats(report.Report.Stats), comparableStats(want.Stats)
		if wantErr != nil {
			got.Failed++
		}
		// An object that arrived shortly before its worker ended is found equal later.
		if got.Transferred > one.Transferred || got.Transferred+got.Skipped != one.Transferred+one.Skipped {
			t.Errorf("%d transferred and %d skipped, on one machine %d and %d", got.Transferred, got.Skipped, one.Transferred, one.Skipped)
		}
		for _, st := range []*s3sync.Stats{&got, &one} {
			*st = s3sync.Stats{Deleted: st.Deleted, PerhapsDeleted: st.PerhapsDeleted, Failed: st.Failed, Warnings: st.Warnings}
		}
		if diff := cmp.Diff(one, got); diff != "" {
			t.Errorf("%d kills: one machine (-), job (+):\n%s", w.kills, diff)
		}
		if diff := cmp.Diff(wantTarget, contents(t, w.target.Store)); diff != "" {
			t.Errorf("%d kills: target of one machine (-), of the job (+):\n%s", w.kills, diff)
		}
	})
}

// Keys that cannot be read fail in the job as on one machine, and nothing is deleted.
func TestJobWithFailures(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, r *rand.Rand) {
		w := randomJob(t, r, 120)
		broken := func(op, key string, _ bool) error {
			if op == "open" && strings.HasSuffix(key, "3") {
				return errInjected
			}
			return nil
		}
		want, wantTarget, _ := w.oneMachine(t, func(s storage.Store) storage.Store { return &spy{Store: s, call: broken} })
		w.source.set(broken)
		w.submit(t)
		report, v := w.finish(t, w.copyAll(t, r, nil), true, nil)
		want.Failed = int64(len(want.Failures)) // without a refusal to delete
		if want.Failed > 0 && !w.spec.Settings.DryRun && w.spec.Settings.Delete.Enable && (!v.Refused || len(v.Deletes) > 0) {
			t.Errorf("the verdict permits deletions: %+v", v)
		}
		w.source.set(nil)
		if want.Failed == 0 { // perhaps it was approved
			return
		}
		got, one := comparableStats(report.Report.Stats), comparableStats(want.Stats)
		got.TransferredBytes, one.TransferredBytes = 0, 0
		if diff := cmp.Diff(one, got); diff != "" {
			t.Errorf("one machine (-), job (+):\n%s", diff)
		}
		if len(report.Report.Failures) != int(want.Failed) {
			t.Errorf("%d failures are named, of %d", len(report.Report.Failures), want.Failed)
		}
		if diff := cmp.Diff(wantTarget, contents(t, w.target.Store)); diff != "" {
			t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
		}
	})
}

// Keys that fail only for some time succeed in a sweep, whatever ends the workers meanwhile.
// Then the job deletes as if nothing had failed.
func TestSweepMendsTheJob(t *testing.T) {
	eachSeed(t, 60, func(t *testing.T, r *rand.Rand) {
		w := randomJob(t, r, 120)
		w.spec.Settings.DryRun = false
		want, wantTarget, wantErr := w.oneMachine(t, nil)
		w.submit(t)
		w.source.set(func(op, key string, _ bool) error {
			if op == "open" && strings.HasSuffix(key, "3") {
				return errInjected
			}
			return nil
		})
		results := w.copyAll(t, r, nil)
		w.source.set(nil)
		kill := func(attempt int) func() {
			n := 1 + r.IntN(9*attempt)
			w.state.set(func(string, string, bool) error {
				if n--; n == 0 {
					panic(errKilled)
				}
				return nil
			})
			return func() { w.state.set(nil) }
		}
		report, v := w.finish(t, results, false, kill)
		got, one := comparableStats(report.Report.Stats), comparableStats(want.Stats)
		if (wantErr != nil) != (len(v.Wait) > 0) {
			t.Errorf("the job waits for %q, one machine says %v", v.Wait, wantErr)
		}
		if wantErr != nil {
			got.Failed++
		}
		if got.Transferred+got.Skipped != one.Transferred+one.Skipped || got.Failed != one.Failed || got.Deleted != one.Deleted || got.Warnings != one.Warnings {
			t.Errorf("one machine %+v, job %+v", one, got)
		}
		if diff := cmp.Diff(wantTarget, contents(t, w.target.Store)); diff != "" {
			t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
		}
	})
}
