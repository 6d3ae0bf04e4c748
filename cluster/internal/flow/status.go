package flow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"s3sync/cluster/internal/job"
)

// ReadStatus returns what is known of a job: from its workflows, and from the heartbeats of
// the leases in flight. It needs a worker that runs, because workers answer for workflows.
func ReadStatus(ctx context.Context, c client.Client, name string) (Status, error) {
	id := WorkflowID(name)
	described, err := c.DescribeWorkflow(ctx, id, "")
	if err != nil {
		return Status{}, named(name, err)
	}
	var answer runStatus
	if err := query(ctx, c, id, &answer); err != nil {
		return Status{}, fmt.Errorf("job %q: no worker answered for it: %w", name, err)
	}
	s := answer.Status
	s.State = stateName(described.RawResponse.GetWorkflowExecutionInfo().GetStatus())
	workers := make(map[string]*Worker)
	for _, id := range answer.Shards {
		var shard shardStatus
		if err := query(ctx, c, id, &shard); err != nil {
			continue // it has just ended, or has not begun
		}
		s.Work.add(shard.Work)
		s.Counters = s.Counters.Plus(shard.Counters)
		for _, w := range shard.Workers {
			workerOf(workers, w.Name).last(w)
		}
		described, err := c.DescribeWorkflow(ctx, id, "")
		if err != nil {
			continue
		}
		for _, p := range described.RawResponse.GetPendingActivities() {
			s.Counters = s.Counters.Plus(workerOf(workers, p.GetLastWorkerIdentity()).pending(p))
		}
	}
	s.Work.Window = min(s.Work.Window, inFlight(s.Limits)) // shards answer one after another, and slots move between them
	for _, w := range workers {
		if w.Name != "" {
			s.Workers = append(s.Workers, *w)
		}
	}
	slices.SortFunc(s.Workers, func(a, b Worker) int { return cmp.Compare(a.Name, b.Name) })
	return s, nil
}

func query(ctx context.Context, c client.Client, id string, result any) error {
	value, err := c.QueryWorkflow(ctx, id, "", QueryStatus)
	if err != nil {
		return err
	}
	return value.Get(result)
}

func workerOf(workers map[string]*Worker, name string) *Worker {
	w := workers[name]
	if w == nil {
		w = &Worker{Name: name}
		workers[name] = w
	}
	return w
}

// last takes in what another shard knows of the same worker.
func (w *Worker) last(o Worker) {
	w.KeysPerSecond = max(w.KeysPerSecond, o.KeysPerSecond)
	w.Throttled = max(w.Throttled, o.Throttled)
}

// pending takes in a lease in flight, and returns how far it is.
func (w *Worker) pending(p *workflow.PendingActivityInfo) (counters job.Counters) {
	if p.GetState() == enums.PENDING_ACTIVITY_STATE_STARTED {
		w.Leases++
	}
	if p.GetAttempt() > 1 {
		w.Retried++
		w.Failure = p.GetLastFailure().GetMessage()
	}
	var progress job.Progress
	if err := converter.GetDefaultDataConverter().FromPayloads(p.GetHeartbeatDetails(), &progress); err != nil {
		return job.Counters{}
	}
	return progress.Counters
}

// stateName returns the engine's word for a state, in lower case.
func stateName(s enums.WorkflowExecutionStatus) string {
	return strings.ToLower(s.String())
}
