package request

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for _, tt := range []struct {
		initial time.Duration
		attempt int
		largest time.Duration
	}{
		{100 * time.Millisecond, 1, 100 * time.Millisecond},
		{100 * time.Millisecond, 2, 200 * time.Millisecond},
		{100 * time.Millisecond, 5, 1600 * time.Millisecond},
		{100 * time.Millisecond, 9, 20 * time.Second},
		{100 * time.Millisecond, 1000, 20 * time.Second},
		{100 * time.Millisecond, 0, 100 * time.Millisecond},
		{time.Hour, 1, 20 * time.Second},
		{time.Hour, 30, 20 * time.Second},
		{0, 3, 0},
		{1, 1, 1},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := backoff(tt.initial, tt.attempt)
			if d > tt.largest || d < tt.largest/2 {
				t.Errorf("Backoff(%v, %d) = %v, want %v to %v", tt.initial, tt.attempt, d, tt.largest/2, tt.largest)
			}
			seen[d] = true
		}
		if tt.largest > time.Millisecond && len(seen) < 50 {
			t.Errorf("Backoff(%v, %d) gave only %d values", tt.initial, tt.attempt, len(seen))
		}
	}
}
