package lease

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
	"s3sync/storage/mem"
)

var errInjected = errors.New("injected")

// errKilled is the panic of a worker that ends.
var errKilled = errors.New("killed")

// A spy is a store that counts what it lists, and may fail or end the worker.
type spy struct {
	storage.Store

	listed atomic.Int64
	mu     sync.Mutex
	// call, if set, is called before each call, and again after it.
	call func(op, key string, after bool) error
}

func (s *spy) Unwrap() storage.Store { return s.Store }

func (s *spy) set(call func(op, key string, after bool) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.call = call
}

func (s *spy) at(op, key string, after bool) error {
	s.mu.Lock()
	call := s.call
	s.mu.Unlock()
	if call == nil {
		return nil
	}
	if err := call(op, key, after); err != nil {
		return &storage.Error{Op: op, Key: key, Err: err}
	}
	return nil
}

func (s *spy) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := s.at("list", opts.From, false); err != nil {
			yield(storage.Object{}, err)
			return
		}
		for o, err := range s.Store.List(ctx, opts) {
			s.listed.Add(1)
			if !yield(o, err) {
				return
			}
		}
		_ = s.at("list", opts.From, true)
	}
}

func (s *spy) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if err := s.at("open", key, false); err != nil {
		return nil, err
	}
	return s.Store.Open(ctx, key, opts)
}

func (s *spy) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	if err := s.at("stat", key, false); err != nil {
		return storage.Info{}, err
	}
	return s.Store.Stat(ctx, key, opts)
}

func (s *spy) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := s.at("put", key, false); err != nil {
		return storage.Info{}, err
	}
	info, err := s.Store.Put(ctx, key, b, opts)
	return info, errors.Join(err, s.at("put", key, true))
}

func (s *spy) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	if err := s.at("delete", objects[0].Key, false); err != nil {
		return slices.Repeat([]error{err}, len(objects))
	}
	errs := s.Store.Delete(ctx, objects, opts)
	_ = s.at("delete", objects[0].Key, true)
	return errs
}

// A world is the stores of a job, and who works on it.
type world struct {
	source, target, state *spy
	env                   Env
	spec                  *job.Spec
	run                   job.Run
	place                 job.Place
	kills                 int
	leases                int
	ranges                int
}

func newWorld(t testing.TB, set func(*job.Spec)) *world {
	t.Helper()
	w := &world{source: &spy{Store: mem.New()}, target: &spy{Store: mem.New()}, state: &spy{Store: mem.New()}, place: job.Place{URL: "s3://state/", Connection: "state"}}
	stores := map[string]*spy{"source": w.source, "target": w.target, "state": w.state}
	w.env = Env{Worker: "w1", Connect: func(name string) (s3sync.Endpoint, error) {
		s, ok := stores[name]
		if !ok {
			return s3sync.Endpoint{}, fmt.Errorf("no connection %q", name)
		}
		return s3sync.Endpoint{Store: s}, nil
	}}
	w.spec = &job.Spec{
		Job: "job", Source: job.Place{URL: "s3://source/", Connection: "source"}, Target: job.Place{URL: "s3://target/", Connection: "target"},
		Settings: s3sync.DefaultConfig(), Leases: job.Leases{CheckpointKeys: 5, Keys: 40},
	}
	quick(w.spec.Settings)
	if set != nil {
		set(w.spec)
	}
	return w
}

// quick makes a Config that does not wait.
func quick(c *s3sync.Config) {
	c.Retry.ForceCount = 0
	c.Check.Mode = s3sync.CheckSize
	c.Transfer.Workers = 4
}

func (w *world) submit(t testing.TB) {
	t.Helper()
	run, err := Submit(t.Context(), w.env, w.place, w.spec, false)
	if err != nil {
		t.Fatal(err)
	}
	w.run = run
}

func put(t testing.TB, s storage.Store, objects map[string]string) {
	t.Helper()
	for key, data := range objects {
		b := storage.Block{Data: []byte(data), Size: int64(len(data))}
		if _, err := s.Put(context.Background(), key, b, storage.WriteOptions{Size: b.Size}); err != nil {
			t.Fatal(err)
		}
	}
}

func contents(t testing.TB, s storage.Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for o, err := range s.List(context.Background(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(context.Background(), o.Key, storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, o.Size)
		if err := r.ReadAt(context.Background(), data, 0); err != nil && !errors.Is(err, io.EOF) && o.Size > 0 {
			t.Fatal(err)
		}
		all[o.Key] = string(data)
	}
	return all
}

// randomTrees returns what both sides have.
func randomTrees(r *rand.Rand, most int) (source, target map[string]string) {
	source, target = map[string]string{}, map[string]string{}
	for range r.IntN(most) {
		source[randomKey(r)] = strings.Repeat("x", r.IntN(9))
	}
	for key, data := range source {
		switch r.IntN(4) {
		case 0:
			target[key] = data
		case 1:
			target[key] = data + "old"
		}
	}
	for range r.IntN(most) {
		target[randomKey(r)] = "extra"
	}
	return source, target
}

func randomKey(r *rand.Rand) string {
	var key strings.Builder
	for range r.IntN(3) {
		key.WriteString([]string{"a", "b", "logs", "é", "photos-old"}[r.IntN(5)] + "/")
	}
	fmt.Fprintf(&key, "%c%d", "akxz~日"[r.IntN(5)], r.IntN(40))
	return strings.ToValidUTF8(key.String(), "y")
}

// oneMachine is what one run does with copies of both sides.
func (w *world) oneMachine(t testing.TB, source func(storage.Store) storage.Store) (report *s3sync.Report, target map[string]string, err error) {
	t.Helper()
	from, to := mem.New(), mem.New()
	put(t, from, contents(t, w.source.Store))
	put(t, to, contents(t, w.target.Store))
	cfg := *w.spec.Settings
	cfg.Source.Store, cfg.Target.Store = from, to
	if source != nil {
		cfg.Source.Store = source(from)
	}
	report, err = s3sync.Sync(t.Context(), &cfg)
	return report, contents(t, to), err
}

// lease carries out a lease until it is accepted, with as many attempts as it takes.
func (w *world) lease(t testing.TB, do func(context.Context, Env, job.Lease, int) (job.Result, error), l job.Lease, kill func(attempt int) func()) job.Result {
	t.Helper()
	w.leases++
	for attempt := 1; ; attempt++ {
		if attempt > 60 {
			t.Fatalf("the lease of %v never ends", l.Keys)
		}
		result, killed, err := w.attempt(t, do, l, attempt, kill)
		switch {
		case killed:
			w.kills++
		case err == nil:
			return result
		case errors.Is(err, ErrStop):
			t.Fatal(err)
		case kill == nil:
			t.Fatal(err)
		default:
			w.kills++
		}
	}
}

// attempt carries out one attempt, which may be killed.
func (w *world) attempt(t testing.TB, do func(context.Context, Env, job.Lease, int) (job.Result, error), l job.Lease, attempt int, kill func(int) func()) (result job.Result, killed bool, err error) {
	t.Helper()
	if kill != nil {
		defer kill(attempt)()
	}
	defer func() {
		if p := recover(); p != nil {
			if !strings.Contains(fmt.Sprint(p), errKilled.Error()) {
				panic(p)
			}
			killed = true
		}
	}()
	result, err = do(t.Context(), w.env, l, attempt)
	return result, false, err
}

// copyAll carries out the copies of all ranges, which it splits now and then, and returns the
// accepted results.
func (w *world) copyAll(t testing.TB, r *rand.Rand, kill func(int) func()) (results []job.Ref) {
	t.Helper()
	leases, err := Split(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	w.ranges = len(leases)
	for len(leases) > 0 {
		i := r.IntN(len(leases))
		l := leases[i]
		leases = slices.Delete(leases, i, i+1)
		result := w.lease(t, Copy, l, kill)
		if result.Done {
			results = append(results, result.Checkpoint)
			continue
		}
		next := l
		next.Previous, next.Generation, next.Keys.From = result.Checkpoint, l.Generation+1, result.Cursor
		if result.Split != "" && r.IntN(2) == 0 {
			w.ranges++
			second := job.Lease{Version: 1, Run: w.run, Phase: job.PhaseCopy, Range: w.ranges, Generation: 1, Keys: job.Keys{From: result.Split, To: next.Keys.To}}
			next.Keys.To = result.Split
			leases = append(leases, second)
		}
		leases = append(leases, next)
	}
	return results
}

// finish reduces, sweeps, deletes and reports.
func (w *world) finish(t testing.TB, results []job.Ref, approve bool, kill func(int) func()) (*job.Report, job.Verdict) {
	t.Helper()
	var v job.Verdict
	for round := 0; ; round++ {
		var err error
		if v, err = Reduce(t.Context(), w.env, w.run, results); err != nil {
			t.Fatal(err)
		}
		if len(v.Failed) == 0 || round == 2 {
			break
		}
		for _, l := range v.Failed {
			l.Round = round + 1
			replace(results, l.Previous, w.lease(t, Sweep, l, kill).Checkpoint)
		}
	}
	if len(v.Wait) == 0 || approve && !v.Refused {
		for _, l := range v.Deletes {
			l.Approved = approve
			replace(results, l.Previous, w.lease(t, Delete, l, kill).Checkpoint)
		}
	}
	if _, err := Report(t.Context(), w.env, w.run, results); err != nil {
		t.Fatal(err)
	}
	report, err := ReadReport(t.Context(), w.env, w.run)
	if err != nil {
		t.Fatal(err)
	}
	return report, v
}

func replace(results []job.Ref, old, by job.Ref) {
	results[slices.Index(results, old)] = by
}

// comparable returns the counters of a run without times.
func comparableStats(s s3sync.Stats) s3sync.Stats {
	s.Elapsed, s.Retries = 0, 0
	return s
}

// eachSeed runs a test with several seeds, with -short a fifth of them.
func eachSeed(t *testing.T, n int, test func(t *testing.T, r *rand.Rand)) {
	t.Helper()
	if testing.Short() {
		n /= 5
	}
	for seed := range n {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			test(t, rand.New(rand.NewPCG(uint64(seed), 7)))
		})
	}
}
