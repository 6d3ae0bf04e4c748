package storage

import (
	"context"
	"testing"
)

// What a part counts, loses or is corrected to counts in the whole, too.
func TestMeter(t *testing.T) {
	var whole Meter
	a, b := whole.Part(), whole.Part()
	a.Add(10)
	b.Add(5)
	a.Add(-3)
	b.Set(20)
	if a.Count() != 7 || b.Count() != 20 || whole.Count() != 27 {
		t.Errorf("parts %d and %d, whole %d", a.Count(), b.Count(), whole.Count())
	}
	whole.Set(0)
	if whole.Count() != 0 {
		t.Errorf("whole %d", whole.Count())
	}
}

// A context without a Meter costs nothing, and nothing is counted.
func TestNoMeter(t *testing.T) {
	ctx := t.Context()
	m := MeterOf(ctx)
	m.Add(1)
	m.Set(2)
	if m != nil || m.Count() != 0 || m.Part() != nil || WithMeter(ctx, nil) != ctx {
		t.Error("there is a meter")
	}
	whole := new(Meter)
	below, cancel := context.WithCancel(WithMeter(ctx, whole))
	defer cancel()
	if MeterOf(below) != whole {
		t.Error("the meter is lost")
	}
}
