package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/pace"
	"s3sync/internal/plan"
	"s3sync/storage"
)

var errTest = errors.New("some error")

func TestCounters(t *testing.T) {
	for _, tt := range []struct {
		ev   Event
		want Stats
	}{
		{Event{Type: EventStart}, Stats{}},
		{Event{Type: EventListed, Objects: 5, Bytes: 7}, Stats{}},
		{Event{Type: EventBegun, Key: "k"}, Stats{}},
		{Event{Type: EventWritten, Key: "k", Bytes: 5}, Stats{}},
		{Event{Type: EventMismatch, Key: "k", Err: errTest}, Stats{}},
		{Event{Type: EventTransferred, Key: "k"}, Stats{Transferred: 1}},
		{Event{Type: EventTransferred, Key: "k", Verified: true}, Stats{Transferred: 1, Verified: 1}},
		{Event{Type: EventVerified, Key: "k"}, Stats{ETagVerified: 1}},
		{Event{Type: EventChecksumVerified, Key: "k"}, Stats{ChecksumVerified: 1}},
		{Event{Type: EventNoChecksum, Key: "k"}, Stats{Warnings: 1}},
		{Event{Type: EventUnverified, Key: "k", Err: errTest}, Stats{Unverified: 1}},
		{Event{Type: EventUnverified, Key: "k", Err: errTest, Cause: CauseVerificationOff}, Stats{Unverified: 1}},
		{Event{Type: EventUnverified, Key: "k", Err: errTest, Cause: CauseUnknownParts}, Stats{Unverified: 1, Warnings: 1}},
		{Event{Type: EventSkipped, Key: "k"}, Stats{Skipped: 1}},
		{Event{Type: EventCancelled, Key: "k"}, Stats{Skipped: 1}},
		{Event{Type: EventTagged, Key: "k"}, Stats{Transferred: 1}},
		{Event{Type: EventStatus, Key: "k", Line: &Line{Aspect: AspectETag, Status: StatusMatches}}, Stats{}},
		{Event{Type: EventDeleted, Key: "k"}, Stats{Deleted: 1}},
		{Event{Type: EventPerhapsDeleted, Key: "k"}, Stats{PerhapsDeleted: 1, Warnings: 1}},
		{Event{Type: EventRetry, Key: "k", Err: errTest}, Stats{Retries: 1}},
		{Event{Type: EventWarning, Key: "k", Err: errTest}, Stats{Warnings: 1}},
		{Event{Type: EventFailed, Key: "k", Err: errTest}, Stats{Failed: 1}},
		{Event{Type: EventNote, Note: "n"}, Stats{}},
	} {
		r := New(Options{})
		r.Emit(tt.ev)
		report, err := r.Finish(t.Context(), nil)
		got := report.Stats
		got.Elapsed = 0
		if got != tt.want || (err != nil) != (tt.want.Failed > 0) {
			t.Errorf("%v: %+v, error %v", tt.ev, got, err)
		}
	}
}

// TestEventsInOrder: the callback gets every event, with the counters at the end.
func TestEventsInOrder(t *testing.T) {
	var got []Event
	r := New(Options{DryRun: true, OnEvent: func(ev Event) {
		if ev.Type != EventProgress {
			got = append(got, ev)
		}
	}})
	for i := range 1000 {
		r.Emit(Event{Type: EventTransferred, Part: i})
	}
	r.Read(5)
	r.Read(7)
	if _, err := r.Finish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1001 {
		t.Fatalf("%d events", len(got))
	}
	for i, ev := range got {
		end := i == 1000
		if !end && (ev.Type != EventTransferred || ev.Part != i) || (ev.Stats != nil) != end || !ev.DryRun {
			t.Fatalf("event %d is %+v", i, ev)
		}
	}
	end := got[1000]
	if end.Type != EventEnd || end.Stats.Transferred != 1000 || end.Stats.TransferredBytes != 12 {
		t.Errorf("the end is %v", end)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Stats
		r := New(Options{OnEvent: func(ev Event) {
			if ev.Type == EventProgress {
				got = append(got, *ev.Stats)
			}
		}})
		r.Emit(Event{Type: EventSkipped})
		time.Sleep(1500 * time.Millisecond)
		r.Emit(Event{Type: EventSkipped})
		r.Read(3)
		time.Sleep(time.Second)
		if _, err := r.Finish(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		want := []Stats{{Skipped: 1, Elapsed: time.Second}, {Skipped: 2, TransferredBytes: 3, Elapsed: 2 * time.Second}}
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

// TestProgressCountsWhatCameBefore: the counters of an event are those of the events
// before it, however many emit meanwhile and however slow the callback is.
func TestProgressCountsWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var before Stats
		progress := 0
		r := New(Options{OnEvent: func(ev Event) {
			time.Sleep(time.Millisecond)
			switch ev.Type {
			case EventSkipped:
				before.Skipped++
			case EventTransferred:
				before.Transferred++
			case EventProgress, EventEnd:
				progress++
				if ev.Stats.Skipped != before.Skipped || ev.Stats.Transferred != before.Transferred {
					t.Errorf("%v, but %v came before", ev, before)
				}
			default:
			}
		}})
		u := r.Unit()
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for i := range 2000 {
					u.Skip(&plan.Pair{Source: storage.Object{Key: "k"}}, plan.ReasonSame)
					u.Emit(Event{Type: EventTransferred})
					if i%100 == 0 {
						time.Sleep(time.Second / 20)
					}
				}
			})
		}
		workers.Wait()
		if _, err := r.Finish(t.Context(), nil); err != nil || progress < 10 || before.Skipped != 8000 || before.Transferred != 8000 {
			t.Errorf("error %v, %d times progress, %+v", err, progress, before)
		}
	})
}

func TestFinish(t *testing.T) {
	stopped := errors.New("stopped")
	for name, tt := range map[string]struct {
		stopped  bool
		err      error
		failures []error // of objects
		want     string
		failed   int64
	}{
		"all went well":             {false, nil, nil, "", 0},
		"objects failed":            {false, nil, []error{errTest, stopped}, "2 failed, the first with: some error", 2},
		"the run failed":            {false, errTest, nil, "some error", 1},
		"the run failed after that": {false, errTest, []error{stopped}, "some error", 2},
		"reported already":          {false, fmt.Errorf("x: %w", Reported(errTest)), []error{errTest}, "x: some error", 1},
		"interrupted":               {true, fmt.Errorf("x: %w", stopped), nil, "x: stopped", 0},
		"failed, then interrupted":  {true, errTest, nil, "some error", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := New(Options{})
			for i, err := range tt.failures {
				r.Emit(Event{Type: EventFailed, Key: fmt.Sprint(i), Err: err})
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			if tt.stopped {
				cancel(stopped)
			}
			defer cancel(nil)
			report, err := r.Finish(ctx, tt.err)
			if fmt.Sprint(err) != tt.want && (err != nil || tt.want != "") {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if len(tt.failures) > 0 && tt.err == nil && !errors.Is(err, tt.failures[0]) {
				t.Errorf("%v does not wrap the first failure", err)
			}
			if tt.err != nil && !errors.Is(err, tt.err) {
				t.Errorf("%v is not the error of the run", err)
			}
			if report.Failed != tt.failed || report.Incomplete != (tt.err != nil) || len(report.Failures) != len(tt.failures) {
				t.Errorf("%+v", report)
			}
			for i, f := range report.Failures {
				if f.Key != fmt.Sprint(i) || !errors.Is(f.Err, tt.failures[i]) {
					t.Errorf("failure %d is %+v", i, f)
				}
			}
		})
	}
}

func TestFailuresAreBounded(t *testing.T) {
	r := New(Options{})
	for i := range MaxFailures + 5 {
		r.Emit(Event{Type: EventFailed, Key: fmt.Sprint(i), Err: errTest})
	}
	report, err := r.Finish(t.Context(), nil)
	keys := report.FailedKeys()
	if err == nil || report.Failed != MaxFailures+5 || len(keys) != MaxFailures || keys[0] != "0" || keys[MaxFailures-1] != "999" {
		t.Errorf("%d failed, %d keys, error %v", report.Failed, len(keys), err)
	}
	if keys := (&Report{}).FailedKeys(); keys != nil {
		t.Errorf("keys %q of no failure", keys)
	}
}

func TestIncomplete(t *testing.T) {
	r := New(Options{})
	if r.Incomplete() || r.SetIncomplete() || !r.SetIncomplete() || !r.Incomplete() {
		t.Error("it is not remembered")
	}
	if report, err := r.Finish(t.Context(), nil); err != nil || !report.Incomplete {
		t.Errorf("error %v, %+v", err, report)
	}
}

func TestWarnAsError(t *testing.T) {
	for name, tt := range map[string]struct {
		emit             func(r *Recorder)
		warnings, failed int64
	}{
		"object":               {func(r *Recorder) { r.Emit(Event{Type: EventWarning, Key: "k", Err: errTest}) }, 0, 1},
		"of a unit":            {func(r *Recorder) { r.Unit().Emit(Event{Type: EventWarning, Key: "k", Err: errTest}) }, 0, 1},
		"run":                  {func(r *Recorder) { r.Emit(Event{Type: EventWarning, Err: errTest}) }, 0, 1},
		"unlisted":             {func(r *Recorder) { r.Emit(Event{Type: EventWarning, Key: "k", Err: errTest, Cause: CauseUnlisted}) }, 0, 1},
		"incomparable":         {func(r *Recorder) { r.Emit(Event{Type: EventWarning, Key: "k", Err: errTest, Cause: CauseIncomparable}) }, 1, 0},
		"a warning of a store": {func(r *Recorder) { r.Notice(storage.Notice{Warning: true, Text: "x"}) }, 0, 1},
		"a note of a store":    {func(r *Recorder) { r.Notice(storage.Notice{Text: "x"}) }, 0, 0},
		"no checksum":          {func(r *Recorder) { r.Emit(Event{Type: EventNoChecksum, Key: "k"}) }, 1, 0},
	} {
		for _, asError := range []bool{false, true} {
			r := New(Options{WarnAsError: asError})
			tt.emit(r)
			report, _ := r.Finish(t.Context(), nil)
			warnings, failed := tt.warnings, tt.failed
			if !asError {
				warnings, failed = warnings+failed, 0
			}
			if report.Warnings != warnings || report.Failed != failed {
				t.Errorf("%s, WarnAsError %v: %+v", name, asError, report.Stats)
			}
		}
	}
}

// TestManyEmit: nothing is lost, whoever emits.
func TestManyEmit(t *testing.T) {
	var events int // of the callback, which needs no lock
	r := New(Options{OnEvent: func(ev Event) {
		if ev.Type == EventSkipped {
			events++
		}
	}})
	units := []*Unit{r.Unit(), r.Unit()}
	const workers, each = 8, 500
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			u := units[w%2]
			for range each {
				u.Emit(Event{Type: EventSkipped})
				r.Read(1)
			}
			if got := u.Report(); got.Skipped < each {
				t.Errorf("%+v, although %d were emitted", got.Stats, each)
			}
		})
	}
	wg.Wait()
	report, err := r.Finish(t.Context(), nil)
	if err != nil || report.Skipped != workers*each || report.TransferredBytes != workers*each || events != workers*each {
		t.Errorf("error %v, %d events, %+v", err, events, report.Stats)
	}
	for _, u := range units {
		if got := u.Report(); got.Skipped != workers*each/2 {
			t.Errorf("unit: %+v", got.Stats)
		}
	}
}

// TestSlowCallback: whoever emits waits for OnEvent, so that the queue does not grow.
func TestSlowCallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var emitted, delivered, most int
		r := New(Options{OnEvent: func(Event) {
			time.Sleep(time.Millisecond)
			synctest.Wait() // the others have emitted all that they may
			most = max(most, emitted-delivered)
			delivered++
		}})
		for range 4 * backlog {
			r.Emit(Event{Type: EventTransferred})
			emitted++
		}
		if _, err := r.Finish(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if most < backlog || most > 2*backlog {
			t.Errorf("up to %d events were waiting", most)
		}
	})
}

// TestSkip: a skipped object counts, and is seen by whoever sees its event.
func TestSkip(t *testing.T) {
	same := &plan.Pair{Source: storage.Object{Key: "k", Size: 5}, Target: storage.Object{Key: "k", Size: 5}}
	resized := &plan.Pair{Source: storage.Object{Key: "k", Size: 5}, Target: storage.Object{Key: "k", Size: 6}}
	for name, tt := range map[string]struct {
		p      *plan.Pair
		why    plan.Reason
		level  slog.Level
		logged bool
	}{
		"at debug":               {same, plan.ReasonSame, slog.LevelDebug, true},
		"at info":                {same, plan.ReasonSame, slog.LevelInfo, false},
		"other size, at info":    {resized, plan.ReasonSame, slog.LevelInfo, true},
		"other size, at warning": {resized, plan.ReasonSame, slog.LevelWarn, false},
		"directory, at warning":  {same, plan.ReasonDirectory, slog.LevelWarn, true},
	} {
		for _, watched := range []bool{false, true} {
			var log bytes.Buffer
			var events []Event
			opts := Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: tt.level}))}
			if watched {
				opts.OnEvent = func(ev Event) {
					if ev.Type == EventSkipped {
						events = append(events, ev)
					}
				}
			}
			r := New(opts)
			u := r.Unit()
			u.Skip(tt.p, tt.why)
			if logged := strings.Contains(log.String(), "object filtered."); logged != tt.logged {
				t.Errorf("%s: logged %v", name, logged)
			}
			report, err := r.Finish(t.Context(), nil)
			if err != nil || report.Skipped != 1 || u.Report().Skipped != 1 {
				t.Errorf("%s: error %v, run %+v, unit %+v", name, err, report.Stats, u.Report().Stats)
			}
			want := Event{Type: EventSkipped, Key: "k", Reason: tt.why, Source: tt.p.Source, Target: tt.p.Target}
			if watched && (len(events) != 1 || !cmp.Equal(events[0], want)) {
				t.Errorf("%s: events %v", name, events)
			}
		}
	}
}

// TestUnseenEventsCostNothing: an event that nobody sees is counted without memory.
func TestUnseenEventsCostNothing(t *testing.T) {
	r := New(Options{Logger: slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))})
	u := r.Unit()
	p := &plan.Pair{Source: storage.Object{Key: "k"}}
	if n := testing.AllocsPerRun(100, func() {
		u.Skip(p, plan.ReasonSame)
		u.Emit(Event{Type: EventVerified, Key: "k"})
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if _, err := r.Finish(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// TestUnits: each unit has its own counters, failures and completeness.
func TestUnits(t *testing.T) {
	r := New(Options{})
	a, b := r.Unit(), r.Unit()
	a.Emit(Event{Type: EventTransferred, Key: "a1", Source: storage.Object{Size: 5}})
	a.Emit(Event{Type: EventFailed, Key: "a2", Source: storage.Object{Size: 7}, Err: errTest})
	b.Emit(Event{Type: EventStatus, Key: "b1", Line: &Line{Aspect: AspectTagging, Status: StatusMismatch}})
	b.Emit(Event{Type: EventDeleted, Key: "b2"})
	r.Emit(Event{Type: EventFailed, Err: errors.New("of the run")})
	r.Read(9)
	if a.SetIncomplete() || !a.SetIncomplete() || b.Incomplete() || !r.Incomplete() {
		t.Error("a alone is incomplete")
	}
	check := func() {
		t.Helper()
		got := a.Report()
		if got.Transferred != 1 || got.Failed != 1 || got.TransferredBytes != 5 || got.Deleted != 0 || !got.Incomplete ||
			!slices.Equal(got.Failures, []Failure{{"a2", errTest}}) {
			t.Errorf("a: %+v", got)
		}
		got = b.Report()
		if got.Deleted != 1 || got.Status.Tagging.Mismatch != 1 || got.Failed != 0 || got.TransferredBytes != 0 || got.Incomplete {
			t.Errorf("b: %+v", got)
		}
	}
	check()
	report, err := r.Finish(t.Context(), nil)
	if report.Transferred != 1 || report.TransferredBytes != 9 || report.Deleted != 1 || report.Failed != 2 || report.Status.Tagging.Mismatch != 1 ||
		!report.Incomplete || !errors.Is(err, errTest) {
		t.Errorf("%+v, error %v", report, err)
	}
	check()
}

// A benchmark of what every object costs at least.
func BenchmarkEmit(b *testing.B) {
	o := storage.Object{Key: "photos/2024/06/15/0001.jpg", Size: 1234, ModTime: time.Now(), ETag: "d41d8cd98f00b204e9800998ecf8427e"}
	r := New(Options{OnEvent: func(Event) {}})
	u := r.Unit()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			u.Emit(Event{Type: EventSkipped, Key: o.Key, Reason: plan.ReasonSame, Source: o, Target: o})
		}
	})
	if _, err := r.Finish(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
}

// An observer is told of everything that is counted, in order, also of skips if it wants
// that, and of the requests of both sides until the run ends.
func TestObserver(t *testing.T) {
	for _, skips := range []bool{false, true} {
		var got []string
		source := new(observable)
		ctx := WithObserver(t.Context(), &Observer{
			Event:   func(ev *Event) { got = append(got, ev.Type.String()+" "+ev.Key) },
			Skips:   skips,
			Request: func(side string, q storage.Request) { got = append(got, side+" "+q.Operation) },
			Limits:  func(reports func() []pace.Report) { got = append(got, reports()[0].Name) },
		})
		r := New(Options{Observer: ObserverOf(ctx)})
		r.Watch(source, nil)
		r.Watch(source, nil) // counts once
		r.Limits(func() []pace.Report { return []pace.Report{{Name: "objects"}} })
		r.Emit(Event{Type: EventTransferred, Key: "a"})
		source.tell(storage.Request{Operation: "GetObject"})
		r.Unit().Skip(&plan.Pair{Source: storage.Object{Key: "b"}}, plan.ReasonSame)
		if _, err := r.Finish(ctx, nil); err != nil {
			t.Fatal(err)
		}
		want := []string{"objects", "transferred a", "source GetObject", "skipped b", "end "}
		if !skips {
			want = slices.Delete(want, 3, 4)
		}
		if !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if source.tell != nil {
			t.Error("the store still tells")
		}
	}
}

// observable is a store that tells of requests.
type observable struct {
	storage.Store

	tell func(storage.Request)
}

func (o *observable) Observe(f func(storage.Request)) func() {
	o.tell = f
	return func() { o.tell = nil }
}
