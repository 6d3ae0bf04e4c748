// Package ratelimit spreads operations and bytes over time.
package ratelimit

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// A Limiter lets no more than a given number of units pass within any second,
// wherever that second begins, as the clock of this process tells. A nil
// Limiter lets everything pass. Its methods may be called concurrently.
type Limiter struct {
	bucket *rate.Limiter
}

// A token bucket of rate r and burst b lets b+r units pass within some second:
// the burst that was saved, and what is filled up meanwhile. To keep the limit
// in every second, r is lowered by what b takes away. The margin covers the
// rounding of times to nanoseconds.
const margin = 1e-6

// Objects limits operations that count one each. perSecond <= 0 is no limit: nil.
func Objects(perSecond int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	// The bucket may run up to one below the next whole number, since a part of
	// an operation never passes.
	burst := max(1, perSecond/50)
	return newLimiter(float64(perSecond)+1-float64(burst), burst)
}

// Bytes limits a stream of bytes. perSecond <= 0 is no limit: nil.
func Bytes(perSecond int64) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	burst := int(min(max(1, perSecond/32), math.MaxInt32))
	if burst == 1 {
		return newLimiter(float64(perSecond), burst)
	}
	return newLimiter(float64(perSecond)-float64(burst), burst)
}

func newLimiter(perSecond float64, burst int) *Limiter {
	return &Limiter{rate.NewLimiter(rate.Limit(perSecond*(1-margin)), burst)}
}

// Burst returns the largest number of units that may pass in one go, without
// regard to the time between them.
func (l *Limiter) Burst() int {
	if l == nil {
		return math.MaxInt
	}
	return l.bucket.Burst()
}

// WaitN returns when n units may pass, or with the cause of ctx when that is
// cancelled. n can be many more than pass in one second; but if it is above
// Burst, units for which it waited early pass late, and too many may then pass
// within one second. So a stream of bytes waits for and moves at most Burst at
// a time.
func (l *Limiter) WaitN(ctx context.Context, n int) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if l == nil {
		return nil
	}
	for n > 0 {
		step := min(n, l.bucket.Burst())
		if err := l.wait(ctx, step); err != nil {
			return err
		}
		n -= step
	}
	return nil
}

// wait is for n up to the burst. Unlike rate.Limiter.WaitN it does not fail
// early when ctx has a deadline, so that its error is always the cause of ctx.
func (l *Limiter) wait(ctx context.Context, n int) error {
	turn := l.bucket.ReserveN(time.Now(), n)
	delay := turn.Delay()
	if delay <= 0 {
		return nil
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		turn.Cancel()
		return context.Cause(ctx)
	}
}
