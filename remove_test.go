package s3sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// The run waits for an interrupted deletion, and names the objects without a response.
func TestInterruptedDeletionIsReported(t *testing.T) {
	for name, tt := range map[string]struct {
		takes            time.Duration // until the response; 0: forever
		err              error
		deleted, perhaps int64
	}{
		"answered":           {time.Second, nil, 3, 0},
		"never answered":     {0, nil, 0, 3},
		"answered by a fail": {time.Second, &storage.Error{Op: "delete", Err: storage.ErrTransient}, 0, 3},
		"slowed down":        {time.Second, &storage.Error{Op: "delete", Err: storage.ErrThrottled}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				source := mem.New()
				put(t, source, map[string]string{"a": "1"})
				target := &slowDeletion{Store: mem.New(), begun: func() { cancel(errInjected) }, takes: tt.takes, err: tt.err}
				put(t, target, map[string]string{"b": "1", "c": "2", "d": "3"})
				cfg := config(source, target)
				cfg.Delete.Enable = true
				var named []string
				cfg.OnEvent = func(ev s3sync.Event) {
					if ev.Type == s3sync.EventPerhapsDeleted {
						named = append(named, ev.Key)
					}
				}
				began := time.Now()
				report, err := s3sync.Sync(ctx, cfg)
				if !errors.Is(err, errInjected) || time.Since(began) > 5*time.Second {
					t.Errorf("%v after %v", err, time.Since(began))
				}
				if report.Deleted != tt.deleted || report.PerhapsDeleted != tt.perhaps || report.Warnings != tt.perhaps || report.Failed != 0 {
					t.Errorf("%+v", report.Stats)
				}
				if want := []string{"b", "c", "d"}[:tt.perhaps]; !slices.Equal(named, want) {
					t.Errorf("named %q, want %q", named, want)
				}
				if left := len(contents(t, target.Store)); int64(left) != 4-tt.deleted {
					t.Errorf("%d objects left", left)
				}
			})
		})
	}
}

// A slowDeletion responds some time after the request to delete.
type slowDeletion struct {
	*mem.Store

	begun func()
	takes time.Duration
	err   error
}

func (s *slowDeletion) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	s.begun()
	answer := time.After(s.takes)
	if s.takes == 0 {
		answer = nil
	}
	select {
	case <-answer:
	case <-ctx.Done():
		return slices.Repeat([]error{ctx.Err()}, len(objects))
	}
	if s.err != nil {
		return slices.Repeat([]error{s.err}, len(objects))
	}
	opts.Stop = nil // the request was sent
	return s.Store.Delete(ctx, objects, opts)
}

// Once a run ends, no new deletion begins.
func TestStoppedDeletionBeginsNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	source := mem.New()
	put(t, source, map[string]string{"a": "1"})
	target := mem.New()
	put(t, target, numberedObjects("old", 20))
	cfg := config(source, &stoppingStore{Store: target, stop: func() { cancel(errInjected) }})
	cfg.Delete.Enable, cfg.Transfer.Workers = true, 1
	report, err := s3sync.Sync(ctx, cfg)
	if !errors.Is(err, errInjected) || report.Deleted != 0 || report.PerhapsDeleted != 0 || report.Failed != 0 {
		t.Errorf("%v, %+v", err, report.Stats)
	}
	if left := len(contents(t, target)); left != 21 {
		t.Errorf("%d objects left", left)
	}
}

// A stoppingStore ends the run before it begins to delete.
type stoppingStore struct {
	*mem.Store

	stop func()
}

func (s *stoppingStore) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	s.stop()
	return s.Store.Delete(ctx, objects, opts)
}
