package transfer_test

import (
	"strings"
	"testing"

	"s3sync/storage"
)

// TestMeter: what an object has moved in the end is its size, as often as it passes a
// connection, whatever had to be moved again.
func TestMeter(t *testing.T) {
	metered := func(s *store) {
		s.caps = func(c *storage.Caps) { c.Metered = true }
	}
	for name, change := range map[string]func(*run){
		"once":         func(*run) {},
		"read again":   func(r *run) { r.source.before = times(2, "read", errTransient) },
		"put again":    func(r *run) { r.target.before = times(2, "put", errTransient) },
		"part again":   func(r *run) { r.target.before = times(2, "part", errTransient) },
		"begins again": func(r *run) { r.source.after = times(1, "read", storage.ErrChanged) },
		"streamed":     func(r *run) { r.opts.KeepLayout, r.memory = true, 16 },
		"damaged": func(r *run) {
			damaged := false
			r.target.written = func(i *storage.Info) {
				if !damaged {
					damaged, i.ETag = true, strings.Repeat("0", 32)
				}
			}
		},
		"copied":           func(r *run) { r.opts.Copy = true },
		"copied once more": func(r *run) { r.opts.Copy, r.target.before = true, times(1, "copy", errTransient) },
	} {
		for parts, sizes := range map[string][]int{"whole": {7}, "parts": {3, 7}, "large": {20}, "empty": {0}} {
			for sides, passes := range map[string]int64{"none": 1, "source": 1, "target": 1, "both": 2} {
				t.Run(name+"/"+parts+"/"+sides, func(t *testing.T) {
					r := newRun()
					if sides == "source" || sides == "both" {
						metered(r.source)
					}
					if sides == "target" || sides == "both" {
						metered(r.target)
					}
					change(r)
					a := r.fill(t, sizes...)
					a.Source.VersionID = ""
					var m storage.Meter
					tr := r.transferrer(t)
					if _, err := tr.Transfer(storage.WithMeter(t.Context(), &m), a); err != nil {
						t.Fatal(err)
					}
					if got := tr.Passes(); got != passes {
						t.Errorf("%d passes, want %d", got, passes)
					}
					if got, want := m.Count(), passes*a.Source.Size; got != want {
						t.Errorf("%d bytes, want %d", got, want)
					}
				})
			}
		}
	}
}
