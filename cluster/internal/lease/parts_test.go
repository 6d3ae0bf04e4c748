package lease

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/truth"
	"s3sync/storage"
)

// begin lets a worker do the lease of the range, and returns its result and what the engine is to
// do about the big object.
func (p *parted) begin(t *testing.T) (job.Result, job.Verdict) {
	t.Helper()
	env, _ := p.worker("first")
	result, err := Copy(t.Context(), env, p.first(t), 1)
	if err != nil || !result.Done {
		t.Fatal(result, err)
	}
	v, err := Reduce(t.Context(), env, p.run, []job.Ref{result.Checkpoint})
	if err != nil {
		t.Fatal(err)
	}
	for i := range v.Parts {
		v.Parts[i].Run = p.run
	}
	return result, v
}

// slice lets a worker do a slice.
func (p *parted) slice(t *testing.T, env Env, l job.Lease, attempt int) {
	t.Helper()
	result, err := Parts(t.Context(), env, l, attempt)
	if err != nil || !result.Done || result.Checkpoint != l.Previous || result.Counters != (job.Counters{}) {
		t.Fatal(result, err)
	}
}

// swept lets a worker publish the object, and checks what is there then: all that one machine
// does, with its counters.
func (p *parted) swept(t *testing.T, v job.Verdict) {
	t.Helper()
	if len(v.Failed) != 1 {
		t.Fatalf("%+v", v)
	}
	env, _ := p.worker("last")
	result, err := Sweep(t.Context(), env, v.Failed[0], 1)
	if err != nil {
		t.Fatal(err)
	}
	p.arrived(t, result.Checkpoint)
	report, err := ReadReport(t.Context(), p.env, p.run)
	if err != nil {
		t.Fatal(err)
	}
	cfg := *p.spec.Settings
	cfg.Source.Store, cfg.Target.Store = p.source, newWorld(t, nil).target
	one, err := s3sync.Sync(t.Context(), &cfg)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := comparableStats(report.Report.Stats), comparableStats(one.Stats); got != want {
		t.Errorf("the job did %+v, one machine does %+v", got, want)
	}
}

// A big object is written by several workers, one of which is killed. Each part is sent once, and
// the object is that of one machine.
func TestBigObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 8, func(s *job.Spec) { s.BigObject = 8*partSize - 7 })
		result, v := p.begin(t)
		if result.Counters.Failed != 1 || result.Counters.Transferred != 2 || p.begun != 1 || len(p.parts) != 0 {
			t.Fatalf("%+v, %d uploads, parts %v", result.Counters, p.begun, p.parts)
		}
		if len(v.Parts) < slicesOfObject || len(v.Parts) > 8 {
			t.Fatalf("%d slices", len(v.Parts))
		}
		killed, life := p.worker("killed")
		life.part = func(int) { life.over.Store(true) }
		if _, err := Parts(t.Context(), killed, v.Parts[1], 1); err == nil {
			t.Fatal("the worker did not end")
		}
		w1, _ := p.worker("w1")
		w2, _ := p.worker("w2")
		for i, l := range slices.Backward(v.Parts) {
			p.slice(t, []Env{w1, w2}[i%2], l, 2)
		}
		if len(p.parts) != 8 || most(p.parts) != 1 {
			t.Errorf("parts %v", p.parts)
		}
		before := len(p.reads)
		p.swept(t, v)
		again := 0
		for _, n := range p.reads {
			again += n - 1
		}
		if before != 8 || again > 1 || most(p.parts) != 1 || p.begun != 1 {
			t.Errorf("%d parts were read again: %v; sent %v in %d uploads", again, p.reads, p.parts, p.begun)
		}
	})
}

// What nobody did of the parts, for whatever reason, the sweep does.
func TestBigObjectWithoutItsParts(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(t *testing.T, p *parted, env Env, all []job.Lease)
		uses int // uploads that begin
	}{
		"no slice was done": {func(*testing.T, *parted, Env, []job.Lease) {}, 1},
		"given up at last":  {func(t *testing.T, p *parted, env Env, all []job.Lease) { p.slice(t, env, all[0], partsAttempts+1) }, 1},
		"only some of it":   {func(t *testing.T, p *parted, env Env, all []job.Lease) { p.slice(t, env, all[3], 1) }, 1},
		"the upload is lost": {func(t *testing.T, p *parted, env Env, all []job.Lease) {
			p.lose(t)
			p.slice(t, env, all[0], 1)
		}, 2},
		"all of it": {func(t *testing.T, p *parted, env Env, all []job.Lease) {
			for _, l := range all {
				p.slice(t, env, l, 1)
			}
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParted(t, 4, func(s *job.Spec) { s.BigObject = 2 * partSize })
				_, v := p.begin(t)
				env, _ := p.worker("w")
				tt.do(t, p, env, v.Parts)
				p.swept(t, v)
				if p.begun != tt.uses {
					t.Errorf("%d uploads began, want %d", p.begun, tt.uses)
				}
			})
		})
	}
}

// lose aborts all uploads, as a rule of a bucket does.
func (p *parted) lose(t *testing.T) {
	t.Helper()
	for l, err := range p.store.Leftovers(t.Context()) {
		if err == nil {
			err = p.store.Discard(t.Context(), l.Key, l.Token)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A slice that fails for a reason that may pass is tried again. A worker that is to end gives
// it back.
func TestSliceIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, func(s *job.Spec) { s.BigObject = 2 * partSize })
		_, v := p.begin(t)
		env, life := p.worker("w")
		life.key = "big"
		life.over.Store(true)
		if _, err := Parts(t.Context(), env, v.Parts[1], 1); !errors.Is(err, storage.ErrTransient) || errors.Is(err, ErrStop) {
			t.Errorf("got %v", err)
		}
		ending, _ := p.worker("ending")
		stop := make(chan struct{})
		close(stop)
		ending.Stop = stop
		if _, err := Parts(t.Context(), ending, v.Parts[1], 2); !errors.Is(err, errEnding) {
			t.Errorf("got %v", err)
		}
		life.over.Store(false)
		p.slice(t, env, v.Parts[1], 3)
		p.swept(t, v)
	})
}

// An object that changes after it was begun is written as it is at last.
func TestBigObjectChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, func(s *job.Spec) { s.BigObject = 2 * partSize })
		_, v := p.begin(t)
		env, _ := p.worker("w")
		p.slice(t, env, v.Parts[0], 1)
		p.data[partSize+1]++
		p.fill(t)
		for _, l := range v.Parts[1:] {
			p.slice(t, env, l, 1)
		}
		p.swept(t, v)
		if p.begun != 2 {
			t.Errorf("%d uploads began, want 2", p.begun)
		}
	})
}

// Objects of many ranges are cut into a bounded number of slices, which have all parts.
func TestSlices(t *testing.T) {
	for _, tt := range []struct {
		big  []int64
		size int64
		want int
	}{
		{[]int64{0, 0}, 100, 0},
		{[]int64{100, 0, 250}, 100, 4 + 10},
		{[]int64{1}, 100, 1},
		{[]int64{1 << 60, 1 << 59}, 100, mostSlices/2 + 1},
		{[]int64{5}, 1, 5},
		{slices.Repeat([]int64{100}, 600), 100, 600},
		{slices.Repeat([]int64{100}, 1500), 100, mostSlices},
	} {
		w := &work{spec: &job.Spec{BigObject: tt.size, Settings: s3sync.DefaultConfig()}}
		var chains []*chain
		for i, big := range tt.big {
			chains = append(chains, &chain{big: big, last: &truth.Checkpoint{Range: i + 1}})
		}
		leases := w.slices(chains)
		if len(leases) != tt.want {
			t.Errorf("%d ranges with %d…: %d slices, want %d", len(tt.big), tt.big[0], len(leases), tt.want)
		}
		for i, l := range leases {
			if l.Slice >= l.Slices || i > 0 && leases[i-1].Range == l.Range && leases[i-1].Slice+1 != l.Slice {
				t.Errorf("%v: slice %d of %d", tt.big, l.Slice, l.Slices)
			}
		}
	}
}
