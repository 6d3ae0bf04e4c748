package pace

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	budgetFull      = 100 // retries that may be made at once
	budgetPerSecond = 2   // retries that time alone permits
	budgetAnswers   = 10  // answers that permit one retry
)

// A Budget spreads the retries of all operations on one server over time: when
// everything fails, a server gets about two retries a second beyond one for ten answers,
// however many operations retry. No retry is lost: it waits longer.
//
// All methods may be called concurrently.
type Budget struct {
	first, most time.Duration
	answers     atomic.Int64 // that were not counted yet

	mu     sync.Mutex
	left   float64 // retries; negative if some were promised ahead
	filled time.Time
}

// NewBudget returns a full Budget. The delay before the first retry of an operation is
// random between 0 and first, that before each further one up to twice as long, and at
// most most.
func NewBudget(first, most time.Duration) *Budget {
	return &Budget{first: first, most: most, left: budgetFull, filled: time.Now()}
}

// Answered tells that a request was answered, and not throttled.
func (b *Budget) Answered() { b.answers.Add(1) }

// Delay returns how long to wait before the retry after a failed attempt, counted from
// 1. It is at most twice the longest delay.
func (b *Budget) Delay(attempt int) time.Duration {
	window := b.most
	if shift := max(attempt, 1) - 1; shift < 30 && b.first < b.most>>shift {
		window = b.first << shift
	}
	delay := rand.N(window + 1) // full jitter
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	b.left = max(b.left-1, b.least())
	if b.left < 0 {
		delay += time.Duration(-b.left / budgetPerSecond * float64(time.Second))
	}
	return delay
}

// Overdrawn reports whether so many retries were promised ahead that Delay, which is
// bounded, could soon not spread another one. Who then waits and asks again, in place of
// a call of Delay, keeps the rate of retries whatever their number. Half of what Delay
// can spread is for those who ask at the same time, before one of them calls Delay.
func (b *Budget) Overdrawn() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill()
	return b.left-1 < b.least()/2
}

// fill adds the retries that time and answers have permitted. The caller holds the lock.
func (b *Budget) fill() {
	now := time.Now()
	earned := float64(b.answers.Swap(0))/budgetAnswers + budgetPerSecond*now.Sub(b.filled).Seconds()
	b.filled = now
	b.left = min(b.left+earned, budgetFull)
}

// least bounds the retries that are promised ahead, so that a delay has an end.
func (b *Budget) least() float64 { return -budgetPerSecond * b.most.Seconds() }
