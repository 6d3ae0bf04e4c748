package report

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"s3sync/internal/plan"
)

// emitted returns the keys of the events of a run, in their order.
func emitted(t *testing.T, opts Options, run func(u *Unit)) (keys []string) {
	t.Helper()
	opts.OnEvent = func(ev Event) {
		if ev.Key != "" {
			keys = append(keys, ev.Key)
		}
	}
	r := New(opts)
	run(r.Unit())
	if _, err := r.Finish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return keys
}

// Events of a dry run come in the order of the keys, whichever worker ends first, and
// whatever needs no worker.
func TestOrder(t *testing.T) {
	const keys = 5000 // more than are held back
	for seed := range uint64(3) {
		got := emitted(t, Options{DryRun: true}, func(u *Unit) {
			random := rand.New(rand.NewPCG(seed, 0))
			var workers sync.WaitGroup
			defer workers.Wait()
			free := make(chan struct{}, 20)
			for i := range keys {
				key, n := fmt.Sprintf("%05d", i), random.IntN(3)
				if random.IntN(2) == 0 {
					u.Skip(&plan.Pair{}, plan.ReasonSame) // has no key
					u.Emit(Event{Type: EventSkipped, Key: key})
					continue
				}
				u.Begin(key)
				free <- struct{}{}
				workers.Go(func() {
					defer func() { <-free }()
					defer u.End(key)
					for range n {
						u.Emit(Event{Type: EventTransferred, Key: key})
					}
				})
			}
		})
		if !slices.IsSorted(got) || len(got) < keys {
			t.Errorf("seed %d: %d events, in order: %v", seed, len(got), slices.IsSorted(got))
		}
	}
}

// One slow key holds back no more than the window, and then the others wait for it.
func TestOrderIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{DryRun: true, OnEvent: func(Event) {}})
		u := r.Unit()
		u.Begin("a")
		var emitting sync.WaitGroup
		emitting.Go(func() {
			for range 2 * window {
				u.Emit(Event{Type: EventSkipped, Key: "b"})
			}
		})
		synctest.Wait()
		if n := u.order.held; n < window || n > window+2 {
			t.Errorf("%d are held back", n)
		}
		u.Emit(Event{Type: EventTransferred, Key: "a"}) // does not wait
		u.End("a")
		emitting.Wait()
		if n := len(u.order.queue); n != 0 || u.order.held != 0 {
			t.Errorf("%d slots are left, and %d are held back", n, u.order.held)
		}
		report, err := r.Finish(t.Context(), nil)
		if err != nil || report.Skipped != 2*window || report.Transferred != 1 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// A unit that ends before its time waits for nobody.
func TestStopWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{DryRun: true, OnEvent: func(Event) {}})
		u := r.Unit()
		u.Begin("a") // no worker ever takes it
		var emitting sync.WaitGroup
		emitting.Go(func() {
			for range window + 10 {
				u.Emit(Event{Type: EventSkipped, Key: "b"})
			}
			u.Begin("c")
		})
		synctest.Wait()
		u.StopWaiting()
		emitting.Wait()
		u.Flush()
		if report, err := r.Finish(t.Context(), nil); err != nil || report.Skipped != window+10 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// What is held back when a unit ends is emitted nevertheless.
func TestFlush(t *testing.T) {
	got := emitted(t, Options{DryRun: true}, func(u *Unit) {
		u.Begin("a") // no worker ever takes it
		u.Emit(Event{Type: EventSkipped, Key: "b"})
		u.Emit(Event{Type: EventWarning, Err: errTest}) // not of a key: at once
		u.Flush()
	})
	if !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %q", got)
	}
}

// A run that changes something holds nothing back, and neither does one that nobody
// watches.
func TestNoOrder(t *testing.T) {
	got := emitted(t, Options{}, func(u *Unit) {
		u.Begin("a")
		u.Emit(Event{Type: EventSkipped, Key: "b"})
		u.Emit(Event{Type: EventSkipped, Key: "a"})
		u.End("a")
	})
	if !slices.Equal(got, []string{"b", "a"}) {
		t.Errorf("got %q", got)
	}
	quiet := New(Options{DryRun: true, Logger: slog.New(slog.DiscardHandler)})
	if quiet.Unit().order != nil {
		t.Error("events are held back for nobody")
	}
	if _, err := quiet.Finish(t.Context(), nil); err != nil {
		t.Error(err)
	}
	seen := New(Options{DryRun: true, Logger: slog.New(slog.NewTextHandler(&strings.Builder{}, nil))})
	if seen.Unit().order == nil {
		t.Error("the log has no order")
	}
	if _, err := seen.Finish(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
