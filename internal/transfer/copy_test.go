package transfer_test

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// TestCopy: the requests that a copy takes, and what verifies it.
func TestCopy(t *testing.T) {
	wrong := func(i *storage.Info) {
		i.ETag = strings.Repeat("0", 32) + strings.TrimLeft(i.ETag, "0123456789abcdef")
	}
	for name, tt := range map[string]struct {
		parts    []int
		most     int64 // that is copied at once
		change   func(*run)
		target   string // calls
		source   string // calls, if not just one question
		steps    string
		verified bool
		why      error
	}{
		"whole":    {parts: []int{10}, target: "copy", steps: "begun a 0:10", verified: true},
		"empty":    {parts: []int{0}, target: "copy", steps: "begun a 0:0", verified: true},
		"parts":    {parts: []int{3, 3, 4}, target: "create-copy copy-part copy-part copy-part commit", steps: "begun a 1:3 2:3 3:4", verified: true},
		"at once":  {parts: []int{10}, most: 10, target: "copy", steps: "begun a 0:10", verified: true},
		"too much": {parts: []int{10}, most: 9, target: "create-copy copy-part copy-part commit", steps: "begun a 1:9 2:1", why: verify.ErrOtherParts},
		"too much, parts": {
			parts: []int{3, 3, 4}, most: 3, target: "create-copy copy-part copy-part copy-part copy-part commit",
			steps: "begun a 1:3 2:3 3:3 4:1", why: verify.ErrUnknownLayout,
		},
		"parts are not known": {
			parts: []int{3, 3, 4}, change: func(r *run) { r.source.layout = func([]int64) []int64 { return nil } },
			target: "copy", steps: "begun a 0:10", why: verify.ErrUnknownLayout,
		},
		"again": {
			parts: []int{10}, change: func(r *run) { r.target.before = times(1, "copy", errTransient) },
			target: "copy copy", steps: "begun a 0:10", verified: true,
		},
		"part again": {
			parts: []int{3, 3}, change: func(r *run) { r.target.before = times(1, "copy-part", errTransient) },
			target: "create-copy copy-part copy-part copy-part commit", steps: "begun a 1:3 2:3", verified: true,
		},
		"no retries": {
			parts: []int{3, 3}, change: func(r *run) { r.retries = 0 }, source: "stat-exact",
			target: "create-copy copy-part copy-part commit", steps: "begun a 1:3 2:3", verified: true,
		},
		"changed": {
			parts: []int{3, 3}, change: func(r *run) { r.target.before = times(1, "copy-part", storage.ErrChanged) },
			target: "create-copy copy-part abort create-copy copy-part copy-part commit", steps: "begun a begun a 1:3 2:3", verified: true, source: "stat-infer stat-exact",
		},
		"damaged once": {
			parts: []int{10}, change: func(r *run) {
				n := 0
				r.target.written = func(i *storage.Info) {
					if n++; n == 1 {
						wrong(i)
					}
				}
			},
			target: "copy copy", steps: "begun a 0:10 mismatch begun a 0:10", verified: true, source: "stat-infer stat-exact",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			r.opts.Copy = true
			if tt.most > 0 {
				r.target.caps = func(c *storage.Caps) { c.MaxCopy = tt.most }
			}
			if tt.change != nil {
				tt.change(r)
			}
			got, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, tt.parts...))
			if err != nil {
				t.Fatal(err)
			}
			if r.target.called() != tt.target || r.source.called() != cmp.Or(tt.source, "stat-infer") {
				t.Errorf("target: %s, source: %s", r.target.called(), r.source.called())
			}
			if steps := strings.Join(r.steps, " "); steps != tt.steps {
				t.Errorf("steps %s, want %s", steps, tt.steps)
			}
			if v := got.Verification; v.ETag != tt.verified || !errors.Is(v.Why, tt.why) || (v.Why == nil) != tt.verified {
				t.Errorf("%+v", v)
			}
			r.arrived(t)
		})
	}
}

// TestCopyFails: as a transfer does.
func TestCopyFails(t *testing.T) {
	for name, tt := range map[string]struct {
		parts  []int
		before func(string) error
		want   string
		target string
	}{
		"source": {[]int{10}, nil, "source: injected", ""},
		"copy":   {[]int{10}, times(-1, "copy", errInjected), "target: injected", "copy"},
		"create": {[]int{5, 5}, times(-1, "create-copy", errInjected), "target: injected", "create-copy"},
		"part":   {[]int{5, 5}, times(-1, "copy-part", errInjected), "target: injected", "create-copy copy-part abort"},
	} {
		r := newRun()
		r.opts.Copy, r.target.before = true, tt.before
		if name == "source" {
			r.source.before = times(-1, "stat-infer", errInjected)
		}
		_, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, tt.parts...))
		has(t, err, tt.want)
		if r.target.called() != tt.target {
			t.Errorf("%s: %s", name, r.target.called())
		}
		r.nothing(t)
	}
}

// TestCopyNamesItsSource: the version that was asked for, or else the one that the
// source told of.
func TestCopyNamesItsSource(t *testing.T) {
	for _, asked := range []bool{false, true} {
		r := newRun()
		r.opts.Copy, r.source = true, &store{Store: mem.NewVersioned()}
		a := r.fill(t, 7)
		id := a.Source.VersionID
		if !asked {
			a.Source.VersionID = ""
		}
		if _, err := r.transferrer(t).Transfer(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		from := r.target.copied
		if from.Key != "a" || from.VersionID != id || id == "" || from.Current == asked || from.Size != 7 || from.ETag != a.Source.ETag {
			t.Errorf("copied %+v", from)
		}
	}
	r := newRun()
	r.opts.Copy = true
	_, err := r.transferrer(t).Transfer(t.Context(), &plan.Action{Pair: plan.Pair{Source: storage.Object{Key: "gone"}, TargetKey: "gone"}})
	if !errors.Is(err, side.ErrGone) || r.source.called() != "stat-infer" {
		t.Errorf("%v after %s", err, r.source.called())
	}
}

// TestCopyNeedsACopier: it is told before anything is done.
func TestCopyNeedsACopier(t *testing.T) {
	noCopy := newStore()
	noCopy.caps = func(c *storage.Caps) { c.MaxCopy = 0 }
	for name, stores := range map[string][2]storage.Store{
		"the target does not copy":    {newStore(), struct{ storage.Store }{mem.New()}},
		"the target copies nothing":   {newStore(), noCopy},
		"not from a source like this": {mem.New(), newStore()},
	} {
		l := limits.New(limits.Options{Memory: 1, ParallelParts: 1})
		from, to := side.New("source", stores[0], side.Options{}), side.New("target", stores[1], side.Options{})
		_, err := transfer.New(transfer.Options{Copy: true}, from, to, l, attributes.New(attributes.Options{}, from, to))
		if err == nil || !strings.Contains(err.Error(), "server-side copy: the target cannot copy from the source") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
