package pace

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var errTest = errors.New("test failure")

// down returns an Outage that has begun, and what it tells.
func down(t *testing.T) (o *Outage, begins, ends *atomic.Int32) {
	t.Helper()
	begins, ends = new(atomic.Int32), new(atomic.Int32)
	o = NewOutage(time.Hour, func(down bool, _ time.Duration) {
		if down {
			begins.Add(1)
		} else {
			ends.Add(1)
		}
	})
	for i := range outageAfter {
		if i == outageAfter-1 {
			time.Sleep(outageFrom)
		}
		pass, err := o.Enter(t.Context(), nil)
		if err != nil || pass.Probe() {
			t.Fatalf("probe %v, %v before the outage", pass.Probe(), err)
		}
		o.Unanswered()
		pass.Leave()
	}
	if begins.Load() != 1 || ends.Load() != 0 {
		t.Fatalf("%d beginnings and %d ends were told", begins.Load(), ends.Load())
	}
	return o, begins, ends
}

// Work waits during an outage. One probe at a time begins, after pauses that grow.
func TestOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, begins, ends := down(t)
		start := time.Now()
		var mu sync.Mutex
		var probes []time.Duration
		var under, entered atomic.Int32
		for range 100 {
			go func() {
				pass, err := o.Enter(t.Context(), nil)
				if err != nil {
					t.Error(err)
				}
				defer pass.Leave()
				entered.Add(1)
				if !pass.Probe() {
					return
				}
				if under.Add(1) > 1 {
					t.Error("two probes at a time")
				}
				mu.Lock()
				probes = append(probes, time.Since(start))
				last := len(probes) == 10
				mu.Unlock()
				time.Sleep(time.Second)
				under.Add(-1)
				if last {
					o.Answered()
				} else {
					o.Unanswered()
				}
			}()
		}
		synctest.Wait()
		if entered.Load() != 0 {
			t.Errorf("%d entered", entered.Load())
		}
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if len(probes) != 10 || entered.Load() != 100 {
			t.Errorf("%d probes, %d entered", len(probes), entered.Load())
		}
		for i, seconds := range []float64{1, 2, 4, 8, 16, 30, 30, 30, 30, 30} {
			from := time.Duration(0)
			if i > 0 {
				from = probes[i-1] + time.Second // when that one failed
			}
			if got := (probes[i] - from).Seconds(); got < seconds/2 || got > seconds {
				t.Errorf("pause %d: %.1f s", i, got)
			}
		}
		if begins.Load() != 1 || ends.Load() != 1 {
			t.Errorf("%d beginnings and %d ends were told", begins.Load(), ends.Load())
		}
	})
}

// An answer in between means that there is no outage.
func TestOutageNeedsARow(t *testing.T) {
	o := NewOutage(time.Hour, func(bool, time.Duration) { t.Error("an outage was told") })
	for range 10 {
		for range outageAfter - 1 {
			o.Unanswered()
		}
		o.Answered()
	}
	if pass, err := o.Enter(t.Context(), nil); err != nil || pass.Probe() {
		t.Error(pass, err)
	}
}

// A probe that ends without an answer and without a failure lets another one begin. Who
// gives up holds nobody up.
func TestOutageProbeSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, _, _ := down(t)
		ctx, cancel := context.WithCancelCause(t.Context())
		impatient := make(chan error, 1)
		go func() {
			_, err := o.Enter(ctx, nil)
			impatient <- err
		}()
		synctest.Wait() // it has the turn, and waits for the time of the probe
		cancel(errTest)
		if err := <-impatient; !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
		for range 3 {
			pass, err := o.Enter(t.Context(), nil)
			if err != nil || !pass.Probe() {
				t.Fatal(pass, err)
			}
			pass.Leave()
		}
		if _, err := o.Enter(ctx, nil); !errors.Is(err, errTest) {
			t.Errorf("got %v", err)
		}
	})
}
