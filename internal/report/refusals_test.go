package report

import (
	"io/fs"
	"testing"

	"s3sync/storage"
)

func refused(key string) Event {
	return Event{Type: EventWarning, Key: key, Err: &storage.Error{Op: "open", Key: key, Err: fs.ErrPermission}}
}

// Objects that may not be read or written are warnings where other objects may,
// and failures where it shows that the run lacks a permission.
func TestRefusals(t *testing.T) {
	const n = 300
	row := func(from, to int) func(i int) bool { return func(i int) bool { return from <= i && i < to } }
	for name, tt := range map[string]struct {
		refused          func(i int) bool
		warnings, failed int64
	}{
		"none":              {row(0, 0), 0, 0},
		"one":               {row(7, 8), 1, 0},
		"all":               {row(0, n), 0, n},
		"all but the last":  {row(0, n-1), 0, n - 1},
		"100 at the start":  {row(0, 100), 100, 0},
		"101 at the start":  {row(0, 101), 0, 101},
		"100 in the middle": {row(50, 150), 100, 0},
		"101 in the middle": {row(50, 151), 0, 101},
		"100 at the end":    {row(n-100, n), 100, 0},
		"101 at the end":    {row(n-101, n), 0, 101},
		"every second":      {func(i int) bool { return i%2 == 0 }, n / 2, 0},
		"two rows":          {func(i int) bool { return row(0, 150)(i) || row(200, 210)(i) }, 10, 150},
	} {
		for _, outcome := range []EventType{EventTransferred, EventTagged} {
			var warnings, failed int64
			r := New(Options{OnEvent: func(ev Event) {
				switch ev.Type {
				case EventWarning:
					warnings++
				case EventFailed:
					failed++
				default:
				}
			}})
			for i := range n {
				if tt.refused(i) {
					r.Emit(refused("k"))
					r.Emit(Event{Type: EventSkipped}) // changes nothing
				} else {
					r.Emit(Event{Type: outcome})
				}
			}
			report, err := r.Finish(t.Context(), nil)
			if report.Warnings != tt.warnings || report.Failed != tt.failed || warnings != tt.warnings || failed != tt.failed || (err != nil) != (tt.failed > 0) {
				t.Errorf("%s: %+v; %d warnings and %d failures were reported; error %v", name, report.Stats, warnings, failed, err)
			}
		}
	}
}

// What is no refused object is reported at once, and nothing else is changed by it.
func TestNoRefusal(t *testing.T) {
	unlisted := refused("locked")
	unlisted.Cause = CauseUnlisted
	for name, ev := range map[string]Event{
		"unlisted":      unlisted,
		"of the run":    refused(""),
		"another cause": {Type: EventWarning, Key: "k", Err: errTest},
	} {
		r := New(Options{})
		r.Emit(ev)
		if report, err := r.Finish(t.Context(), nil); err != nil || report.Warnings != 1 || report.Failed != 0 {
			t.Errorf("%s: %v, %+v", name, err, report.Stats)
		}
	}
}

// TestRefusalsAreReportedInOrder: before the event that decides about them.
func TestRefusalsAreReportedInOrder(t *testing.T) {
	var got string
	r := New(Options{OnEvent: func(ev Event) {
		if ev.Key != "" {
			got += ev.Key
		}
	}})
	r.Emit(refused("1"))
	r.Emit(Event{Type: EventSkipped, Key: "a"})
	r.Emit(refused("2"))
	r.Emit(Event{Type: EventTransferred, Key: "b"})
	r.Emit(refused("3"))
	if _, err := r.Finish(t.Context(), nil); err != nil || got != "a12b3" {
		t.Errorf("error %v, order %s", err, got)
	}
}

// TestRefusalsOfAUnit: they count as warnings until it is known that they are not.
func TestRefusalsOfAUnit(t *testing.T) {
	r := New(Options{})
	a, b := r.Unit(), r.Unit()
	a.Emit(refused("a1"))
	a.Emit(refused("a2"))
	b.Emit(refused("b1"))
	if a, b := a.Report(), b.Report(); a.Warnings != 2 || a.Failed != 0 || b.Warnings != 1 {
		t.Errorf("a %+v, b %+v", a.Stats, b.Stats)
	}
	if _, err := r.Finish(t.Context(), nil); err == nil {
		t.Error("nothing could be transferred, but that is no failure")
	}
	if a, b := a.Report(), b.Report(); a.Warnings != 0 || a.Failed != 2 || b.Failed != 1 {
		t.Errorf("at the end a %+v, b %+v", a.Stats, b.Stats)
	}
}
