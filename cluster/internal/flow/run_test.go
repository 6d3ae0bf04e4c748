package flow

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/temporal"

	"s3sync/cluster/internal/job"
)

func TestRun(t *testing.T) {
	w := newWorld()
	env := w.env(t)
	out, err := outcome(t, env)
	if err != nil {
		t.Fatal(err)
	}
	if out.Aborted || out.Report.Key != "report" {
		t.Errorf("outcome %+v", out)
	}
	copies := w.of(job.PhaseCopy)
	if len(copies) != 12 { // 250 keys of each of 4 ranges are 3 leases
		t.Errorf("%d leases", len(copies))
	}
	for _, l := range copies {
		if want := (job.Limits{Requests: 100, Bytes: 1000, InFlight: 1}); l.Share != want {
			t.Errorf("a lease may use %+v, want %+v", l.Share, want)
		}
		if (l.Generation > 1) != (l.Previous != job.Ref{}) {
			t.Errorf("range %d, generation %d: previous %v", l.Range, l.Generation, l.Previous)
		}
	}
	deletes := w.of(job.PhaseDelete)
	if len(deletes) != 4 {
		t.Errorf("%d leases to delete", len(deletes))
	}
	for _, l := range deletes {
		if l.Approved || l.Run != testRun() || l.Totals.SHA256 != "totals-1" {
			t.Errorf("%+v", l)
		}
	}
	if len(w.reports) != 1 || len(w.reports[0]) != 4 {
		t.Errorf("reports of %v", w.reports)
	}
	if s := ask(t, env); s.Phase != PhaseDone || s.Work.Leases != 16 || s.Report == nil {
		t.Errorf("%+v", s)
	}
}

// TestIdleSlots: a range that does not end in one lease is cut where slots are idle, and the
// parts still tile.
func TestIdleSlots(t *testing.T) {
	w := newWorld()
	w.ranges, w.noSplit = 1, false
	env := w.env(t)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
	numbers := make(map[int]bool)
	for _, l := range w.of(job.PhaseCopy) {
		numbers[l.Range] = true
	}
	if len(numbers) < 4 || len(w.of(job.PhaseDelete)) != len(numbers) {
		t.Errorf("ranges %v, and %d of them delete", numbers, len(w.of(job.PhaseDelete)))
	}
	if took := env.Now().Sub(ask(t, env).Started); took > 6*time.Minute {
		t.Errorf("it took %v", took) // one slot: 10 min
	}
}

// TestSlotsOfOthers: the slots of a shard that ended go to the others.
func TestSlotsOfOthers(t *testing.T) {
	w := newWorld()
	w.noSplit, w.ranges, w.pre.Limits.InFlight = false, 2, 2
	w.result = func(l job.Lease, r *job.Result) { // the first range is empty
		if l.Range == 0 {
			r.Done, r.Cursor = true, ""
			w.done[r.Checkpoint] = []job.Keys{l.Keys}
		}
	}
	env := w.env(t)
	env.RegisterDelayedCallback(func() {
		if s := ask(t, env); s.Work.InFlight != 2 || s.Work.Window != 2 || s.Work.Splits != 1 {
			t.Errorf("%+v", s.Work)
		}
	}, 150*time.Second)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
}

// TestBigObjects: the parts of big objects are leases as others are, before the sweep that
// publishes the objects. The results of the ranges stay those of the copies until then.
func TestBigObjects(t *testing.T) {
	for _, stops := range []bool{false, true} {
		w := newWorld()
		var copied []job.Ref
		w.verdict = func(n int, v *job.Verdict) {
			if n > 1 {
				return
			}
			for i, l := range v.Deletes[:2] {
				copied = append(copied, l.Previous)
				v.Failed = append(v.Failed, job.Lease{Phase: job.PhaseSweep, Range: l.Range, Generation: 9, Previous: l.Previous})
				for slice := range 3 + i {
					v.Parts = append(v.Parts, job.Lease{Phase: job.PhaseParts, Range: l.Range, Generation: 8, Previous: l.Previous, Slice: slice, Slices: 3 + i})
				}
			}
			v.Wait, v.Refused, v.Deletes = []string{"2 objects failed"}, true, nil
		}
		failed := false
		w.copyErr = func(l job.Lease) error {
			if l.Phase != job.PhaseParts || l.Slice != 1 || failed || !stops {
				return nil
			}
			failed = true
			return errStop
		}
		env := w.env(t)
		env.RegisterDelayedCallback(func() {
			s := ask(t, env)
			if (s.Waiting != nil) != stops {
				t.Errorf("stops %v: %+v", stops, s)
			}
			if s.Waiting != nil {
				env.SignalWorkflow(SignalDecide, Decision{Choice: Retry})
			}
		}, 24*time.Hour)
		if _, err := outcome(t, env); err != nil {
			t.Fatal(err)
		}
		parts, sweeps := w.of(job.PhaseParts), w.of(job.PhaseSweep)
		if len(parts) != 7 || len(sweeps) != 2 {
			t.Fatalf("%d slices, %d sweeps", len(parts), len(sweeps))
		}
		seen := map[[2]int]bool{}
		for _, l := range parts {
			seen[[2]int{l.Range, l.Slice}] = true
			if l.Run != testRun() || l.Share.Bytes != 1000 || !slices.Contains(copied, l.Previous) {
				t.Errorf("%+v", l)
			}
		}
		if last := w.leases[slices.IndexFunc(w.leases, func(l job.Lease) bool { return l.Phase == job.PhaseSweep })-1]; len(seen) != 7 || last.Phase != job.PhaseParts {
			t.Errorf("slices %v, the last lease before the sweeps is of phase %s", seen, last.Phase)
		}
		if len(w.of(job.PhaseDelete)) != 4 || w.reduces != 2 {
			t.Errorf("%d leases to delete, %d verdicts", len(w.of(job.PhaseDelete)), w.reduces)
		}
	}
}

func failing(rounds int) func(n int, v *job.Verdict) {
	return func(n int, v *job.Verdict) {
		if n <= rounds {
			v.Failed = []job.Lease{{Phase: job.PhaseSweep, Range: 1, Generation: 3 + n, Previous: v.Deletes[1].Previous}}
			v.Wait, v.Refused, v.Deletes = []string{"1 object failed"}, true, nil
		}
	}
}

// TestSweeps: what failed is tried again, later each time, and then somebody is asked.
func TestSweeps(t *testing.T) {
	for fails, want := range map[int]struct {
		sweeps int
		took   time.Duration
	}{
		0: {0, 4 * time.Minute},
		1: {1, 5*time.Minute + 10*time.Second},
		3: {3, 7*time.Minute + 10*time.Second + time.Minute + 6*time.Minute},
		5: {5, 9*time.Minute + 10*time.Second + time.Minute + 6*time.Minute + 2*time.Hour},
	} {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			w := newWorld()
			w.verdict = failing(fails)
			env := w.env(t)
			for i := range 2 { // nobody hears the decision while nobody waits for it
				env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalDecide, Decision{Choice: Retry}) }, time.Duration(i+1)*time.Hour)
			}
			env.RegisterDelayedCallback(func() {
				if s := ask(t, env); fails == 5 && (s.Waiting == nil || !slices.Equal(s.Waiting.Choices, []Choice{Abort, Retry}) || s.Waiting.Reasons[0] != "1 object failed") {
					t.Errorf("%+v", s)
				}
			}, 59*time.Minute)
			if _, err := outcome(t, env); err != nil {
				t.Fatal(err)
			}
			sweeps := w.of(job.PhaseSweep)
			if len(sweeps) != want.sweeps {
				t.Errorf("%d sweeps, want %d", len(sweeps), want.sweeps)
			}
			for i, l := range sweeps {
				if l.Round != i+1 {
					t.Errorf("sweep %d is of round %d", i, l.Round)
				}
			}
			if len(w.of(job.PhaseDelete)) != 4 {
				t.Errorf("%d leases to delete", len(w.of(job.PhaseDelete)))
			}
			if took := env.Now().Sub(ask(t, env).Started); fails < 5 && (took < want.took || took > want.took+time.Minute) {
				t.Errorf("it took %v, want %v", took, want.took)
			}
		})
	}
}

// TestDecisions: who approves must name the verdict; what does not fit is ignored.
func TestDecisions(t *testing.T) {
	right := Decision{Choice: Approve, Verdict: "totals-1"}
	for name, c := range map[string]struct {
		approve   bool // the spec wants it
		refused   bool
		decisions []Decision
		deletes   int
		approved  bool
		aborted   bool
		hangs     bool
	}{
		"approved":                  {decisions: []Decision{right}, deletes: 4, approved: true},
		"aborted":                   {decisions: []Decision{{Choice: Abort}}, aborted: true},
		"another verdict":           {decisions: []Decision{{Choice: Approve, Verdict: "totals-0"}, {Choice: Approve}}, hangs: true},
		"another verdict, then it":  {decisions: []Decision{{Choice: Approve, Verdict: "totals-0"}, right}, deletes: 4, approved: true},
		"nothing to retry":          {decisions: []Decision{{Choice: Retry}}, hangs: true},
		"nonsense":                  {decisions: []Decision{{Choice: "delete all"}}, hangs: true},
		"refused":                   {refused: true, decisions: []Decision{right}, hangs: true},
		"refused, then aborted":     {refused: true, decisions: []Decision{right, {Choice: Abort}}, aborted: true},
		"wanted by the spec":        {approve: true, hangs: true},
		"wanted and approved":       {approve: true, decisions: []Decision{right}, deletes: 4, approved: true},
		"abort of another question": {decisions: []Decision{{Choice: Abort, Verdict: "totals-0"}}, hangs: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.pre.Approve = c.approve
			w.verdict = func(_ int, v *job.Verdict) {
				if !c.approve {
					v.Wait, v.Refused = []string{"1,000 objects would be deleted"}, c.refused
				}
				if c.refused {
					v.Deletes = nil
				}
			}
			env := w.env(t)
			for i, d := range c.decisions {
				env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalDecide, d) }, time.Duration(i+1)*time.Hour)
			}
			hung := false
			env.RegisterDelayedCallback(func() {
				hung = ask(t, env).Phase == PhaseDeciding
				if hung {
					env.SignalWorkflow(SignalDecide, Decision{Choice: Abort})
				}
			}, 24*time.Hour)
			out, err := outcome(t, env)
			if err != nil {
				t.Fatal(err)
			}
			deletes := w.of(job.PhaseDelete)
			if hung != c.hangs || out.Aborted != (c.aborted || c.hangs) || len(deletes) != c.deletes {
				t.Errorf("waits %v, aborted %v, %d leases to delete", hung, out.Aborted, len(deletes))
			}
			for _, l := range deletes {
				if l.Approved != c.approved {
					t.Errorf("approved: %v", l.Approved)
				}
			}
			if len(w.reports) != 1 {
				t.Errorf("%d reports", len(w.reports))
			}
		})
	}
}

// TestStop: what no other attempt mends waits for somebody, who may have mended it.
func TestStop(t *testing.T) {
	for _, activity := range []string{ActivityPreflight, ActivitySplit, ActivityCopy, ActivityReduce} {
		t.Run(activity, func(t *testing.T) {
			w := newWorld()
			broken := true
			w.errs = func(a string) error {
				if a == activity && broken {
					return errStop
				}
				return nil
			}
			if activity == ActivityCopy {
				w.copyErr = func(l job.Lease) error {
					if l.Range == 2 && l.Generation == 2 && broken {
						return errStop
					}
					return nil
				}
			}
			env := w.env(t)
			env.RegisterDelayedCallback(func() {
				s := ask(t, env)
				if s.Waiting == nil || !slices.Equal(s.Waiting.Choices, []Choice{Retry, Abort}) || !strings.Contains(s.Waiting.Reasons[0], "the job cannot go on") {
					t.Errorf("waits for %+v", s.Waiting)
				}
				broken = false
				env.SignalWorkflow(SignalDecide, Decision{Choice: Retry})
			}, time.Hour)
			if _, err := outcome(t, env); err != nil {
				t.Fatal(err)
			}
			if n := len(w.of(job.PhaseCopy)); n != 12 || len(w.of(job.PhaseDelete)) != 4 {
				t.Errorf("%d leases to copy, %d to delete", n, len(w.of(job.PhaseDelete)))
			}
		})
		t.Run(activity+" aborted", func(t *testing.T) {
			w := newWorld()
			w.errs = func(a string) error {
				if a == activity {
					return errStop
				}
				return nil
			}
			w.copyErr = func(job.Lease) error {
				if activity == ActivityCopy {
					return errStop
				}
				return nil
			}
			env := w.env(t)
			env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalDecide, Decision{Choice: Abort}) }, time.Hour)
			out, err := outcome(t, env)
			if err != nil || !out.Aborted || len(w.of(job.PhaseDelete)) > 0 || len(w.reports) != 1 {
				t.Errorf("%+v, %v, %d reports", out, err, len(w.reports))
			}
		})
	}
}

// TestFailuresAreTriedAgain: other failures are tried again for as long as it takes.
func TestFailuresAreTriedAgain(t *testing.T) {
	w := newWorld()
	const most = 9 // the environment of the tests ends at 10, the engine does not
	attempts := 0
	w.copyErr = func(l job.Lease) error {
		if l.Range != 1 || attempts == most {
			return nil
		}
		attempts++
		return errors.New("no route to host")
	}
	env := w.env(t)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
	if took := env.Now().Sub(ask(t, env).Started); attempts != most || took < 15*time.Minute || took > time.Hour {
		t.Errorf("%d attempts in %v", attempts, took)
	}
}

// TestCancel: a cancelled job begins nothing more, deletes nothing, and leaves its report.
func TestCancel(t *testing.T) {
	for name, after := range map[string]time.Duration{"copies": 90 * time.Second, "waits": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			w.verdict = func(_ int, v *job.Verdict) { v.Wait = []string{"too much"} }
			env := w.env(t)
			env.RegisterDelayedCallback(env.CancelWorkflow, after)
			_, err := outcome(t, env)
			if _, ok := errors.AsType[*temporal.CanceledError](err); !ok {
				t.Errorf("the run ended by %v", err)
			}
			if n := len(w.of(job.PhaseCopy)); name == "copies" && n > 8 || len(w.of(job.PhaseDelete)) > 0 {
				t.Errorf("%d leases to copy, %d to delete", n, len(w.of(job.PhaseDelete)))
			}
			if len(w.reports) != 1 || len(w.reports[0]) != 4 {
				t.Errorf("reports of %v", w.reports)
			}
		})
	}
}

func TestPause(t *testing.T) {
	w := newWorld()
	env := w.env(t)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalPause, nil) }, 30*time.Second)
	env.RegisterDelayedCallback(func() {
		if s := ask(t, env); !s.Paused || s.Work.InFlight != 0 || s.Work.Leases != 4 {
			t.Errorf("%+v", s)
		}
		env.SignalWorkflow(SignalResume, nil)
	}, time.Hour)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
	if len(w.of(job.PhaseCopy)) != 12 {
		t.Errorf("%d leases", len(w.of(job.PhaseCopy)))
	}
}

// TestLimits: leases that begin later keep the new limits. Limits that nobody can keep are
// ignored.
func TestLimits(t *testing.T) {
	w := newWorld()
	env := w.env(t)
	window := func(want int) {
		if s := ask(t, env); s.Work.Window != want {
			t.Errorf("%+v, want a window of %d", s.Work, want)
		}
	}
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalLimits, job.Limits{InFlight: 2, Requests: 100}) }, 30*time.Second)
	env.RegisterDelayedCallback(func() { window(2) }, 31*time.Second)
	env.RegisterDelayedCallback(func() { env.SignalWorkflow(SignalLimits, job.Limits{InFlight: 0}) }, 32*time.Second)
	env.RegisterDelayedCallback(func() { window(2) }, 33*time.Second)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
	for i, l := range w.of(job.PhaseCopy) {
		want := job.Limits{Requests: 50, InFlight: 1}
		if i < 4 {
			want = job.Limits{Requests: 100, Bytes: 1000, InFlight: 1}
		}
		if l.Share != want {
			t.Errorf("lease %d may use %+v, want %+v", i, l.Share, want)
		}
	}
	if took := env.Now().Sub(ask(t, env).Started); took < 6*time.Minute {
		t.Errorf("it took %v", took)
	}
}

// TestManyRanges: a job of many ranges ends, on 64 shards.
func TestManyRanges(t *testing.T) {
	w := newWorld()
	w.keys, w.ranges, w.pre.Limits.InFlight = 400, 200, 100
	env := w.env(t)
	shards := 0
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(QueryStatus)
		var a runStatus
		if err != nil || value.Get(&a) != nil {
			t.Error(err)
		}
		shards = len(a.Shards)
	}, 30*time.Second)
	if _, err := outcome(t, env); err != nil {
		t.Fatal(err)
	}
	if shards != maxShards || len(w.of(job.PhaseCopy)) != 200 || len(w.reports[0]) != 200 {
		t.Errorf("%d shards, %d leases, report of %d", shards, len(w.of(job.PhaseCopy)), len(w.reports[0]))
	}
}
