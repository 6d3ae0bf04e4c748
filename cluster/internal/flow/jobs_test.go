package flow

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A lister is an engine that lists executions, two on a page.
type lister struct {
	client.Client

	executions []*workflow.WorkflowExecutionInfo
	err        error
}

func (l *lister) ListWorkflow(_ context.Context, r *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	at := len(r.GetNextPageToken())
	to := min(at+2, len(l.executions))
	page := &workflowservice.ListWorkflowExecutionsResponse{Executions: l.executions[at:to]}
	if to < len(l.executions) {
		page.NextPageToken = make([]byte, to)
	}
	return page, l.err
}

// TestJobs: of a job that was submitted several times, the last time counts.
func TestJobs(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	execution := func(id string, hour int, status enums.WorkflowExecutionStatus) *workflow.WorkflowExecutionInfo {
		start := noon.Add(time.Duration(hour) * time.Hour)
		e := &workflow.WorkflowExecutionInfo{Execution: &common.WorkflowExecution{WorkflowId: id}, Status: status, StartTime: timestamppb.New(start)}
		if status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
			e.CloseTime = timestamppb.New(start.Add(time.Minute))
		}
		return e
	}
	engine := &lister{executions: []*workflow.WorkflowExecutionInfo{
		execution("s3sync/b", 1, enums.WORKFLOW_EXECUTION_STATUS_CANCELED),
		execution("s3sync/a", 2, enums.WORKFLOW_EXECUTION_STATUS_RUNNING),
		execution("s3sync/b", 3, enums.WORKFLOW_EXECUTION_STATUS_COMPLETED),
		execution("s3sync/b", 0, enums.WORKFLOW_EXECUTION_STATUS_TERMINATED),
		execution("other", 4, enums.WORKFLOW_EXECUTION_STATUS_RUNNING),
	}}
	got, err := Jobs(t.Context(), engine)
	want := []JobInfo{
		{Job: "b", State: "completed", Started: noon.Add(3 * time.Hour), Ended: noon.Add(3*time.Hour + time.Minute)},
		{Job: "a", State: "running", Started: noon.Add(2 * time.Hour)},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}

	engine.err = errors.New("no list")
	if _, err := Jobs(t.Context(), engine); !errors.Is(err, engine.err) {
		t.Errorf("%v", err)
	}
	if got, err := Jobs(t.Context(), &lister{}); got == nil || len(got) > 0 || err != nil {
		t.Errorf("%v, %v of no jobs, which is [] in JSON", got, err)
	}
}
