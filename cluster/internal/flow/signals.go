package flow

import (
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"s3sync/cluster/internal/job"
)

// A run that ends lets its shards end, so that no lease of it outlives it for long.
const parentCloseCancel = enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL

// listen takes in the signals that may come at any time.
func (r *run) listen(ctx workflow.Context) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		wake := workflow.NewSelector(ctx)
		wake.AddReceive(workflow.GetSignalChannel(ctx, SignalPause), func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			r.status.Paused = true
		})
		wake.AddReceive(workflow.GetSignalChannel(ctx, SignalResume), func(c workflow.ReceiveChannel, _ bool) {
			c.Receive(ctx, nil)
			r.status.Paused = false
		})
		wake.AddReceive(workflow.GetSignalChannel(ctx, SignalLimits), func(c workflow.ReceiveChannel, _ bool) {
			var limits job.Limits
			c.Receive(ctx, &limits)
			if limits.Requests >= 0 && limits.Bytes >= 0 && limits.InFlight >= 1 {
				r.limits = limits
			}
		})
		for {
			wake.Select(ctx)
			r.retune(ctx)
		}
	})
}

func (r *run) tuning(window int) tuning {
	return tuning{Window: window, Share: share(r.limits), Paused: r.status.Paused}
}

// retune tells the shards that run what changed for them. The slots of those that ended go
// to the others.
func (r *run) retune(ctx workflow.Context) {
	if len(r.live) == 0 {
		return
	}
	windows := allot(inFlight(r.limits), len(r.live))
	for i, s := range r.live {
		t := r.tuning(windows[i])
		if t == s.told || s.future == nil {
			continue
		}
		s.told = t
		// A shard that ended meanwhile needs to know nothing.
		s.future.SignalChildWorkflow(ctx, signalTune, t)
	}
}
