package transfer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/plan"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// versionsRun is a run between stores that keep versions.
func versionsRun() *run {
	r := newRun()
	r.source, r.target = &store{Store: mem.NewVersioned()}, &store{Store: mem.NewVersioned()}
	r.opts.Versions, r.attrs.Versions = true, true
	return r
}

// versions counts the versions and delete markers of the target.
func (r *run) versions(t *testing.T) (versions, markers int) {
	t.Helper()
	for o, err := range r.target.Store.Versions(t.Context(), storage.ListOptions{}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case o.DeleteMarker:
			markers++
		default:
			versions++
		}
	}
	return versions, markers
}

// TestOncePerVersion: a write whose answer is lost is not repeated. One that was not
// carried out is.
func TestOncePerVersion(t *testing.T) {
	lost, failed := times(1, "put", errTransient), times(1, "put", errTransient)
	for name, tt := range map[string]struct {
		before, after func(string) error
		calls         string
	}{
		"answered":        {calls: "put"},
		"answer lost":     {after: lost, calls: "put stat"},
		"not carried out": {before: failed, calls: "put stat put"},
	} {
		t.Run(name, func(t *testing.T) {
			r := versionsRun()
			r.target.before, r.target.after = tt.before, tt.after
			got, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, 7))
			if err != nil || !got.Verification.ETag || got.Target.ETag == "" {
				t.Errorf("%v, %+v", err, got)
			}
			if n, _ := r.versions(t); n != 1 || r.target.called() != tt.calls {
				t.Errorf("%d versions after %s", n, r.target.called())
			}
		})
	}
}

// TestOtherVersion: that another version is there is no answer to whether this one
// was written.
func TestOtherVersion(t *testing.T) {
	r := versionsRun()
	if _, err := r.target.Store.Put(t.Context(), "a", storage.Block{Data: []byte("other")}, storage.WriteOptions{Size: 5}); err != nil {
		t.Fatal(err)
	}
	r.target.before = times(1, "put", errTransient)
	if _, err := r.transferrer(t).Transfer(t.Context(), r.fill(t, 7)); err != nil {
		t.Fatal(err)
	}
	if n, _ := r.versions(t); n != 2 || r.target.called() != "put stat put" {
		t.Errorf("%d versions after %s", n, r.target.called())
	}
	r.arrived(t)
}

// TestMark: a delete marker is added once.
func TestMark(t *testing.T) {
	for name, tt := range map[string]struct {
		exists        bool
		before, after func(string) error
		calls         string
		markers       int
		fails         bool
	}{
		"answered":    {exists: true, calls: "delete", markers: 1},
		"answer lost": {exists: true, after: times(1, "delete", errTransient), calls: "delete stat", markers: 1},
		// Nothing tells a marker that is there from the one that was asked for.
		"of nothing, answer lost": {after: times(1, "delete", errTransient), calls: "delete stat delete", markers: 2},
		"not carried out":         {exists: true, before: times(1, "delete", errTransient), calls: "delete stat delete", markers: 1},
		"fails":                   {exists: true, before: times(-1, "delete", errInjected), calls: "delete", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := versionsRun()
			if tt.exists {
				if _, err := r.target.Store.Put(t.Context(), "a", storage.Block{}, storage.WriteOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			r.target.before, r.target.after = tt.before, tt.after
			a := plan.Action{Pair: plan.Pair{Source: storage.Object{Key: "a", VersionID: "m", DeleteMarker: true}, TargetKey: "a", Exists: tt.exists}}
			err := r.transferrer(t).Mark(t.Context(), &a)
			if (err != nil) != tt.fails || tt.fails && (!errors.Is(err, errInjected) || !strings.HasPrefix(err.Error(), "target: ")) {
				t.Error(err)
			}
			if _, n := r.versions(t); n != tt.markers || r.target.called() != tt.calls {
				t.Errorf("%d markers after %s", n, r.target.called())
			}
		})
	}
}

// TestInterruptedVersion: an interruption waits for the answer to a request that adds
// a version, if that comes soon.
func TestInterruptedVersion(t *testing.T) {
	for name, tt := range map[string]struct {
		size     int
		op       string
		versions bool
		takes    time.Duration
		want     int
	}{
		"put":                  {7, "put", true, time.Second, 1},
		"put, slow":            {7, "put", true, time.Minute, 0},
		"put without versions": {7, "put", false, time.Second, 0},
		"commit":               {10, "commit", true, time.Second, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := versionsRun()
				r.opts.Versions = tt.versions
				ctx, cancel := context.WithCancelCause(t.Context())
				r.target.before = func(op string) error {
					if op == tt.op {
						cancel(errInjected)
						time.Sleep(tt.takes)
					}
					return nil
				}
				_, err := r.transferrer(t).Transfer(ctx, r.fill(t, tt.size))
				if (err == nil) != (tt.want == 1) {
					t.Error(err)
				}
				if n, _ := r.versions(t); n != tt.want {
					t.Errorf("%d versions", n)
				}
			})
		})
	}
}
