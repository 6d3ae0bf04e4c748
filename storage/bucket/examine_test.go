package bucket_test

import (
	"testing"
	"time"

	"s3sync/storage/bucket"
)

// The server tells whole seconds, and the answer was on its way: within that nothing is
// known of its clock.
func TestSkew(t *testing.T) {
	arrived := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, tt := range map[string]struct {
		answer          bucket.Answer
		skew, uncertain time.Duration
		known           bool
	}{
		"no date":   {answer: bucket.Answer{Took: time.Second, Arrived: arrived}},
		"no answer": {answer: bucket.Answer{Date: arrived}},
		"equal": {
			bucket.Answer{Took: time.Second, Arrived: arrived, Date: arrived.Add(-time.Second)}, 0, time.Second, true,
		},
		"ahead": {
			bucket.Answer{Took: 2 * time.Second, Arrived: arrived, Date: arrived.Add(time.Minute)},
			time.Minute + 1500*time.Millisecond, 1500 * time.Millisecond, true,
		},
		"behind": {
			bucket.Answer{Took: time.Second, Arrived: arrived, Date: arrived.Add(-time.Hour)},
			time.Second - time.Hour, time.Second, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			skew, uncertain, known := bucket.Skew(tt.answer)
			if skew != tt.skew || uncertain != tt.uncertain || known != tt.known {
				t.Errorf("got %v ± %v, %t, want %v ± %v, %t", skew, uncertain, known, tt.skew, tt.uncertain, tt.known)
			}
		})
	}
}
