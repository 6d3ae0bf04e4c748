package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
)

func TestCauseOf(t *testing.T) {
	for name, tt := range map[string]struct {
		why  error
		want report.Cause
	}{
		"switched off":           {verify.ErrOff, report.CauseVerificationOff},
		"switched off for parts": {verify.ErrMultipartOff, report.CauseVerificationOff},
		"unknown parts":          {verify.ErrUnknownLayout, report.CauseUnknownParts},
		"other parts":            {verify.ErrOtherParts, report.CauseUnknownParts},
		"anything else":          {errInjected, report.CauseOther},
	} {
		if got := causeOf(fmt.Errorf("of an object: %w", tt.why)); got != tt.want {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// An object that was published has one event that says so, behind all that tell what
// verified it.
func TestEventsOfATransfer(t *testing.T) {
	for name, tt := range map[string]struct {
		verification verify.Result
		want         []report.EventType
	}{
		"verified twice": {verify.Result{ETag: true, Checksum: true}, []report.EventType{report.EventVerified, report.EventChecksumVerified, report.EventTransferred}},
		"no checksum":    {verify.Result{ETag: true, SourceLacksChecksum: true}, []report.EventType{report.EventVerified, report.EventNoChecksum, report.EventTransferred}},
		"unverified":     {verify.Result{Why: verify.ErrOff}, []report.EventType{report.EventUnverified, report.EventTransferred}},
		"nothing asked":  {verify.Result{}, []report.EventType{report.EventTransferred}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t, newStore(t), newStore(t), nil)
			u := &unitRun{e: r.Engine, record: r.Engine.record.Unit()}
			source, target := storage.Object{Key: "a", Size: 3}, storage.Object{Key: "a", ETag: "e"}
			u.emitTransferred(&plan.Action{Kind: plan.Transfer, Pair: plan.Pair{Source: storage.Object{Key: "a", Size: 1}}, Reason: plan.ReasonNew},
				&transfer.Result{Source: source, Target: target, Verification: tt.verification}, 0)
			r.end(t)
			var got []report.EventType
			for _, ev := range r.events {
				if ev.Key == "" {
					continue // of the run
				}
				got = append(got, ev.Type)
				if ev.Source != source || ev.Target != target || ev.Reason != plan.ReasonNew {
					t.Errorf("%+v", ev)
				}
				if (ev.Cause == report.CauseVerificationOff) != (ev.Type == report.EventUnverified) {
					t.Errorf("%v has the cause %v", ev.Type, ev.Cause)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// What a side cannot do is an error that names it, before anything is looked at.
func TestSidesThatCannot(t *testing.T) {
	for name, tt := range map[string]struct {
		set    func(*Options)
		before func(op, key string) error
		want   string
	}{
		"keep versions":       {set: versions, want: "source: versioning is not enabled in the bucket, which Versioning.Enable needs"},
		"be listed":           {set: func(o *Options) { o.TargetPlace.Root = "photos" }, before: func(op, _ string) error { return errIf(op == "list") }, want: "target: injected"},
		"be told from others": {set: func(o *Options) { o.TargetPlace.Root = "photos" }, want: `the prefix "photos" of the target ends in the middle of a name, as "photosx" shows`},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := newStore(t, "a"), newStore(t, "x")
			target.before = tt.before
			opts := options()
			tt.set(&opts)
			record := report.New(report.Options{})
			_, err := New(t.Context(), opts, source, target, record)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if source.calls["list"] != 0 {
				t.Error("the source was listed")
			}
			if _, err := record.Finish(t.Context(), err); err == nil || errors.Is(err, storage.ErrUnusable) {
				t.Errorf("finished with %v", err)
			}
		})
	}
}

func errIf(fails bool) error {
	if fails {
		return errInjected
	}
	return nil
}
