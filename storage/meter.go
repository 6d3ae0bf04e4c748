package storage

import (
	"context"
	"sync/atomic"
)

// A Meter counts the bytes of objects while they pass a connection, before anybody knows
// whether they arrive. Whoever moves objects puts one into the context of its calls; a
// store whose Caps are Metered adds to it. Whoever knows what arrived corrects it by Set.
// The methods may be called concurrently. A nil Meter counts nothing.
type Meter struct {
	n    atomic.Int64
	into *Meter // counts the same bytes
}

// Part returns a Meter whose bytes count in m, too. It is nil if m is.
func (m *Meter) Part() *Meter {
	if m == nil {
		return nil
	}
	return &Meter{into: m}
}

// Add counts n bytes; n is negative for bytes that have to pass again.
func (m *Meter) Add(n int64) {
	for ; m != nil; m = m.into {
		m.n.Add(n)
	}
}

// Set replaces what m has counted. Nobody may add to m meanwhile.
func (m *Meter) Set(n int64) {
	if m != nil {
		m.into.Add(n - m.n.Swap(n))
	}
}

// Count returns the bytes so far.
func (m *Meter) Count() int64 {
	if m == nil {
		return 0
	}
	return m.n.Load()
}

// meterKey is the context key of a Meter.
type meterKey struct{}

// WithMeter returns a context whose calls count the bytes of objects in m. It is ctx if m
// is nil.
func WithMeter(ctx context.Context, m *Meter) context.Context {
	if m == nil {
		return ctx
	}
	return context.WithValue(ctx, meterKey{}, m)
}

// WithoutMeter returns a context whose calls are not counted.
func WithoutMeter(ctx context.Context) context.Context {
	if MeterOf(ctx) == nil {
		return ctx
	}
	return context.WithValue(ctx, meterKey{}, (*Meter)(nil))
}

// MeterOf returns the Meter of a context, or nil.
func MeterOf(ctx context.Context) *Meter {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	return m
}
