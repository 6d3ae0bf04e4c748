package transfer_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
)

// TestInterruptedUpload: what was begun is aborted although the run was interrupted,
// also if the answer to its beginning is late.
func TestInterruptedUpload(t *testing.T) {
	for _, op := range []string{"create", "part", "commit"} {
		synctest.Test(t, func(t *testing.T) {
			r := newRun()
			ctx, cancel := context.WithCancelCause(t.Context())
			r.target.before = func(called string) error {
				if called == op {
					cancel(errInjected)
					time.Sleep(time.Second)
				}
				return nil
			}
			_, err := r.transferrer(t).Transfer(ctx, r.fill(t, 10))
			if err == nil || !strings.HasSuffix(r.target.called(), "abort") {
				t.Errorf("%s: %v after %s", op, err, r.target.called())
			}
			r.nothing(t)
		})
	}
}

// TestStreamFails: what went wrong with the source is told, and not what became of
// the request for that reason. Nothing is published, unless the source shows to be
// wrong only when all of it was sent.
func TestStreamFails(t *testing.T) {
	wrong := func(i *storage.Info) { i.ETag = strings.Repeat("0", 32) + strings.TrimLeft(i.ETag, "0123456789abcdef") }
	for name, tt := range map[string]struct {
		parts  []int
		change func(*run)
		want   string
		target string
		there  bool
	}{
		"read":          {[]int{20}, func(r *run) { r.source.before = times(-1, "read", errInjected) }, "source: injected", "put", false},
		"read a part":   {[]int{20, 3}, func(r *run) { r.source.before = times(-1, "read", errInjected) }, "source: injected", "create stream abort", false},
		"put":           {[]int{20}, func(r *run) { r.target.before = times(-1, "put", errInjected) }, "target: injected", "put", false},
		"write a part":  {[]int{20, 3}, func(r *run) { r.target.before = times(-1, "stream", errInjected) }, "target: injected", "create stream abort", false},
		"damage":        {[]int{20}, func(r *run) { r.source.info = wrong }, "the source's ETag is 000", "put", true},
		"damaged parts": {[]int{20, 3}, func(r *run) { r.source.info = wrong }, "the source's ETag is 000", "create stream part abort", false},
		"changed":       {[]int{20, 3}, func(r *run) { r.source.before = times(-1, "check", errInjected) }, "source: injected", "create stream part abort", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun()
			r.opts.KeepLayout, r.memory, r.retries = true, 16, 0
			tt.change(r)
			_, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, tt.parts...))
			has(t, err, tt.want)
			if r.target.called() != tt.target {
				t.Errorf("target: %s, want %s", r.target.called(), tt.target)
			}
			if _, there := contents(t, r.target); there != tt.there {
				t.Errorf("published: %t", there)
			}
		})
	}
}

// TestPartsAtOnce: a part that fails ends the others, which may wait for it. What is
// read then is not published.
func TestPartsAtOnce(t *testing.T) {
	r := newRun()
	r.parallel, r.retries = 4, 0
	var reads atomic.Int32
	second := make(chan struct{})
	r.source.before = func(op string) error {
		if op != "read" {
			return nil
		}
		switch reads.Add(1) {
		case 1:
			<-second
		case 2:
			close(second)
			return errInjected
		}
		return nil
	}
	// The ETag of the source is that of all bytes, so that parts wait for each other.
	_, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, 16))
	if !errors.Is(err, errInjected) || !strings.HasSuffix(r.target.called(), "abort") {
		t.Errorf("%v after %s", err, r.target.called())
	}
	r.nothing(t)
}
