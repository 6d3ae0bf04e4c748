package report

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/storage"
)

// OnProgress is called four times a second and at the end, and asks for nothing else.
func TestOnProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Progress
		r := New(Options{OnProgress: func(p Progress) { got = append(got, p) }})
		if r.Watched() {
			t.Error("steps of transfers are told")
		}
		r.Track().Expect(10)
		time.Sleep(600 * time.Millisecond)
		lane := r.Track().Begin("a", 10)
		r.Emit(Event{Type: EventRetry, Key: "a"})
		r.Observe(storage.Request{Again: true})
		r.Observe(storage.Request{Again: true, Hedge: true}) // none failed
		r.Observe(storage.Request{})
		lane.Done(10)
		r.Emit(Event{Type: EventTransferred, Key: "a", Verified: true})
		lane.End()
		report, err := r.Finish(t.Context(), nil)
		if err != nil || len(got) != 3 {
			t.Fatalf("%v after %d calls", err, len(got))
		}
		want := []Progress{
			{Stats: Stats{Elapsed: 250 * time.Millisecond}, Found: 1, FoundBytes: 10},
			{Stats: Stats{Elapsed: 500 * time.Millisecond}, Found: 1, FoundBytes: 10},
			{Stats: Stats{Elapsed: 600 * time.Millisecond, Transferred: 1, Verified: 1, Retries: 2}, Found: 1, FoundBytes: 10, Done: 1, DoneBytes: 10},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if report.Retries != 2 || report.Verified != 1 {
			t.Errorf("%+v", report.Stats)
		}
	})
}

// Objects go from expected over under way to done. Those that fail or are skipped vanish.
func TestTracker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		track := newTracker(true)
		state := func() (p Progress) {
			track.fill(&p)
			return p
		}
		check := func(want Progress) {
			t.Helper()
			if diff := cmp.Diff(want, state()); diff != "" {
				t.Error(diff)
			}
		}
		check(Progress{})
		end := track.Listing()
		track.SetPasses(2)
		track.Expect(100)
		track.Expect(300)
		check(Progress{Found: 2, FoundBytes: 400})

		a, b := track.Begin("a", 100), track.Begin("b", 300)
		m := storage.MeterOf(a.Context(t.Context()))
		m.Add(120)
		storage.MeterOf(b.Context(t.Context())).Add(700) // more than there is
		time.Sleep(time.Second)
		check(Progress{Found: 2, FoundBytes: 400, DoneBytes: 360, Active: 2, InFlight: []InFlight{
			{Key: "b", Bytes: 300, Size: 300, Elapsed: time.Second}, {Key: "a", Bytes: 60, Size: 100, Elapsed: time.Second},
		}})

		end()
		end()      // once more changes nothing
		a.Done(90) // it is smaller than it was listed
		a.End()
		check(Progress{Found: 2, FoundBytes: 390, Listed: true, Done: 1, DoneBytes: 390, Active: 1, InFlight: []InFlight{
			{Key: "b", Bytes: 300, Size: 300, Elapsed: time.Second},
		}})
		b.End() // it failed
		check(Progress{Found: 1, FoundBytes: 90, Listed: true, Done: 1, DoneBytes: 90})

		track.Expect(7)
		again := track.Begin("c", 7)
		if again != b && again != a || storage.MeterOf(again.Context(t.Context())).Count() != 0 {
			t.Error("a lane is not used again, or is not empty")
		}
		again.End()
		track.Listing()
		if state().Listed {
			t.Error("a listing has begun again")
		}
	})
}

// Only the largest objects are named.
func TestTrackerNamesFew(t *testing.T) {
	track := newTracker(true)
	for i := range 20 {
		track.Begin(string(rune('a'+i)), int64(i/2))
	}
	var p Progress
	track.fill(&p)
	got := ""
	for _, f := range p.InFlight {
		got += f.Key
	}
	if got != "stqropmn" || p.Active != 20 {
		t.Errorf("got %q of %d", got, p.Active)
	}
}

// Nobody who asks for progress costs nothing.
func TestNoTracker(t *testing.T) {
	track := newTracker(false)
	ctx := t.Context()
	allocs := testing.AllocsPerRun(10, func() {
		track.SetPasses(1)
		track.Expect(1)
		lane := track.Begin("a", 1)
		if lane.Context(ctx) != ctx {
			t.Error("another context")
		}
		lane.Done(1)
		lane.End()
		track.Listing()()
	})
	if track != nil || allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// An object that follows another one in the same worker costs no memory.
func TestLanesCostNothing(t *testing.T) {
	track, ctx := newTracker(true), t.Context()
	allocs := testing.AllocsPerRun(100, func() {
		track.Expect(1)
		lane := track.Begin("a", 1)
		storage.MeterOf(lane.Context(ctx)).Add(1)
		lane.Done(1)
		lane.End()
	})
	if allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}
