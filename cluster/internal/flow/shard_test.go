package flow

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"s3sync/cluster/internal/job"
)

func (w *world) shard(window int) shardState {
	t := tuning{Window: window, Share: share(job.Limits{InFlight: window})}
	return shardState{
		Version: job.Version, Run: testRun(), Silence: time.Minute, Pieces: piecesOf(w.split()),
		Next: 100, Step: 10, Most: 50, Tuning: t, Throttle: newThrottle(window),
	}
}

func shardOutcome(t *testing.T, env *testsuite.TestWorkflowEnvironment, in shardState) (got shardResult) {
	t.Helper()
	env.ExecuteWorkflow(WorkflowShard, in)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := env.GetWorkflowResult(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func shardNow(t *testing.T, env *testsuite.TestWorkflowEnvironment) (s shardStatus) {
	t.Helper()
	value, err := env.QueryWorkflow(QueryStatus)
	if err == nil {
		err = value.Get(&s)
	}
	if err != nil {
		t.Error(err)
	}
	return s
}

// TestContinueAsNew: a shard whose history is long waits for its leases and goes on in a new
// one. What all of its runs did together is what one would have done.
func TestContinueAsNew(t *testing.T) {
	w := newWorld()
	state := w.shard(w.ranges) // a run has one lease of each range, whichever ends first
	runs := 0
	for ; ; runs++ {
		env := w.env(t)
		if runs%2 == 0 {
			env.RegisterDelayedCallback(func() { env.SetCurrentHistoryLength(maxEvents) }, 30*time.Second)
		} else {
			env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 30*time.Second)
		}
		env.ExecuteWorkflow(WorkflowShard, state)
		err := env.GetWorkflowError()
		if err == nil {
			var got shardResult
			if err := env.GetWorkflowResult(&got); err != nil {
				t.Fatal(err)
			}
			if len(got.Done) != 4 || len(got.Rest) > 0 || got.Leases != 12 || got.Counters.Listed != 1000 {
				t.Errorf("%+v", got)
			}
			break
		}
		renew, ok := errors.AsType[*workflow.ContinueAsNewError](err)
		if !ok {
			t.Fatal(err)
		}
		state = shardState{}
		if err := converter.GetDefaultDataConverter().FromPayloads(renew.Input, &state); err != nil {
			t.Fatal(err)
		}
		if runs > 10 {
			t.Fatal("it does not end")
		}
	}
	if runs != 2 { // a range takes three leases
		t.Errorf("%d runs", runs)
	}
	if leases := w.of(job.PhaseCopy); len(leases) != 12 {
		t.Errorf("%d leases", len(leases))
	}
}

// TestThrottle: a shard that servers throttle has half of its leases in flight, and gets them
// back a slot at a time.
func TestThrottle(t *testing.T) {
	w := newWorld()
	w.keys, w.ranges, w.perLease = 100_000, 16, 50
	env := w.env(t)
	began := env.Now()
	w.result = func(_ job.Lease, r *job.Result) {
		if m := env.Now().Sub(began).Minutes(); m < 1.5 || m > 3.5 && m < 4.5 {
			r.Throttled = 0.02
		}
	}
	windows := make(map[int]int)
	for _, minute := range []int{0, 2, 5, 14, 40} {
		env.RegisterDelayedCallback(func() {
			s := shardNow(t, env)
			windows[minute] = s.Work.Window
			if s.Work.InFlight > s.Work.Window && minute > 2 {
				t.Errorf("minute %d: %d leases in flight", minute, s.Work.InFlight)
			}
		}, time.Duration(minute)*time.Minute+30*time.Second)
	}
	env.RegisterDelayedCallback(env.CancelWorkflow, time.Hour)
	got := shardOutcome(t, env, w.shard(8))
	if want := map[int]int{0: 8, 2: 4, 5: 2, 14: 3, 40: 8}; !cmp.Equal(windows, want) {
		t.Errorf("windows by minute: %v, want %v", windows, want)
	}
	if len(got.Rest) != 16 {
		t.Errorf("%d pieces left", len(got.Rest))
	}
}

// TestStuck: a range that does not move on stops, and does not keep the engine busy.
func TestStuck(t *testing.T) {
	w := newWorld()
	w.result = func(l job.Lease, r *job.Result) {
		if l.Range == 1 && !r.Done {
			r.Cursor = l.Keys.From
		}
	}
	got := shardOutcome(t, w.env(t), w.shard(1))
	if len(got.Stopped) != 1 || !strings.Contains(got.Stopped[0], "range 1 does not move on") {
		t.Errorf("%v", got.Stopped)
	}
	n := 0
	for _, l := range w.of(job.PhaseCopy) {
		if l.Range == 1 {
			n++
		}
	}
	if n != maxStuck+1 || len(got.Rest) == 0 {
		t.Errorf("%d leases, %d pieces left", n, len(got.Rest))
	}
}

// TestSplit: only what lies inside the rest is a place to cut, and numbers are never given twice.
func TestSplit(t *testing.T) {
	p := piece{Lease: job.Lease{Phase: job.PhaseCopy, Range: 7, Keys: job.Keys{From: "b", To: "d"}, Generation: 3, Previous: job.Ref{Key: "before"}}}
	for name, c := range map[string]struct {
		at     job.Key
		change func(s *shard, p *piece)
		want   int
	}{
		"inside":          {at: "c", want: 2},
		"no key":          {at: "", want: 1},
		"at the cursor":   {at: "b", want: 1},
		"at the end":      {at: "d", want: 1},
		"behind":          {at: "e", want: 1},
		"open end":        {at: "x", change: func(_ *shard, p *piece) { p.Keys.To = "" }, want: 2},
		"no idle slots":   {at: "c", change: func(s *shard, _ *piece) { s.flight = 1 }, want: 1},
		"others wait":     {at: "c", change: func(s *shard, _ *piece) { s.Pieces = make([]piece, 1) }, want: 1},
		"throttled":       {at: "c", change: func(s *shard, _ *piece) { s.Throttle.Part = 0.5 }, want: 1},
		"too many ranges": {at: "c", change: func(s *shard, _ *piece) { s.Most = 0 }, want: 1},
		"another phase":   {at: "c", change: func(_ *shard, p *piece) { p.Phase = job.PhaseDelete }, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &shard{shardState: shardState{Next: 100, Step: 64, Most: 10, Throttle: newThrottle(2)}}
			p := p
			if c.change != nil {
				c.change(s, &p)
			}
			got := s.split(p, c.at)
			if len(got) != c.want {
				t.Fatalf("%+v", got)
			}
			if c.want == 1 {
				if !cmp.Equal(got[0], p) || s.Next != 100 {
					t.Errorf("%+v", got)
				}
				return
			}
			first, second := p, piece{Lease: job.Lease{Phase: job.PhaseCopy, Range: 100, Keys: job.Keys{From: c.at, To: p.Keys.To}, Generation: 1}}
			first.Keys.To = c.at
			if diff := cmp.Diff([]piece{first, second}, got); diff != "" || s.Next != 164 {
				t.Errorf("next %d, %s", s.Next, diff)
			}
		})
	}
}

func TestDeal(t *testing.T) {
	for _, c := range []struct{ pieces, n, want, size int }{{10, 3, 3, 4}, {2, 64, 2, 1}, {64, 64, 64, 1}, {1, 1, 1, 1}, {5, 0, 1, 5}, {0, 4, 0, 0}} {
		pieces := make([]piece, c.pieces)
		for i := range pieces {
			pieces[i].Range = i
		}
		parts := deal(pieces, c.n)
		largest := 0
		for _, part := range parts {
			largest = max(largest, len(part))
		}
		if len(parts) != c.want || largest != c.size || len(slices.Concat(parts...)) != c.pieces {
			t.Errorf("%d pieces for %d shards: %v", c.pieces, c.n, parts)
		}
	}
}

// TestShares: whatever is allotted, all leases in flight together stay within the limits.
func TestShares(t *testing.T) {
	for _, limits := range []job.Limits{{InFlight: 7, Requests: 1000, Bytes: 1000}, {InFlight: 64, Bytes: 3}, {InFlight: 0, Requests: 5}, {InFlight: 64, Requests: 10}, {InFlight: 1}} {
		s := share(limits)
		n := inFlight(limits)
		if s.Requests*float64(n) > limits.Requests+1e-9 || (s.Requests == 0) != (limits.Requests == 0) || (s.Bytes == 0) != (limits.Bytes == 0) {
			t.Errorf("%+v: each of %d gets %+v", limits, n, s)
		}
		if s.Requests > 0 && s.Requests < 1 {
			t.Errorf("%+v: each of %d gets %v objects a second, and a lease cannot keep less than one", limits, n, s.Requests)
		}
		if s.Bytes > 1 && s.Bytes*int64(n) > limits.Bytes {
			t.Errorf("%+v: each of %d gets %+v", limits, n, s)
		}
		for shards := 1; shards < 70; shards++ {
			sum := 0
			for _, w := range allot(n, shards) {
				sum += w
			}
			if sum != n {
				t.Errorf("%d slots for %d shards are %d", n, shards, sum)
			}
		}
	}
}

func TestThrottleWindow(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	th := newThrottle(16)
	step := func(what string, want int) {
		t.Helper()
		if got := th.slots(); got != want {
			t.Errorf("%s: %d slots, want %d", what, got, want)
		}
	}
	th.seen(0.01, now)
	step("1 % is allowed", 16)
	th.seen(0.011, now)
	step("more is not", 8)
	th.seen(0.5, now.Add(59*time.Second))
	step("in the same minute", 8)
	th.seen(0.5, now.Add(time.Minute))
	step("in the next minute", 4)
	now = now.Add(time.Minute)
	if d, want := th.next(now), math.Ceil(math.Log(5.0/4)/math.Log(growth)); d.Minutes() != want {
		t.Errorf("the next slot comes after %v", d)
	}
	th.grow(now.Add(5 * time.Minute))
	step("after 5 quiet minutes", 5)
	th.Window = 4
	step("a smaller window", 1)
	th.Window = 32
	step("a larger one", 10)
	th.grow(now.Add(time.Hour))
	step("after an hour", 32)
	if d := th.next(now); d != 0 {
		t.Errorf("the next slot comes after %v", d)
	}
	for range 10 {
		now = now.Add(time.Hour)
		th.seen(1, now)
	}
	step("never none", 1)
	th.Window = 0
	step("no slot was allotted", 0)
}

// TestPayloads: what the engine has to carry stays below its bound of 2 MB, also for the
// largest job.
func TestPayloads(t *testing.T) {
	const bound = 2 << 20
	long := job.Key(strings.Repeat("k", 100))
	ref := job.Ref{Key: strings.Repeat("r", 60), SHA256: strings.Repeat("a", 64), Records: math.MaxInt32}
	run := job.Run{Version: 1, Job: strings.Repeat("j", 40), Store: job.Place{URL: strings.Repeat("u", 100), Connection: "state"}, Spec: ref}
	l := job.Lease{Version: 1, Run: run, Phase: job.PhaseDelete, Keys: job.Keys{From: long, To: long}, Previous: ref, Totals: ref}
	var state shardState
	var verdict job.Verdict
	var refs []job.Ref
	for range maxRanges {
		state.Pieces = append(state.Pieces, piecesOf([]job.Lease{l})...)
		verdict.Deletes = append(verdict.Deletes, l)
		refs = append(refs, ref)
	}
	for _, v := range []any{state, verdict, refs} {
		p, err := converter.GetDefaultDataConverter().ToPayload(v)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(p.GetData()); n > bound {
			t.Errorf("%T: %d bytes", v, n)
		}
	}
}

// TestRedact: the engine keeps kinds of failures, and not a word of others.
func TestRedact(t *testing.T) {
	const secret = "canary-AKIA-secret"
	for _, err := range []error{
		errors.New(secret), fmt.Errorf("%s: %w", secret, errStop),
		fmt.Errorf("%s: %w", secret, &timeoutError{secret}),
	} {
		got := redact(err)
		if text := fmt.Sprintf("%v %+v", got, errors.Unwrap(got)); strings.Contains(text, secret) || strings.Contains(text, "customer") {
			t.Errorf("%q becomes %q", err, text)
		}
	}
}

type timeoutError struct{ text string }

func (e *timeoutError) Error() string { return e.text }
func (*timeoutError) Timeout() bool   { return true }
func (*timeoutError) Temporary() bool { return true }
