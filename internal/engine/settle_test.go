package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// An unchanged object needs no worker: it is skipped while the only one is busy.
func TestUnchangedNeedsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, target := newStore(t, "a", "b", "c"), newStore(t, "b", "c")
		listed := make(chan struct{})
		source.before = func(op, _ string) error {
			if op == "end" {
				close(listed)
			}
			return nil
		}
		target.before = func(op, _ string) error {
			if op == "put" {
				select {
				case <-listed:
				case <-time.After(time.Hour):
					t.Error("the listing waits for the worker")
				}
			}
			return nil
		}
		r := newRun(t, source, target, func(o *Options) { o.Limits.Workers = 1 })
		r.unit(t, Unit{})
		if told := r.end(t); told.Transferred != 1 || told.Skipped != 2 {
			t.Errorf("%+v", told.Stats)
		}
	})
}

// When the run ends early, no more objects count as skipped, although the listings go
// on until the next object that needs a worker.
func TestNothingIsSkippedAfterTheEnd(t *testing.T) {
	for name, tt := range map[string]struct {
		// ends ends the run at the object "a".
		ends func(op, key string, cancel context.CancelCauseFunc) error
		set  func(*Options)
	}{
		"failure": {
			ends: func(op, _ string, _ context.CancelCauseFunc) error {
				if op == "open" {
					return errInjected
				}
				return nil
			},
			set: func(o *Options) { o.FailFast = true },
		},
		"panic": {
			ends: func(op, _ string, _ context.CancelCauseFunc) error {
				if op == "open" {
					panic("bug")
				}
				return nil
			},
		},
		"interruption": {
			ends: func(op, key string, cancel context.CancelCauseFunc) error {
				if op == "next" && key == "b" {
					cancel(errInjected)
				}
				return nil
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, target := newStore(t, "a", "b", "c"), newStore(t, "b", "c")
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				source.before = func(op, key string) error {
					if op == "next" && key == "b" {
						synctest.Wait() // the worker is done with a
					}
					return tt.ends(op, key, cancel)
				}
				r := newRun(t, source, target, tt.set)
				result, err := r.Run(ctx, Unit{})
				if err == nil || !result.Incomplete {
					t.Errorf("error %v, incomplete %v", err, result.Incomplete)
				}
				if err := errors.Join(result.Close(), r.Close()); err != nil {
					t.Error(err)
				}
				if told, _ := r.record.Finish(ctx, err); told.Skipped != 0 {
					t.Errorf("%+v", told.Stats)
				}
			})
		})
	}
}
