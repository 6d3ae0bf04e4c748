package flow

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"s3sync/cluster/internal/job"
)

const (
	// maxEvents is where a shard continues as new. The engine warns at 10,240 events and
	// ends a workflow at 51,200.
	maxEvents = 4096
	// maxStuck is how many leases in a row may end without having moved on. A range that
	// does so again stops, because it would keep the engine busy forever.
	maxStuck = 3
	// maxLease is the longest time that one attempt of an activity may take. A lease ends
	// sooner, but not before its last object is written, and objects go by one worker. A
	// worker that is gone is found by its silence, long before.
	maxLease = 24 * time.Hour
)

// A piece is a part of the key space that a shard hands out as leases, one after another.
// Run and Share are not set: a lease gets those that hold when it begins.
type piece struct {
	job.Lease

	// Stuck counts leases in a row that did not move on.
	Stuck int `json:"stuck,omitempty"`
}

func piecesOf(leases []job.Lease) []piece {
	pieces := make([]piece, len(leases))
	for i, l := range leases {
		l.Run, l.Share = job.Run{}, job.Limits{}
		pieces[i] = piece{Lease: l}
	}
	return pieces
}

func (p piece) lease(run job.Run, share job.Limits) job.Lease {
	l := p.Lease
	l.Version, l.Run, l.Share = job.Version, run, share
	return l
}

// again returns the piece for its next lease.
func (p piece) again() piece {
	p.Generation++
	return p
}

// tuning is what a run tells its shards while they run. The last one counts.
type tuning struct {
	Window int        `json:"window"`
	Share  job.Limits `json:"share"` // of one lease
	Paused bool       `json:"paused,omitempty"`
}

// shardState is what a shard begins with, and what it carries on when it continues as new.
type shardState struct {
	Version int           `json:"version"`
	Run     job.Run       `json:"run"`
	Silence time.Duration `json:"silence"`
	Pieces  []piece       `json:"pieces"`
	// Ranges that a split makes get the numbers Next, Next+Step, …
	Next int `json:"next"`
	Step int `json:"step"`
	// Most is how many ranges the shard may have.
	Most     int         `json:"most"`
	Tuning   tuning      `json:"tuning"`
	Throttle throttle    `json:"throttle"`
	Result   shardResult `json:"result"`
	Workers  []Worker    `json:"workers,omitempty"`
}

// shardResult is what a shard did.
type shardResult struct {
	// Done are the ranges of which nothing is left, and Rest those that were stopped.
	Done     []accepted   `json:"done,omitempty"`
	Rest     []piece      `json:"rest,omitempty"`
	Stopped  []string     `json:"stopped,omitempty"`
	Counters job.Counters `json:"counters"`
	Leases   int64        `json:"leases"`
	Splits   int64        `json:"splits,omitempty"`
	Next     int          `json:"next"`
}

// accepted is the checkpoint of the last lease of a range.
type accepted struct {
	Range      int     `json:"range"`
	Checkpoint job.Ref `json:"checkpoint"`
}

// shardStatus answers the query of a shard.
type shardStatus struct {
	Work     Work         `json:"work"`
	Counters job.Counters `json:"counters"`
	Workers  []Worker     `json:"workers,omitempty"`
}

// shard is the state of ShardV1.
type shard struct {
	shardState
	flight   int
	stopping bool // no lease begins any more
	alarm    bool // a timer runs
}

// ShardV1 hands out the pieces of neighbouring keys as leases, as many at once as its window
// allows. A lease that ends before its piece is followed by another one; if slots are idle,
// by two. It ends when nothing is left, or when no other attempt would help.
func ShardV1(ctx workflow.Context, in shardState) (shardResult, error) {
	s := &shard{shardState: in}
	s.Result.Next = s.Next
	if err := workflow.SetQueryHandler(ctx, QueryStatus, s.status); err != nil {
		return shardResult{}, err
	}
	wake := workflow.NewSelector(ctx)
	tune := workflow.GetSignalChannel(ctx, signalTune)
	wake.AddReceive(tune, func(c workflow.ReceiveChannel, _ bool) { s.tune(ctx, c) })
	wake.AddReceive(cancelled(ctx), func(c workflow.ReceiveChannel, _ bool) {
		c.Receive(ctx, nil)
		s.stopping = true
	})
	for {
		info := workflow.GetInfo(ctx)
		renew := info.GetCurrentHistoryLength() >= maxEvents || info.GetContinueAsNewSuggested()
		if !renew {
			s.issue(ctx, wake)
		}
		ending := s.flight == 0 && (s.stopping || len(s.Pieces) == 0)
		for (ending || s.flight == 0 && renew) && tune.Len() > 0 { // what nobody took in is a warning in the log
			s.tune(ctx, tune)
		}
		switch {
		case s.flight > 0:
		case ending:
			s.Result.Rest = s.Pieces
			return s.Result, nil
		case renew:
			return shardResult{}, workflow.NewContinueAsNewError(ctx, WorkflowShard, s.shardState)
		}
		wake.Select(ctx)
	}
}

// cancelled returns a channel that gets one value when ctx is cancelled. The channel of ctx
// itself would wake a selector for ever.
func cancelled(ctx workflow.Context) workflow.ReceiveChannel {
	once := workflow.NewBufferedChannel(ctx, 1)
	workflow.Go(ctx, func(ctx workflow.Context) {
		ctx.Done().Receive(ctx, nil)
		once.SendAsync(nil)
	})
	return once
}

func (s *shard) tune(ctx workflow.Context, c workflow.ReceiveChannel) {
	var t tuning // a new one: what the JSON leaves out is zero
	c.Receive(ctx, &t)
	s.Tuning = t
	s.Throttle.Window = t.Window
}

// issue begins leases while slots are idle.
func (s *shard) issue(ctx workflow.Context, wake workflow.Selector) {
	s.Throttle.grow(workflow.Now(ctx))
	if s.stopping || s.Tuning.Paused {
		return
	}
	for s.flight < s.Throttle.slots() && len(s.Pieces) > 0 {
		p := s.Pieces[0]
		s.Pieces = s.Pieces[1:]
		s.flight++
		f := workflow.ExecuteActivity(withActivity(ctx, s.Silence), activityOf(p.Phase), p.lease(s.Run, s.Tuning.Share))
		wake.AddFuture(f, func(f workflow.Future) {
			var r job.Result
			err := f.Get(ctx, &r)
			s.flight--
			s.ended(ctx, p, r, err)
		})
	}
	s.setAlarm(ctx, wake)
}

// setAlarm wakes the shard when a throttled window has one more slot.
func (s *shard) setAlarm(ctx workflow.Context, wake workflow.Selector) {
	d := s.Throttle.next(workflow.Now(ctx))
	if d == 0 || len(s.Pieces) == 0 || s.alarm {
		return
	}
	s.alarm = true
	wake.AddFuture(workflow.NewTimer(ctx, d), func(workflow.Future) { s.alarm = false })
}

// ended takes in what came of a lease.
func (s *shard) ended(ctx workflow.Context, p piece, r job.Result, err error) {
	if err != nil {
		s.Pieces = append(s.Pieces, p.again())
		s.stopping = true
		if !temporal.IsCanceledError(err) {
			s.Result.Stopped = appendNew(s.Result.Stopped, reason(err))
		}
		return
	}
	s.Result.Leases++
	s.Result.Counters = s.Result.Counters.Plus(r.Counters)
	s.Throttle.seen(r.Throttled, workflow.Now(ctx))
	s.worker(r)
	if r.Done {
		s.Result.Done = append(s.Result.Done, accepted{p.Range, r.Checkpoint})
		return
	}
	next := p.again()
	next.Previous, next.Stuck = r.Checkpoint, 0
	if r.Cursor > p.Keys.From {
		next.Keys.From = r.Cursor
	} else if next.Stuck = p.Stuck + 1; next.Stuck > maxStuck {
		s.stopping = true
		s.Result.Stopped = appendNew(s.Result.Stopped, fmt.Sprintf("range %d does not move on: look into the log of worker %q", p.Range, r.Worker))
	}
	s.Pieces = append(s.Pieces, s.split(next, r.Split)...)
}

// split cuts the rest of a range at a key in two if there are idle slots for both.
func (s *shard) split(p piece, at job.Key) []piece {
	idle := s.Throttle.slots() - s.flight - len(s.Pieces)
	inside := at > p.Keys.From && (p.Keys.To == "" || at < p.Keys.To)
	if p.Phase != job.PhaseCopy || idle < 2 || !inside || s.ranges() >= s.Most {
		return []piece{p}
	}
	second := piece{Lease: job.Lease{Phase: p.Phase, Range: s.Next, Keys: job.Keys{From: at, To: p.Keys.To}, Generation: 1}}
	p.Keys.To = at
	s.Next += s.Step
	s.Result.Next = s.Next
	s.Result.Splits++
	return []piece{p, second}
}

// ranges returns how many ranges the shard has and had.
func (s *shard) ranges() int { return len(s.Result.Done) + len(s.Pieces) + s.flight }

// worker keeps what the last lease of a worker tells.
func (s *shard) worker(r job.Result) {
	w := Worker{Name: r.Worker, KeysPerSecond: r.KeysPerSecond, Throttled: r.Throttled}
	for i := range s.Workers {
		if s.Workers[i].Name == r.Worker {
			s.Workers[i] = w
			return
		}
	}
	s.Workers = append(s.Workers, w)
}

func (s *shard) status() (shardStatus, error) {
	return shardStatus{
		Work: Work{
			Ranges: s.ranges(), Done: len(s.Result.Done), InFlight: s.flight, Window: s.Throttle.slots(),
			Leases: s.Result.Leases, Splits: s.Result.Splits, Stopped: s.Result.Stopped,
		},
		Counters: s.Result.Counters, Workers: s.Workers,
	}, nil
}

// withActivity sets how activities run: any number of attempts, until one says that no other
// one would help. A worker that was not heard of for silence has lost its lease.
func withActivity(ctx workflow.Context, silence time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: maxLease, HeartbeatTimeout: silence, WaitForCancellation: true,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 2 * time.Minute},
	})
}

func activityOf(p job.Phase) string {
	switch p {
	case job.PhaseParts:
		return ActivityParts
	case job.PhaseSweep:
		return ActivitySweep
	case job.PhaseDelete:
		return ActivityDelete
	case job.PhaseCopy:
	}
	return ActivityCopy
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
