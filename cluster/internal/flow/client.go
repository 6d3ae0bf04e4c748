package flow

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"s3sync/cluster/internal/job"
)

// memoSpec is the name under which the engine keeps the digest of a job's Spec.
const memoSpec = "spec"

// Errors of Submit and of whatever names a job.
var (
	// ErrOtherSpec: a job of this name has another Spec, or another state store.
	ErrOtherSpec = errors.New("a job of this name does something else")
	// ErrFinished: the job was completed.
	ErrFinished = errors.New("the job was completed")
	// ErrNoJob: no job has this name.
	ErrNoJob = errors.New("there is no such job")
)

// Submit starts a job whose Spec is in the state store. If it runs, Submit attaches to it; if
// it was cancelled or failed, it goes on. Again also starts one that was completed.
//
// A job of the same name with another Spec is ErrOtherSpec, and nothing is started.
func Submit(ctx context.Context, c client.Client, queue string, run job.Run, again bool) error {
	reuse := enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY
	if again {
		reuse = enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
	}
	mark := run.Store.URL + " " + run.Spec.SHA256
	_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: WorkflowID(run.Job), TaskQueue: queue,
		WorkflowIDReusePolicy: reuse, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo:                                     map[string]any{memoSpec: mark},
	}, WorkflowRun, run)
	if started := new(serviceerror.WorkflowExecutionAlreadyStarted); errors.As(err, &started) {
		return fmt.Errorf("job %q: %w: nothing is left to do. To compare both sides anew, start it again", run.Job, ErrFinished)
	}
	if err != nil {
		return fmt.Errorf("job %q: the engine did not start it: %w", run.Job, err)
	}
	got, err := c.DescribeWorkflow(ctx, WorkflowID(run.Job), "")
	if err != nil {
		return fmt.Errorf("job %q: the engine does not know what it started: %w", run.Job, err)
	}
	var have string
	if p := got.RawResponse.GetWorkflowExecutionInfo().GetMemo().GetFields()[memoSpec]; p != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(p, &have); err != nil {
			return fmt.Errorf("job %q: its memo is unreadable: %w", run.Job, err)
		}
	}
	if have != mark {
		return fmt.Errorf("job %q: %w. Use another name, or cancel that one first", run.Job, ErrOtherSpec)
	}
	return nil
}

// Wait returns how a job ended, when it ends.
func Wait(ctx context.Context, c client.Client, name string) (out Outcome, err error) {
	return out, named(name, c.GetWorkflow(ctx, WorkflowID(name), "").Get(ctx, &out))
}

// Decide answers a job that waits for a decision.
func Decide(ctx context.Context, c client.Client, name string, d Decision) error {
	return signal(ctx, c, name, SignalDecide, d)
}

// Pause lets no lease begin until Resume. Leases in flight end by themselves.
func Pause(ctx context.Context, c client.Client, name string) error {
	return signal(ctx, c, name, SignalPause, nil)
}

// Resume ends a Pause.
func Resume(ctx context.Context, c client.Client, name string) error {
	return signal(ctx, c, name, SignalResume, nil)
}

// SetLimits changes the limits of a job. Leases that begin from now on keep them, so they
// hold for all workers together once the leases in flight have ended.
func SetLimits(ctx context.Context, c client.Client, name string, limits job.Limits) error {
	return signal(ctx, c, name, SignalLimits, limits)
}

// Cancel ends a job. Its leases end behind a checkpoint, then its report is written. It may
// be submitted again, and goes on there.
func Cancel(ctx context.Context, c client.Client, name string) error {
	return named(name, c.CancelWorkflow(ctx, WorkflowID(name), ""))
}

func signal(ctx context.Context, c client.Client, name, signal string, value any) error {
	return named(name, c.SignalWorkflow(ctx, WorkflowID(name), "", signal, value))
}

// named says which job an error of the engine is about.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	if missing := new(serviceerror.NotFound); errors.As(err, &missing) {
		return fmt.Errorf("job %q: %w, or it has ended", name, ErrNoJob)
	}
	return fmt.Errorf("job %q: %w", name, err)
}
