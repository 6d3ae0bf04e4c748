package flow

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
)

// anything matches any argument of a mocked activity.
const anything = "mock.Anything"

// world is what the activities of a job meet: keys that are numbers, and checkpoints that say
// which of them are done. The workflows run on it with time that is skipped.
type world struct {
	mu       sync.Mutex
	pre      job.Preflight
	keys     int           // of the source
	ranges   int           // at the split
	perLease int           // keys that a lease does before it ends
	takes    time.Duration // a lease
	noSplit  bool          // leases do not say where the rest may be cut

	// copyErr, if set, returns why a lease fails.
	copyErr func(l job.Lease) error
	// result, if set, changes what a lease returns.
	result func(l job.Lease, r *job.Result)
	// verdict, if set, changes the verdict, n-th of the run from 1.
	verdict func(n int, v *job.Verdict)
	// errs, if set, fails other activities.
	errs func(activity string) error

	leases  []job.Lease // all that were carried out, in order of their end
	done    map[job.Ref][]job.Keys
	reduces int
	reports [][]job.Ref
	refs    int
}

func newWorld() *world {
	return &world{
		keys: 1000, ranges: 4, perLease: 100, takes: time.Minute, noSplit: true,
		pre:  job.Preflight{Limits: job.Limits{InFlight: 4, Requests: 400, Bytes: 4000}, Leases: job.Leases{Silence: time.Minute}, Delete: true},
		done: make(map[job.Ref][]job.Keys),
	}
}

func key(n int) job.Key { return job.Key(fmt.Sprintf("%06d", n)) }

func number(k job.Key, otherwise int) int {
	if k == "" {
		return otherwise
	}
	n := 0
	_, _ = fmt.Sscanf(string(k), "%d", &n)
	return n
}

// env returns an environment in which workflows run on w.
func (w *world) env(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(Logger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 30 * time.Second}) // 1 s is little on a busy machine
	register(env, &activities{})
	fail := func(activity string) error {
		if w.errs == nil {
			return nil
		}
		if err := w.errs(activity); err != nil {
			return redact(err)
		}
		return nil
	}
	env.OnActivity(ActivityPreflight, anything, anything).Return(func(context.Context, job.Run) (job.Preflight, error) {
		return w.pre, fail(ActivityPreflight)
	}).Maybe()
	env.OnActivity(ActivitySplit, anything, anything).Return(func(context.Context, job.Run) ([]job.Lease, error) {
		return w.split(), fail(ActivitySplit)
	}).Maybe()
	for _, name := range []string{ActivityCopy, ActivityParts, ActivitySweep, ActivityDelete} {
		env.OnActivity(name, anything, anything).AfterFn(func() time.Duration { return w.takes }).Return(func(_ context.Context, l job.Lease) (job.Result, error) {
			return w.carry(l)
		}).Maybe()
	}
	env.OnActivity(ActivityReduce, anything, anything, anything).Return(func(_ context.Context, run job.Run, refs []job.Ref) (job.Verdict, error) {
		return w.reduce(run, refs), fail(ActivityReduce)
	}).Maybe()
	env.OnActivity(ActivityReport, anything, anything, anything).Return(func(_ context.Context, _ job.Run, refs []job.Ref) (job.Ref, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.reports = append(w.reports, refs)
		return job.Ref{Key: "report"}, fail(ActivityReport)
	}).Maybe()
	return env
}

func testRun() job.Run {
	return job.Run{Version: job.Version, Job: "nightly", Epoch: 1, Store: job.Place{URL: "s3://state"}}
}

func (w *world) split() (leases []job.Lease) {
	for i := range w.ranges {
		l := job.Lease{Version: job.Version, Run: testRun(), Phase: job.PhaseCopy, Range: i, Generation: 1}
		if i > 0 {
			l.Keys.From = key(i * w.keys / w.ranges)
		}
		if i < w.ranges-1 {
			l.Keys.To = key((i + 1) * w.keys / w.ranges)
		}
		leases = append(leases, l)
	}
	return leases
}

// carry carries out a lease: a checkpoint holds those of the leases of its range before.
func (w *world) carry(l job.Lease) (job.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.copyErr != nil {
		if err := w.copyErr(l); err != nil {
			return job.Result{}, redact(err)
		}
	}
	w.leases = append(w.leases, l)
	w.refs++
	ref := job.Ref{Key: fmt.Sprintf("ckpt/%d/%d-%d", l.Range, l.Generation, w.refs)}
	r := job.Result{Version: job.Version, Checkpoint: ref, Done: true, Worker: fmt.Sprintf("worker-%d", l.Range%2), KeysPerSecond: 10}
	before := w.done[l.Previous]
	if l.Phase == job.PhaseCopy {
		from, to := number(l.Keys.From, 0), number(l.Keys.To, w.keys)
		end := min(from+w.perLease, to)
		if end < to {
			r.Done, r.Cursor = false, key(end)
			if !w.noSplit {
				r.Split = key((end + to + 1) / 2)
			}
		}
		r.Counters = job.Counters{Listed: int64(end - from), Transferred: int64(end - from)}
		done := job.Keys{From: l.Keys.From, To: l.Keys.To}
		if !r.Done {
			done.To = r.Cursor
		}
		before = append(slices.Clone(before), done)
	}
	w.done[ref] = before
	if l.Phase == job.PhaseParts {
		r.Checkpoint = l.Previous
	}
	if w.result != nil {
		w.result(l, &r)
	}
	return r, nil
}

// reduce says nothing but what waits if the results do not tile the keys.
func (w *world) reduce(run job.Run, refs []job.Ref) job.Verdict {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reduces++
	v := job.Verdict{Version: job.Version, Totals: job.Ref{Key: "totals", SHA256: fmt.Sprint("totals-", w.reduces)}}
	var all []job.Keys
	for i, ref := range refs {
		all = append(all, w.done[ref]...)
		v.Deletes = append(v.Deletes, job.Lease{Version: job.Version, Run: run, Phase: job.PhaseDelete, Range: i, Generation: 100, Previous: ref, Totals: v.Totals})
	}
	slices.SortFunc(all, func(a, b job.Keys) int { return number(a.From, 0) - number(b.From, 0) })
	at := job.Key("")
	for i, k := range all {
		if k.From != at || (i == len(all)-1) != (k.To == "") {
			v.Wait, v.Refused, v.Deletes = []string{fmt.Sprintf("the ranges do not tile: %v", all)}, true, nil
			break
		}
		at = k.To
	}
	if w.verdict != nil {
		w.verdict(w.reduces, &v)
	}
	return v
}

// of returns the leases of a phase that were carried out.
func (w *world) of(phase job.Phase) (leases []job.Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.leases {
		if l.Phase == phase {
			leases = append(leases, l)
		}
	}
	return leases
}

// ask returns the status of a run, and those of its shards together.
func ask(t *testing.T, env *testsuite.TestWorkflowEnvironment) Status {
	t.Helper()
	var a runStatus
	value, err := env.QueryWorkflow(QueryStatus)
	if err == nil {
		err = value.Get(&a)
	}
	if err != nil {
		t.Error(err)
		return Status{}
	}
	for _, id := range a.Shards {
		var s shardStatus
		value, err := env.QueryWorkflowByID(id, QueryStatus)
		if err == nil {
			err = value.Get(&s)
		}
		if err != nil {
			t.Errorf("%s: %v", id, err)
		}
		a.Status.Work.add(s.Work)
		a.Status.Counters = a.Status.Counters.Plus(s.Counters)
	}
	return a.Status
}

// outcome runs a job to its end.
func outcome(t *testing.T, env *testsuite.TestWorkflowEnvironment) (Outcome, error) {
	t.Helper()
	env.ExecuteWorkflow(WorkflowRun, testRun())
	if !env.IsWorkflowCompleted() {
		t.Fatal("the run did not end")
	}
	if err := env.GetWorkflowError(); err != nil {
		return Outcome{}, err
	}
	var out Outcome
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

var errStop = fmt.Errorf("bucket of the customer: %w", lease.ErrStop)
