package flow

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// A JobInfo is what the engine alone knows of a job.
type JobInfo struct {
	Job string `json:"job"`
	// State is that of Status.
	State string `json:"state"`
	// Started is when it was submitted last. Ended is zero while it runs.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
}

// Jobs returns the jobs of the namespace, those that were submitted last first. The engine
// forgets a job some time after its end: the retention of the namespace. It knows a new one
// after a moment. No worker is needed.
func Jobs(ctx context.Context, c client.Client) ([]JobInfo, error) {
	newest := make(map[string]JobInfo)
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: fmt.Sprintf("WorkflowType = '%s'", WorkflowRun)}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("the engine does not list its jobs: %w", err)
		}
		for _, e := range page.GetExecutions() {
			name, ok := strings.CutPrefix(e.GetExecution().GetWorkflowId(), WorkflowID(""))
			if !ok {
				continue // the workflow of somebody else
			}
			j := JobInfo{Job: name, State: stateName(e.GetStatus()), Started: e.GetStartTime().AsTime()}
			if e.GetCloseTime() != nil {
				j.Ended = e.GetCloseTime().AsTime()
			}
			// A job that was submitted again has several executions.
			if have, known := newest[name]; !known || have.Started.Before(j.Started) {
				newest[name] = j
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.NextPageToken) == 0 {
			break
		}
	}
	jobs := make([]JobInfo, 0, len(newest))
	for _, j := range newest {
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b JobInfo) int { return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.Job, b.Job)) })
	return jobs, nil
}
