// Package ratelimit spreads operations and bytes over time.
package ratelimit

import (
	"context"
	"math"
	"time"

	"golang.org/x/time/rate"
)

// A Limiter lets at most a given number of units pass within any second, by the clock
// of this process. A nil Limiter lets everything pass. Its methods may be called
// concurrently.
type Limiter struct {
	bucket *rate.Limiter
}

// A token bucket of rate r and burst b lets b+r units pass within some second: the
// saved burst, and the units that are added meanwhile. To keep the limit in every
// second, r is lowered by b. The margin covers the rounding of times to nanoseconds.
const margin = 1e-6

// Objects limits operations that count as one unit each. It returns nil, which is no
// limit, if perSecond <= 0.
func Objects(perSecond int) *Limiter {
	if perSecond <= 0 {
		return nil
	}
	// The bucket may exceed a whole number by less than one, because a part of an
	// operation never passes.
	burst := max(1, perSecond/50)
	return newLimiter(float64(perSecond)+1-float64(burst), burst)
}

// Bytes limits a stream of bytes. It returns nil, which is no limit, if perSecond <= 0.
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

// Burst returns the largest number of units that may pass at once.
func (l *Limiter) Burst() int {
	if l == nil {
		return math.MaxInt
	}
	return l.bucket.Burst()
}

// WaitN returns when n units may pass, or with the cause of ctx if that is cancelled. n
// may exceed the units of one second. But if n is above Burst, units for which it
// waited early pass late, and too many units may then pass within one second. So a
// stream of bytes waits for at most Burst bytes at a time.
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

// wait is WaitN for n up to the burst. Unlike rate.Limiter.WaitN it does not fail early
// if ctx has a deadline, so its error is always the cause of ctx.
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
