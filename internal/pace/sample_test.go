package pace

import (
	"math"
	"testing"
	"time"
)

// sampleOf is what n operations of each size make if each takes the given seconds and
// the given seconds for each MiB.
func sampleOf(inFlight, each, perMiB float64, n int, sizes ...float64) sample {
	s := sample{limit: int(inFlight), inFlight: inFlight, working: inFlight, waited: true}
	for range n {
		for _, size := range sizes {
			s.add(size*(1<<20), each+perMiB*size, each)
		}
	}
	return s
}

// A gain does not depend on which sizes happened to be in a sample.
func TestGain(t *testing.T) {
	base := sampleOf(10, 0.02, 0.1, 100, 0.01, 0.1, 1, 8)
	for name, tt := range map[string]struct {
		base, later sample
		want        float64
	}{
		"the same":                    {base, sampleOf(10, 0.02, 0.1, 10, 0.01, 0.1, 1, 8), 1},
		"small ones":                  {base, sampleOf(10, 0.02, 0.1, 10, 0.1), 1},
		"large ones":                  {base, sampleOf(10, 0.02, 0.1, 10, 8), 1},
		"twice as many in flight":     {base, sampleOf(20, 0.02, 0.1, 10, 0.1, 1), 2},
		"which take twice as long":    {base, sampleOf(20, 0.04, 0.2, 10, 0.1, 1), 1},
		"all of one size":             {sampleOf(10, 0.02, 0, 9, 4), sampleOf(10, 0.01, 0, 9, 4), 2},
		"a single one":                {sampleOf(10, 0.02, 0, 1, 4), sampleOf(10, 0.01, 0, 1, 4), 2},
		"time is in the bytes":        {sampleOf(10, 0, 0.1, 9, 1, 2), sampleOf(10, 0, 0.05, 9, 4, 8), 2},
		"large ones take less, oddly": {sampleOf(10, 0.2, -0.1, 9, 0.5, 1), sampleOf(10, 0.1, -0.05, 9, 0.5, 1), 2},
		"a line below zero":           {sampleOf(10, -0.1, 0.2, 9, 1, 2), sampleOf(10, -0.05, 0.1, 9, 1, 2), 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tt.base.gain(&tt.later); math.Abs(got-tt.want) > 0.01*tt.want {
				t.Errorf("got %.3f, want %.3f", got, tt.want)
			}
		})
	}
}

// Where the first byte takes clearly longer than it did, fewer are tried again, although
// as much is moved as before. One slow cohort is no reason.
func TestRisingLatency(t *testing.T) {
	usual := sampleOf(32, 0.02, 0, 100, 1)
	slow := usual
	slow.first *= 3
	for name, tt := range map[string]struct {
		cohorts []sample
		want    int
	}{
		"usual":      {[]sample{usual, usual, usual}, 32},
		"slow once":  {[]sample{slow, usual, slow}, 32},
		"slow twice": {[]sample{slow, slow}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			s := search{least: 1, most: 512, limit: 32, good: 32, base: usual, first: usual, low: 30, high: 48, probeAt: time.Hour}
			for _, got := range tt.cohorts {
				s.judge(time.Second, got)
			}
			if s.limit != tt.want {
				t.Errorf("the limit is %d, want %d", s.limit, tt.want)
			}
		})
	}
}
