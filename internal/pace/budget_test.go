package pace

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// As long as the budget lasts, a retry waits a random time that grows with the attempt.
func TestBudgetDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100*time.Millisecond, 20*time.Second)
		for attempt, window := range map[int]time.Duration{
			0: 100 * time.Millisecond, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 5: 1600 * time.Millisecond,
			9: 20 * time.Second, 100: 20 * time.Second,
		} {
			var least, most time.Duration = time.Hour, 0
			for range 200 {
				time.Sleep(time.Second) // fills the budget
				got := b.Delay(attempt)
				least, most = min(least, got), max(most, got)
			}
			if least > window/10 || most < window*9/10 || most > window {
				t.Errorf("attempt %d: from %v to %v, want from 0 to %v", attempt, least, most, window)
			}
		}
	})
}

// When everything fails, the server gets few retries, however many operations retry.
// Answers permit more.
func TestBudgetBoundsRetries(t *testing.T) {
	for name, tt := range map[string]struct {
		answers     int // for each retry
		length      time.Duration
		least, most int32
	}{
		"all fail":  {0, time.Minute, 60, 300},
		"most work": {100, 3 * time.Second, 1000, 1e5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(10*time.Millisecond, 100*time.Second)
				var retries atomic.Int32
				var clients sync.WaitGroup
				end := time.Now().Add(tt.length)
				for range 64 {
					clients.Go(func() {
						for time.Sleep(b.Delay(1)); time.Now().Before(end); time.Sleep(b.Delay(1)) {
							retries.Add(1)
							for range tt.answers {
								b.Answered()
							}
						}
					})
				}
				clients.Wait()
				if got := retries.Load(); got < tt.least || got > tt.most {
					t.Errorf("%d retries in %v, want %d to %d", got, tt.length, tt.least, tt.most)
				}
			})
		})
	}
}

// However deep the budget is in debt, a delay has an end.
func TestBudgetDelayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(time.Second, 20*time.Second)
		for range 10000 {
			if got := b.Delay(3); got > 40*time.Second {
				t.Fatalf("delay of %v", got)
			}
		}
	})
}

// Operations that ask at the same time, and all hear that they may retry, are spread, too.
func TestBudgetAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const atOnce = 20
		b := NewBudget(time.Millisecond, 20*time.Second)
		for !b.Overdrawn() {
			b.Delay(1)
		}
		time.Sleep(time.Second / budgetPerSecond) // for one more
		for range atOnce {
			if b.Overdrawn() {
				t.Fatal("overdrawn")
			}
		}
		var last time.Duration
		for n := range atOnce {
			got := b.Delay(1)
			if n > 0 && got < last+time.Second/budgetPerSecond-time.Millisecond {
				t.Errorf("retry %d after %v, the one before it after %v", n, got, last)
			}
			last = got
		}
	})
}
