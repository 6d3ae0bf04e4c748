package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
)

// WorkerOptions say how a worker works.
type WorkerOptions struct {
	Queue string
	Name  string // unique among the workers
	// Leases is how many leases the worker has at once, at least 1.
	Leases int
	// Connect resolves the name of a connection.
	Connect func(name string) (s3sync.Endpoint, error)
	// Logger gets what workers and leases say. Only it is told the whole text of failures.
	Logger *slog.Logger
	// Drain is how long Stop waits for the leases in flight.
	Drain time.Duration
}

// NewWorker returns a worker that carries out leases of all jobs of a queue. The caller
// starts and stops it.
func NewWorker(c client.Client, opts WorkerOptions) worker.Worker {
	w := worker.New(c, opts.Queue, worker.Options{
		Identity: opts.Name, MaxConcurrentActivityExecutionSize: max(opts.Leases, 1),
		WorkerStopTimeout: opts.Drain, DisableRegistrationAliasing: true,
	})
	register(w, &activities{env: lease.Env{Connect: opts.Connect, Worker: opts.Name, Logger: opts.Logger}})
	return w
}

// Logger returns a logger for the client, so that what the SDK says goes where all goes.
func Logger(l *slog.Logger) sdklog.Logger { //nolint:forbidigo // the SDK has a type of its own
	return sdklog.NewStructuredLogger(l) //nolint:forbidigo // it writes to l
}

// registry is what a worker and the tools of the tests have in common.
type registry interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
	RegisterActivityWithOptions(a any, options activity.RegisterOptions)
}

func register(r registry, a *activities) {
	registerWorkflows(r)
	for name, f := range map[string]any{
		ActivityPreflight: a.preflight, ActivitySplit: a.split, ActivityCopy: a.copy, ActivityParts: a.parts, ActivitySweep: a.sweep,
		ActivityDelete: a.delete, ActivityReduce: a.reduce, ActivityReport: a.report,
	} {
		r.RegisterActivityWithOptions(f, activity.RegisterOptions{Name: name})
	}
}

func registerWorkflows(r interface {
	RegisterWorkflowWithOptions(w any, options workflow.RegisterOptions)
},
) {
	r.RegisterWorkflowWithOptions(SyncRunV1, workflow.RegisterOptions{Name: WorkflowRun})
	r.RegisterWorkflowWithOptions(ShardV1, workflow.RegisterOptions{Name: WorkflowShard})
}

// activities calls package lease, and nothing more: heartbeats go out while it works, and
// its failures reach the engine in words that hold no secret.
type activities struct{ env lease.Env }

func (a *activities) preflight(ctx context.Context, run job.Run) (job.Preflight, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Preflight, error) { return lease.Preflight(ctx, env, run) })
}

func (a *activities) split(ctx context.Context, run job.Run) ([]job.Lease, error) {
	return carry(ctx, a.env, func(env lease.Env) ([]job.Lease, error) { return lease.Split(ctx, env, run) })
}

func (a *activities) copy(ctx context.Context, l job.Lease) (job.Result, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Result, error) { return lease.Copy(ctx, env, l, attempt(ctx)) })
}

func (a *activities) parts(ctx context.Context, l job.Lease) (job.Result, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Result, error) { return lease.Parts(ctx, env, l, attempt(ctx)) })
}

func (a *activities) sweep(ctx context.Context, l job.Lease) (job.Result, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Result, error) { return lease.Sweep(ctx, env, l, attempt(ctx)) })
}

func (a *activities) delete(ctx context.Context, l job.Lease) (job.Result, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Result, error) { return lease.Delete(ctx, env, l, attempt(ctx)) })
}

func (a *activities) reduce(ctx context.Context, run job.Run, results []job.Ref) (job.Verdict, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Verdict, error) { return lease.Reduce(ctx, env, run, results) })
}

func (a *activities) report(ctx context.Context, run job.Run, results []job.Ref) (job.Ref, error) {
	return carry(ctx, a.env, func(env lease.Env) (job.Ref, error) { return lease.Report(ctx, env, run, results) })
}

func attempt(ctx context.Context) int { return int(activity.GetInfo(ctx).Attempt) }

// carry calls a function of package lease. While it works the engine hears that the worker
// is alive: whether it also moves on, the lease itself watches over.
func carry[T any](ctx context.Context, env lease.Env, call func(env lease.Env) (T, error)) (T, error) {
	info := activity.GetInfo(ctx)
	var last lastProgress
	env.Stop = activity.GetWorkerStopChannel(ctx)
	env.Beat = func(p job.Progress) {
		last.set(p)
		activity.RecordHeartbeat(ctx, p)
	}
	stop := every(info.HeartbeatTimeout/5, func() { activity.RecordHeartbeat(ctx, last.get()) })
	result, err := call(env)
	stop()
	if err == nil {
		return result, nil
	}
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	if env.Logger != nil {
		env.Logger.LogAttrs(ctx, slog.LevelWarn, "An attempt failed.", slog.String("activity", info.ActivityType.Name),
			slog.Int("attempt", int(info.Attempt)), slog.String("job", info.WorkflowExecution.ID), slog.Any("error", err))
	}
	return result, redact(err)
}

// lastProgress may be used by several goroutines.
type lastProgress struct {
	mu sync.Mutex
	p  job.Progress
}

func (l *lastProgress) set(p job.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.p = p
}

func (l *lastProgress) get() job.Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.p
}

// every calls f again and again until the returned function was called, which waits for the
// last call to end. It does nothing if d is 0.
func every(d time.Duration, f func()) (stop func()) {
	if d <= 0 {
		return func() {}
	}
	ending, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(d)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				f()
			case <-ending:
				return
			}
		}
	}()
	return func() {
		close(ending)
		<-ended
	}
}
