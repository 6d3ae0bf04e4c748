package flow

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"s3sync/cluster/internal/job"
)

const (
	// sweepRounds is how often what failed is tried again before somebody is asked. The
	// first round waits for sweepDelay, each later one sweepFactor times as long: what
	// failed in an outage of minutes succeeds in the last one.
	sweepRounds = 3
	sweepDelay  = 10 * time.Second
	sweepFactor = 6
	// firstSilence is the silence until the Spec says another one.
	firstSilence = 5 * time.Minute
	// shardTaken is how long a run waits for the shard of an earlier run to end.
	shardTaken = 10 * time.Second
	// lastWords is how long the report of a cancelled job may take, workers that are gone
	// included.
	lastWords = 10 * time.Minute
)

// run is the state of SyncRunV1.
type run struct {
	job.Run

	pre     job.Preflight
	status  Status
	limits  job.Limits
	next    int // number of the next range that a split makes
	pass    int // counts calls of pieces
	live    []*liveShard
	results map[int]job.Ref // by range, the checkpoint of its last accepted lease
	tune    workflow.Channel
}

type liveShard struct {
	id     string
	future workflow.ChildWorkflowFuture
	told   tuning
}

// runStatus answers the query of a run.
type runStatus struct {
	Status Status   `json:"status"`
	Shards []string `json:"shards,omitempty"` // workflows that know the rest
}

// errAborted ends a job that somebody decided to end.
var errAborted = temporal.NewNonRetryableApplicationError("aborted by a decision", "aborted", nil)

// SyncRunV1 does a job: it splits the keys into ranges, lets shards copy them, tries again
// what failed, and deletes when the results of all ranges permit it. Whatever needs a
// person waits for a Decision.
func SyncRunV1(ctx workflow.Context, in job.Run) (out Outcome, err error) {
	r := &run{Run: in, results: make(map[int]job.Ref), tune: workflow.NewBufferedChannel(ctx, 1)}
	r.status = Status{Version: job.Version, Job: in.Job, Epoch: in.Epoch, Started: workflow.GetInfo(ctx).WorkflowStartTime, Phase: PhasePreflight}
	r.pre.Leases.Silence = firstSilence
	if err := workflow.SetQueryHandler(ctx, QueryStatus, r.answer); err != nil {
		return Outcome{}, err
	}
	r.listen(ctx)
	err = r.sync(ctx)
	if err != nil && !temporal.IsCanceledError(err) && err != errAborted { //nolint:errorlint // our own value, which nobody wraps
		return Outcome{}, err
	}
	r.enter(PhaseReport)
	reportCtx := withActivity(ctx, r.pre.Leases.Silence)
	if err != nil {
		last, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		opts := workflow.GetActivityOptions(reportCtx)
		opts.ScheduleToCloseTimeout = lastWords
		reportCtx = workflow.WithActivityOptions(last, opts)
	}
	out = Outcome{Version: job.Version, Counters: r.status.Counters, Aborted: err == errAborted} //nolint:errorlint // as above
	reported := workflow.ExecuteActivity(reportCtx, ActivityReport, r.Run, r.refs()).Get(reportCtx, &out.Report)
	if reported == nil {
		r.status.Report = &out.Report
	}
	r.enter(PhaseDone)
	if out.Aborted {
		err = nil
	}
	return out, cmp.Or(err, reported)
}

// sync is all but the report.
func (r *run) sync(ctx workflow.Context) error {
	if err := r.call(ctx, ActivityPreflight, &r.pre, r.Run); err != nil {
		return err
	}
	if r.limits == (job.Limits{}) { // nobody changed them meanwhile
		r.limits = r.pre.Limits
	}
	r.enter(PhaseSplit)
	var leases []job.Lease
	if err := r.call(ctx, ActivitySplit, &leases, r.Run); err != nil {
		return err
	}
	r.enter(PhaseCopy)
	if err := r.leases(ctx, piecesOf(leases)); err != nil {
		return err
	}
	verdict, approved, err := r.verdict(ctx)
	if err != nil {
		return err
	}
	for i := range verdict.Deletes {
		verdict.Deletes[i].Approved = approved
	}
	r.enter(PhaseDelete)
	return r.leases(ctx, piecesOf(verdict.Deletes))
}

// verdict judges all results together, until one permits to go on or somebody decides so.
func (r *run) verdict(ctx workflow.Context) (v job.Verdict, approved bool, err error) {
	delay := cmp.Or(r.pre.Leases.SweepDelay, sweepDelay)
	for round := 1; ; round++ {
		r.enter(PhaseReduce)
		v = job.Verdict{}
		if err := r.call(ctx, ActivityReduce, &v, r.Run, r.refs()); err != nil {
			return v, false, err
		}
		r.status.Counters = v.Counters
		if len(v.Parts) > 0 {
			r.enter(PhaseParts)
			if err := r.leases(ctx, piecesOf(v.Parts)); err != nil {
				return v, false, err
			}
		}
		if len(v.Failed) > 0 && round <= sweepRounds {
			r.enter(PhaseSweep)
			r.status.Round = round
			if err := workflow.Sleep(ctx, delay); err != nil {
				return v, false, err
			}
			delay *= sweepFactor
		} else {
			w := r.question(v)
			if w == nil {
				return v, false, nil
			}
			choice, err := r.decide(ctx, *w)
			if err != nil || choice == Approve {
				return v, true, err
			}
			r.enter(PhaseSweep)
		}
		for i := range v.Failed {
			v.Failed[i].Round = round
		}
		if err := r.leases(ctx, piecesOf(v.Failed)); err != nil {
			return v, false, err
		}
	}
}

// question returns what has to be decided about a verdict, or nil.
func (r *run) question(v job.Verdict) *Waiting {
	w := Waiting{Reasons: v.Wait, Choices: []Choice{Abort}, Verdict: v.Totals.SHA256}
	if len(v.Wait) == 0 {
		if !r.pre.Approve || len(v.Deletes) == 0 {
			return nil
		}
		w.Reasons = []string{fmt.Sprintf("the job wants an approval before it deletes objects of %d ranges", len(v.Deletes))}
	}
	if len(v.Failed) > 0 {
		w.Choices = append(w.Choices, Retry)
	}
	if !v.Refused {
		w.Choices = append(w.Choices, Approve)
	}
	return &w
}

// call runs an activity. If no other attempt helps, somebody decides about another one.
func (r *run) call(ctx workflow.Context, activity string, result any, args ...any) error {
	for {
		err := workflow.ExecuteActivity(withActivity(ctx, r.pre.Leases.Silence), activity, args...).Get(ctx, result)
		if err == nil || ctx.Err() != nil || temporal.IsCanceledError(err) {
			return err
		}
		if _, err := r.decide(ctx, Waiting{Reasons: []string{reason(err)}, Choices: []Choice{Retry, Abort}}); err != nil {
			return err
		}
	}
}

// decide waits for a decision that fits. Abort is errAborted.
func (r *run) decide(ctx workflow.Context, w Waiting) (Choice, error) {
	phase := r.status.Phase
	r.enter(PhaseDeciding)
	r.status.Waiting = &w
	defer func() {
		r.status.Waiting = nil
		r.enter(phase)
	}()
	decisions := workflow.GetSignalChannel(ctx, SignalDecide)
	for early := (Decision{}); decisions.ReceiveAsync(&early); {
		early = Decision{} // nobody had asked
	}
	for {
		var d Decision
		wake := workflow.NewSelector(ctx)
		wake.AddReceive(decisions, func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, &d) })
		wake.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		wake.Select(ctx)
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case !slices.Contains(w.Choices, d.Choice), d.Verdict != w.Verdict && (d.Choice == Approve || d.Verdict != ""):
			continue
		case d.Choice == Abort:
			return "", errAborted
		default:
			return d.Choice, nil
		}
	}
}

// leases lets shards hand out pieces until nothing of them is left. If no other attempt
// helps, somebody decides about another one.
func (r *run) leases(ctx workflow.Context, pieces []piece) error {
	for len(pieces) > 0 {
		rest, stopped := r.pieces(ctx, pieces)
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(rest) > 0 {
			if _, err := r.decide(ctx, Waiting{Reasons: stopped, Choices: []Choice{Retry, Abort}}); err != nil {
				return err
			}
		}
		pieces = rest
	}
	return nil
}

// pieces lets shards hand out pieces, and returns what is left because it was stopped.
func (r *run) pieces(ctx workflow.Context, pieces []piece) (rest []piece, stopped []string) {
	r.pass++
	for _, p := range pieces {
		r.next = max(r.next, p.Range+1)
	}
	parts := deal(pieces, min(maxShards, inFlight(r.limits)))
	before := r.status.Work
	r.status.Work = Work{Leases: before.Leases, Splits: before.Splits}
	windows := allot(inFlight(r.limits), len(parts))
	first := r.next
	wake := workflow.NewSelector(ctx)
	for i, part := range parts {
		t := r.tuning(windows[i])
		s := &liveShard{told: t, id: fmt.Sprintf("%s/%d-%d", WorkflowID(r.Job), r.pass, i)}
		r.live = append(r.live, s)
		state := shardState{
			Version: job.Version, Run: r.Run, Silence: r.pre.Leases.Silence, Pieces: part,
			Next: first + i, Step: len(parts), Most: max(len(part), maxRanges/len(parts)), Tuning: t, Throttle: newThrottle(t.Window),
		}
		r.start(ctx, wake, s, state, func(got shardResult) {
			rest = append(rest, got.Rest...)
			for _, reason := range got.Stopped {
				stopped = appendNew(stopped, reason)
			}
			r.take(got)
		})
	}
	for len(r.live) > 0 {
		wake.Select(ctx)
		r.retune(ctx)
	}
	slices.SortFunc(rest, func(a, b piece) int { return cmp.Compare(a.Keys.From, b.Keys.From) })
	return rest, stopped
}

// start starts a shard. If that of an earlier run of the job is still ending, it waits.
func (r *run) start(ctx workflow.Context, wake workflow.Selector, s *liveShard, state shardState, ended func(shardResult)) {
	done := func(got shardResult) {
		r.live = slices.DeleteFunc(r.live, func(l *liveShard) bool { return l == s })
		ended(got)
	}
	child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: s.id, WaitForCancellation: true, ParentClosePolicy: parentCloseCancel})
	s.future = workflow.ExecuteChildWorkflow(child, WorkflowShard, state)
	wake.AddFuture(s.future, func(f workflow.Future) {
		var got shardResult
		err := f.Get(ctx, &got)
		switch {
		case err == nil:
			done(got)
		case ctx.Err() != nil: // it never began, or was cancelled before its first step
			done(shardResult{Rest: state.Pieces})
		case temporal.IsWorkflowExecutionAlreadyStartedError(err):
			wake.AddFuture(workflow.NewTimer(ctx, shardTaken), func(workflow.Future) { r.start(ctx, wake, s, state, ended) })
		default: // somebody ended it, so nobody knows how far it was: its pieces again
			done(shardResult{Rest: state.Pieces, Stopped: []string{"a shard ended: " + reason(err)}})
		}
	})
}

// take takes in what a shard did.
func (r *run) take(got shardResult) {
	for _, d := range got.Done {
		r.results[d.Range] = d.Checkpoint
	}
	for _, p := range got.Rest {
		if p.Previous != (job.Ref{}) {
			r.results[p.Range] = p.Previous
		}
	}
	r.next = max(r.next, got.Next)
	r.status.Counters = r.status.Counters.Plus(got.Counters)
	r.status.Work.add(Work{
		Ranges: len(got.Done) + len(got.Rest), Done: len(got.Done), Leases: got.Leases, Splits: got.Splits, Stopped: got.Stopped,
	})
}

// refs returns the checkpoints of all ranges, in order of their numbers.
func (r *run) refs() (refs []job.Ref) {
	for _, n := range slices.Sorted(maps.Keys(r.results)) {
		refs = append(refs, r.results[n])
	}
	return refs
}

func (r *run) enter(p Phase) {
	r.status.Phase = p
	r.status.Round = 0
}

func (r *run) answer() (runStatus, error) {
	a := runStatus{Status: r.status}
	a.Status.Limits = r.limits
	for _, s := range r.live {
		a.Shards = append(a.Shards, s.id)
	}
	return a, nil
}
