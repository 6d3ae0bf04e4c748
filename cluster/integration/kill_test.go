package integration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/temporalserver"
)

const (
	madeUp     = 200_000 // keys of both buckets
	missing    = 2_000   // that the target lacks
	outdated   = 1_000   // that the target has otherwise
	extraneous = 500     // that only the target has
)

// accidentModel is a model for a job that lists much and transfers some. Each request takes
// its time, so that accidents happen in the middle of it.
func accidentModel(t *testing.T) *model {
	t.Helper()
	m := newModel(t, madeUp, map[string]func(i int) state{
		"source": func(i int) state {
			if i%(madeUp/extraneous) == 3 {
				return absent
			}
			return current
		},
		"target": func(i int) state {
			switch {
			case i%(madeUp/missing) == 1:
				return absent
			case i%(madeUp/outdated) == 2:
				return old
			}
			return current
		},
	})
	m.delay = 100 * time.Millisecond
	return m
}

// submitAccident submits the job for such a model, with checkpoints of 1,000 keys.
func (l *lab) submitAccident() {
	l.t.Helper()
	l.submit("source", "target", "--delete", "--check-size", "--ranges", "24", "--in-flight", "6", "--checkpoint-keys", "1000")
}

// checkAccident checks that nothing is lost, nothing wrongly deleted and nothing counted
// twice. What a lost attempt transferred is skipped by the next one, and nothing else.
func checkAccident(t *testing.T, m *model, r *job.Report) {
	t.Helper()
	m.same(t, "source", "target")
	c, n := r.Counters, m.now()
	if c.Listed != madeUp-extraneous || c.Held+c.Added != madeUp || c.Transferred+c.Skipped != c.Listed || c.Deleted != extraneous ||
		c.Extraneous != extraneous || c.Failed != 0 || c.Warnings != 0 || c.Incomplete != 0 || c.Unsafe != 0 {
		t.Errorf("counters %+v", c)
	}
	if c.Transferred > missing+outdated || c.Transferred > n.Puts {
		t.Errorf("%d transferred of %d, by %d requests", c.Transferred, missing+outdated, n.Puts)
	}
	if n.Deleted != extraneous {
		t.Errorf("%d deletions of %d", n.Deleted, extraneous)
	}
	t.Logf("%d ranges, %d leases; %d of %d transfers counted, %d sent again", r.Ranges, r.Leases, c.Transferred, missing+outdated, n.Again)
}

// TestWorkersAreKilled kills workers at random points: each time the keys that are listed again
// are at most 2 % of those that a job without kills lists. S3SYNC_SOAK=1 kills 21 times.
// S3SYNC_KILL_SEED repeats a seed.
func TestWorkersAreKilled(t *testing.T) {
	t.Parallel()
	trials := 1
	if soaks() {
		trials = 7
	}
	random := randomKills(t)
	listed := withoutAccidents(t)
	for i := range trials {
		killWorkers(t, random, fmt.Sprintf("kills-%d", i), listed)
	}
}

// randomKills is where and when a test kills. Its seed is in the log.
func randomKills(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("S3SYNC_KILL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("S3SYNC_KILL_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// withoutAccidents runs the job without a kill, and returns how many keys were listed. They are
// more than there are: a listing begins anew at each checkpoint, and pages that were asked for
// in advance are lost then.
func withoutAccidents(t *testing.T) int64 {
	t.Helper()
	m := accidentModel(t)
	m.delay /= 2 // half as many ranges at once
	l := newLab(t, sharedEngine(t), "no-accidents", ofModel(m)...)
	for i := range 3 {
		l.worker(fmt.Sprintf("w%d", i), "--slots", "1")
	}
	l.submitAccident()
	r := l.end()
	checkAccident(t, m, r)
	if c := r.Counters; c.Transferred != missing+outdated || c.Held != madeUp-missing {
		t.Errorf("counters %+v", c)
	}
	if given, again := l.givenUp(), m.now().Again; given != 0 || again != 0 {
		t.Errorf("%d leases were given up, and %d objects sent again", given, again)
	}
	return m.now().Listed
}

func killWorkers(t *testing.T, random *rand.Rand, name string, listed int64) {
	t.Helper()
	const kills = 3
	m := accidentModel(t)
	m.delay /= 2 // half as many ranges at once
	l := newLab(t, sharedEngine(t), name, ofModel(m)...)
	var workers []*worker
	for i := range 3 {
		workers = append(workers, l.worker(fmt.Sprintf("w%d", i), "--slots", "1"))
	}
	var points []int64
	for range kills {
		points = append(points, listed/100+random.Int64N(listed*3/4))
	}
	slices.Sort(points)
	l.submitAccident()
	for k, n := range points {
		victim := random.IntN(len(workers))
		await(t, m.listed(n), "so many keys are listed")
		t.Logf("%s is killed when %d keys are listed", workers[victim].name, n)
		workers[victim].kill()
		workers[victim] = l.worker(fmt.Sprintf("w%d-%d", victim, k), "--slots", "1") // as an orchestrator does
	}
	r := l.end()
	checkAccident(t, m, r)
	given := l.givenUp()
	if given == 0 {
		t.Error("no worker lost a lease, so this test shows nothing")
	}
	again := m.now().Listed - listed
	if most := kills * listed * 2 / 100; again > most {
		t.Errorf("%d keys were listed again by %d leases, more than %d", again, given, most)
	}
	t.Logf("%d kills: %d leases given up, %d keys listed again, %.2f %% for each kill", kills, given, again, float64(again)*100/float64(kills*listed))
}

// await waits until a channel is closed.
func await(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not within %s", what, patience)
	}
}

// TestEngineIsAway stops the engine in the middle of a job, for less time than after which a
// worker has lost its ranges: no lease is given up, and the results of those that end meanwhile
// are not lost.
func TestEngineIsAway(t *testing.T) {
	t.Parallel()
	outages := []outage{{"stop", 4 * time.Second, lostAfter}, {"kill", 4 * time.Second, lostAfter}}
	if soaks() {
		outages = append(outages, outage{"stop", time.Minute, 3 * time.Minute})
	}
	for _, o := range outages {
		t.Run(o.how+" for "+o.lasts.String(), func(t *testing.T) {
			t.Parallel()
			o.test(t)
		})
	}
}

type outage struct {
	how              string
	lasts, lostAfter time.Duration
}

func (o outage) test(t *testing.T) {
	m := accidentModel(t)
	engine := ownEngine(t, temporalserver.Options{})
	l := newLab(t, engine, "outage", ofModel(m)...)
	l.worker("w1", "--slots", "3")
	l.worker("w2", "--slots", "3")
	l.lostAfter = o.lostAfter
	l.submitAccident()
	await(t, m.listed(madeUp/2), "so many keys are listed")
	if o.how == "stop" {
		engine.Stop(t.Context(), 10*time.Second)
	} else {
		engine.Kill()
	}
	before := m.now().Listed
	time.Sleep(o.lasts) // it is how long the outage lasts
	worked := m.now().Listed - before
	if err := engine.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := l.end()
	checkAccident(t, m, r)
	if n := l.triedAgain(); n != 0 {
		t.Errorf("%d leases were handed out again", n)
	}
	if worked == 0 {
		t.Error("the workers did nothing without the engine")
	}
	t.Logf("%d keys were listed while the engine was away", worked)
}

// TestWorkerSleeps stops a worker until its ranges have been given to another one, and lets it
// go on then: what it does is in no accounting.
func TestWorkerSleeps(t *testing.T) {
	t.Parallel()
	m := accidentModel(t)
	l := newLab(t, sharedEngine(t), "sleeper", ofModel(m)...)
	sleeper := l.worker("sleeper", "--slots", "3")
	l.worker("other", "--slots", "3")
	l.submitAccident()
	await(t, m.listed(madeUp/4), "so many keys are listed")
	stopProcess(t, sleeper.cmd.Process)
	l.until("the ranges of the sleeper are given to another worker", func(s *flow.Status) bool {
		return slices.ContainsFunc(s.Workers, func(w flow.Worker) bool { return w.Name == "other" && w.Retried > 0 })
	})
	continueProcess(t, sleeper.cmd.Process)
	r := l.end()
	checkAccident(t, m, r)
	if n := l.givenUp(); n == 0 {
		t.Error("the sleeper lost nothing, so this test shows nothing")
	}
}
