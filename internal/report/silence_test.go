package report

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/mem"
)

// A hanging store has waited for an answer since it began.
type hanging struct {
	storage.Store

	began time.Time
}

func (h *hanging) Waiting() (quiet time.Duration, what string) {
	return time.Since(h.began), "an answer"
}

// A decorated store waits as the one inside does.
type decorated struct{ storage.Store }

func (d decorated) Unwrap() storage.Store { return d.Store }

// TestSilenceIsExplained: a run that does nothing says what it waits for, not too
// often.
func TestSilenceIsExplained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var at []time.Duration
		var last string
		r := New(Options{OnEvent: func(ev Event) {
			if ev.Type == EventNote {
				at = append(at, time.Since(began).Round(10*time.Second))
				last = ev.Note
			}
		}})
		r.Watch(mem.New(), nil)
		r.Watch(mem.New(), decorated{&hanging{mem.New(), began}})
		r.Emit(Event{Type: EventStart})
		time.Sleep(5 * time.Minute)
		r.Emit(Event{Type: EventSkipped})
		time.Sleep(29 * time.Second)
		r.Read(1)
		time.Sleep(35 * time.Second)
		if _, err := r.Finish(t.Context(), nil); err != nil {
			t.Error(err)
		}
		want := []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 6 * time.Minute}
		if !slices.Equal(at, want) {
			t.Errorf("notes at %v, want %v", at, want)
		}
		if !strings.HasPrefix(last, "nothing has moved for 30s") || !strings.HasSuffix(last, "; waiting for the target: an answer") {
			t.Errorf("the note is %q", last)
		}
	})
}

// waitsFor is a side that has waited for some time.
type waitsFor struct {
	quiet time.Duration
	what  string
}

func (w waitsFor) Waiting() (quiet time.Duration, what string) { return w.quiet, w.what }

func TestSilenceIsBroken(t *testing.T) {
	now := time.Unix(1e9, 0)
	const hour = time.Hour
	for name, tt := range map[string]struct {
		since  time.Duration
		events uint64
		bytes  int64
		sides  []waitingSide
		want   string
	}{
		"one side":              {hour, 0, 0, []waitingSide{{"source", waitsFor{hour, "x"}}}, "nothing has moved for 1h0m0s; waiting for the source: x"},
		"both sides":            {hour, 0, 0, []waitingSide{{"source", waitsFor{time.Minute, "x"}}, {"target", waitsFor{hour, "y"}}}, "nothing has moved for 1m0s; waiting for the source: x; the target: y"},
		"an event":              {29 * time.Second, 0, 0, []waitingSide{{"source", waitsFor{hour, "x"}}}, ""},
		"an event just now":     {hour, 1, 0, []waitingSide{{"source", waitsFor{hour, "x"}}}, ""},
		"a byte":                {hour, 0, 1, []waitingSide{{"source", waitsFor{hour, "x"}}}, ""},
		"something on one side": {hour, 0, 0, []waitingSide{{"source", waitsFor{hour, "x"}}, {"target", waitsFor{time.Second, "y"}}}, ""},
		"nobody waits":          {hour, 0, 0, []waitingSide{{"source", waitsFor{hour, ""}}}, ""},
		"no such side":          {hour, 0, 0, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := silence{since: now.Add(-tt.since)}
			if got := s.note(now, tt.events, tt.bytes, tt.sides); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
