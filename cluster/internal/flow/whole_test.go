package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// canary is in every text that comes from a store, and must not reach the engine.
const canary = "canary-secret"

// A flaky store fails now and then, in words that must not reach the engine.
type flaky struct {
	storage.Store

	fail func(key string) bool
}

func (s *flaky) Unwrap() storage.Store { return s.Store }

func (s *flaky) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if s.fail(key) {
		return nil, &storage.Error{Op: "open", Key: key, Err: errors.New(canary)}
	}
	return s.Store.Open(ctx, key, opts)
}

// whole is a job with the real leases, on stores in memory.
type whole struct {
	source, target, state *mem.Store
	flaky                 func(key string) bool
	spec                  *job.Spec
	run                   job.Run
	env                   lease.Env
}

func newWhole(t *testing.T, r *rand.Rand, objects int) *whole {
	t.Helper()
	w := &whole{source: mem.New(), target: mem.New(), state: mem.New(), flaky: func(string) bool { return false }}
	for range objects {
		key, data := fmt.Sprintf("%c/%03d", 'a'+rune(r.IntN(8)), r.IntN(400)), strings.Repeat("x", r.IntN(9))
		switch r.IntN(5) {
		case 0:
			write(t, w.target, key+"-extra", data)
		case 1:
			write(t, w.target, key, data+"old")
			write(t, w.source, key, data)
		default:
			write(t, w.source, key, data)
		}
	}
	w.env = lease.Env{Worker: "w1", Connect: func(name string) (s3sync.Endpoint, error) {
		stores := map[string]storage.Store{"source": &flaky{w.source, func(key string) bool { return w.flaky(key) }}, "target": w.target, "state": w.state}
		if stores[name] == nil {
			return s3sync.Endpoint{}, fmt.Errorf("no connection %q", name)
		}
		return s3sync.Endpoint{Store: stores[name]}, nil
	}}
	settings := s3sync.DefaultConfig()
	settings.Retry.ForceCount, settings.Check.Mode, settings.Transfer.Workers = 0, s3sync.CheckSize, 4
	settings.Delete.Enable, settings.Delete.MaxPercent = true, 100
	w.spec = &job.Spec{
		Job: "nightly", Source: job.Place{URL: "s3://source/", Connection: "source"}, Target: job.Place{URL: "s3://target/", Connection: "target"},
		Settings: settings, Ranges: 5, Leases: job.Leases{Keys: 40, CheckpointKeys: 10},
	}
	return w
}

func write(t *testing.T, s storage.Store, key, data string) {
	t.Helper()
	b := storage.Block{Data: []byte(data), Size: int64(len(data))}
	if _, err := s.Put(t.Context(), key, b, storage.WriteOptions{Size: b.Size}); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, s storage.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for o, err := range s.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(t.Context(), o.Key, storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, o.Size)
		if err := r.ReadAt(t.Context(), data, 0); err != nil && !errors.Is(err, io.EOF) && o.Size > 0 {
			t.Fatal(err)
		}
		all[o.Key] = string(data)
	}
	return all
}

// oneMachine is what one run does with copies of both sides.
func (w *whole) oneMachine(t *testing.T) (*s3sync.Report, map[string]string) {
	t.Helper()
	from, to := mem.New(), mem.New()
	for key, data := range contents(t, w.source) {
		write(t, from, key, data)
	}
	for key, data := range contents(t, w.target) {
		write(t, to, key, data)
	}
	cfg := *w.spec.Settings
	cfg.Source.Store, cfg.Target.Store = from, to
	report, err := s3sync.Sync(t.Context(), &cfg)
	if err != nil {
		t.Log(err)
	}
	return report, contents(t, to)
}

// do submits the job and runs its workflows. What the engine would keep is returned, too.
func (w *whole) do(t *testing.T, set func(env *testsuite.TestWorkflowEnvironment)) (out Outcome, log string) {
	t.Helper()
	run, err := lease.Submit(t.Context(), w.env, job.Place{URL: "s3://state/", Connection: "state"}, w.spec, false)
	if err != nil {
		t.Fatal(err)
	}
	w.run = run
	var seen bytes.Buffer
	suite := new(testsuite.WorkflowTestSuite)
	suite.SetLogger(Logger(slog.New(slog.NewTextHandler(&seen, &slog.HandlerOptions{Level: slog.LevelDebug}))))
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(2 * time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: 30 * time.Second})
	register(env, &activities{env: w.env})
	if set != nil {
		set(env)
	}
	env.ExecuteWorkflow(WorkflowRun, run)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := env.GetWorkflowResult(&out); err != nil {
		t.Fatal(err)
	}
	return out, seen.String()
}

func (w *whole) same(t *testing.T, report *s3sync.Report, target map[string]string) {
	t.Helper()
	got, err := lease.ReadReport(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	have, want := got.Report.Stats, report.Stats
	have.Elapsed, have.Retries, want.Elapsed, want.Retries = 0, 0, 0, 0
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("counters: %s", diff)
	}
	if diff := cmp.Diff(target, contents(t, w.target)); diff != "" {
		t.Errorf("target: %s", diff)
	}
}

// TestWholeJob: a job does and counts what one machine does, through the workflows and the
// real leases.
func TestWholeJob(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWhole(t, rand.New(rand.NewPCG(seed, 1)), 300)
			report, target := w.oneMachine(t)
			out, _ := w.do(t, nil)
			w.same(t, report, target)
			if out.Counters.Transferred == 0 || report.Stats.Deleted == 0 {
				t.Errorf("nothing to see: %+v", out.Counters)
			}
		})
	}
}

// TestWholeJobSweeps: objects that fail at first are in the target in the end, what the target
// alone has is deleted only then, and the engine is told nothing of what the store said.
func TestWholeJobSweeps(t *testing.T) {
	w := newWhole(t, rand.New(rand.NewPCG(7, 7)), 300)
	report, target := w.oneMachine(t)
	var mu sync.Mutex
	failed := make(map[string]bool)
	w.flaky = func(key string) bool {
		mu.Lock()
		defer mu.Unlock()
		first := key[len(key)-1] == '7' && !failed[key]
		if first {
			failed[key] = true
		}
		return first
	}
	sweeps := 0
	_, log := w.do(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.RegisterDelayedCallback(func() { // it would wait for ever
			t.Errorf("it waits: %+v", ask(t, env).Waiting)
			env.CancelWorkflow()
		}, 24*time.Hour)
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			if info.ActivityType.Name == ActivitySweep {
				sweeps++
			}
		})
	})
	if len(failed) == 0 || sweeps == 0 {
		t.Fatalf("%d objects failed, %d sweeps", len(failed), sweeps)
	}
	w.same(t, report, target)
	if strings.Contains(log, canary) {
		t.Errorf("the engine was told: %s", log)
	}
}

// bigObject adds an object that several leases share, and one in parts that they do not.
func bigObject(t *testing.T, w *whole) {
	t.Helper()
	const partSize = 5 << 20 // the smallest of S3
	w.spec.Settings.Transfer.Threshold, w.spec.Settings.Transfer.ChunkSize = partSize, partSize
	w.spec.BigObject = 2 * partSize
	write(t, w.source, "b/big", strings.Repeat("0123456789", 3*partSize/10))
	write(t, w.source, "c/small", strings.Repeat("0123456789", partSize/10))
}

// TestWholeJobWithBigObject: an object is shared by several leases, and counts once.
func TestWholeJobWithBigObject(t *testing.T) {
	w := newWhole(t, rand.New(rand.NewPCG(3, 1)), 100)
	bigObject(t, w)
	report, target := w.oneMachine(t)
	var mu sync.Mutex
	started := make(map[string]int)
	w.do(t, func(env *testsuite.TestWorkflowEnvironment) {
		env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
			mu.Lock()
			defer mu.Unlock()
			started[info.ActivityType.Name]++
		})
	})
	if started[ActivityParts] < 4 || started[ActivitySweep] != 1 {
		t.Errorf("activities %v", started)
	}
	w.same(t, report, target)
	for l, err := range w.target.Leftovers(t.Context()) {
		t.Errorf("left: %+v, %v", l, err)
	}
}

// TestWholeJobWaits: what looks like a mistake waits, and deletes nothing unless somebody
// approves that very verdict.
func TestWholeJobWaits(t *testing.T) {
	for _, choice := range []Choice{Approve, Abort} {
		t.Run(string(choice), func(t *testing.T) {
			w := newWhole(t, rand.New(rand.NewPCG(9, 9)), 1200)
			w.spec.Settings.Delete.MaxPercent = 1
			before := contents(t, w.source)
			waited := false
			out, _ := w.do(t, func(env *testsuite.TestWorkflowEnvironment) {
				env.RegisterDelayedCallback(func() {
					s := ask(t, env)
					waited = s.Waiting != nil
					if !waited || s.Counters.Deleted != 0 {
						t.Errorf("%+v", s)
						return
					}
					env.SignalWorkflow(SignalDecide, Decision{Choice: choice, Verdict: s.Waiting.Verdict})
				}, 24*time.Hour)
			})
			if !waited || out.Aborted != (choice == Abort) {
				t.Errorf("waited %v, aborted %v", waited, out.Aborted)
			}
			after := contents(t, w.target)
			extra := 0
			for key := range after {
				if _, ok := before[key]; !ok {
					extra++
				}
			}
			if (extra == 0) != (choice == Approve) {
				t.Errorf("%d objects that only the target has", extra)
			}
		})
	}
}
