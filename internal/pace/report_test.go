package pace

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A report says in one line what was settled on, and why.
func TestReport(t *testing.T) {
	for name, tt := range map[string]struct {
		options Options
		server  func(*server)
		want    []string
	}{
		"settled":   {Options{Max: 512}, func(*server) {}, []string{"objects: ", " in flight, about 1", "00/s: ", " moved "}},
		"fixed":     {Options{Min: 8, Max: 8}, func(*server) {}, []string{"objects: 8 in flight: the number is fixed"}},
		"throttled": {Options{Max: 512}, func(s *server) { s.SlowDown, s.Burst = 500, 50 }, []string{"/s begin, because the server asked for fewer; throttled "}},
		"down":      {Options{Max: 512}, func(s *server) { s.Down = true }, []string{": requests remained unanswered at 16; ", " unanswered"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := office(5 * time.Millisecond)
				tt.server(&s)
				tt.options.Name = "objects"
				l := New(tt.options)
				load := small
				load.Duration = 10 * time.Second
				run(t, s, load, ours(l))
				for _, want := range tt.want {
					if got := l.String(); !strings.Contains(got, want) {
						t.Errorf("got %q, want %q", got, want)
					}
				}
			})
		})
	}
}

// Where the limit is one that is tried, the reason is about that.
func TestReasonOfATrial(t *testing.T) {
	for limit, want := range map[int]string{512: "no more are allowed", 362: "fewer than 512 are being tried"} {
		s := search{least: 1, most: 512, good: 512, limit: limit}
		if got := s.why(); got != want {
			t.Errorf("at %d: %q, want %q", limit, got, want)
		}
	}
}

// The clock that is given is the one that counts.
func TestClock(t *testing.T) {
	now := time.Now()
	l := New(Options{Name: "listers", Max: 4, Start: 1, Clock: func() time.Time { return now }})
	for range 30 {
		p, err := l.Acquire(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Second)
		p.Done(Outcome{})
		l.Observe(now, Outcome{Kind: OK}) // says nothing
	}
	if got, want := l.String(), "listers: 1 in flight, about 1.0/s: nobody waited for more"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
