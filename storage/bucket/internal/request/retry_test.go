package request

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage/bucket/internal/transport"
)

// TestBackoff: as long as the budget lasts, a pause is random, and grows with the attempt.
func TestBackoff(t *testing.T) { synctest.Test(t, testBackoff) }

func testBackoff(t *testing.T) {
	fault := &RefusalError{Code: "InternalError", Status: http.StatusInternalServerError}

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
		tr := &Translator{HTTP: transport.New(new(http.Transport), transport.Options{Secrets: transport.NewSecrets("")}), Calm: NewCalm(tt.initial, nil, nil)}
		seen := map[time.Duration]bool{}
		for range 100 {
			time.Sleep(time.Second) // fills the budget
			d, err := tr.Pause(tt.attempt, false, fault)
			if d > tt.largest || d < 0 || err != nil {
				t.Errorf("Backoff(%v, %d) = %v, %v, want 0 to %v", tt.initial, tt.attempt, d, err, tt.largest)
			}
			seen[d] = true
		}
		if tt.largest > time.Millisecond && len(seen) < 50 {
			t.Errorf("Backoff(%v, %d) gave only %d values", tt.initial, tt.attempt, len(seen))
		}
	}
}
