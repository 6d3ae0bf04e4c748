package bucket_test

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// Every request is told of: what it was for, whether it was a retry, how long its answer
// took, and whether the server is overloaded.
func TestObserve(t *testing.T) {
	answer := func(status int, header ...string) trips {
		return func(req *http.Request) (*http.Response, error) {
			time.Sleep(30 * time.Millisecond)
			w := httptest.NewRecorder()
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			resp := w.Result()
			resp.Request = req
			return resp, nil
		}
	}
	stat := func(ctx context.Context, s *bucket.Store) { _, _ = s.Stat(ctx, "k", storage.StatOptions{}) }
	for name, tt := range map[string]struct {
		trips trips
		ask   func(context.Context, *bucket.Store)
		want  storage.Request
	}{
		"no such object": {answer(http.StatusNotFound), stat, storage.Request{Status: 404}},
		"throttled":      {answer(http.StatusServiceUnavailable, "Retry-After", "7"), stat, storage.Request{Status: 503, Throttled: true, RetryAfter: 7 * time.Second}},
		"too many":       {answer(http.StatusTooManyRequests), stat, storage.Request{Status: 429, Throttled: true}},
		"an error":       {answer(http.StatusInternalServerError), stat, storage.Request{Status: 500}},
		"a broken connection": {
			func(*http.Request) (*http.Response, error) {
				time.Sleep(30 * time.Millisecond)
				return nil, errors.New("connection reset")
			}, stat, storage.Request{Unanswered: true},
		},
		"canceled": {
			func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, req.Context().Err()
			},
			func(ctx context.Context, s *bucket.Store) {
				ctx, cancel := context.WithCancel(ctx)
				defer time.AfterFunc(30*time.Millisecond, cancel).Stop()
				stat(ctx, s)
			},
			storage.Request{},
		},
		"canceled for a reason": { // as parts are when another one has failed; net/http returns the reason
			func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, context.Cause(req.Context())
			},
			func(ctx context.Context, s *bucket.Store) {
				ctx, cancel := context.WithCancelCause(ctx)
				defer time.AfterFunc(30*time.Millisecond, func() { cancel(errors.New("another part has failed")) }).Stop()
				stat(ctx, s)
			},
			storage.Request{},
		},
		"too late": {
			func(req *http.Request) (*http.Response, error) {
				<-req.Context().Done()
				return nil, req.Context().Err()
			},
			func(ctx context.Context, s *bucket.Store) {
				ctx, cancel := context.WithTimeout(ctx, 30*time.Millisecond)
				defer cancel()
				stat(ctx, s)
			},
			storage.Request{Unanswered: true},
		},
		"a listing": {answer(http.StatusServiceUnavailable), func(ctx context.Context, s *bucket.Store) {
			for _, err := range s.List(ctx, storage.ListOptions{}) {
				_ = err // the requests matter
			}
		}, storage.Request{Kind: storage.ListRequest, Operation: "ListObjectsV2", Status: 503, Throttled: true}},
		"versions": {answer(http.StatusServiceUnavailable), func(ctx context.Context, s *bucket.Store) {
			for _, err := range s.Versions(ctx, storage.ListOptions{}) {
				_ = err
			}
		}, storage.Request{Kind: storage.ListRequest, Operation: "ListObjectVersions", Status: 503, Throttled: true}},
		"an object": {answer(http.StatusServiceUnavailable), func(ctx context.Context, s *bucket.Store) {
			_, _ = s.Open(ctx, "k", storage.OpenOptions{})
		}, storage.Request{Operation: "GetObject", Status: 503, Throttled: true}},
		"the first part": {answer(http.StatusServiceUnavailable), func(ctx context.Context, s *bucket.Store) {
			_, _ = s.Open(ctx, "k", storage.OpenOptions{First: 8})
		}, storage.Request{Kind: storage.PartRequest, Operation: "GetObject", Status: 503, Throttled: true}},
		"a deletion": {answer(http.StatusServiceUnavailable), func(ctx context.Context, s *bucket.Store) {
			s.Delete(ctx, []storage.Object{{Key: "k"}, {Key: "l"}}, storage.DeleteOptions{})
		}, storage.Request{Kind: storage.DeleteRequest, Operation: "DeleteObjects", Status: 503, Throttled: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				opts := optionsAt("http://server.invalid")
				opts.Transport = tt.trips
				s, err := bucket.Open(t.Context(), opts)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				began := time.Now()
				var first, second []storage.Request
				stopFirst := s.Observe(func(r storage.Request) { first = append(first, r) })
				stopSecond := s.Observe(func(r storage.Request) { second = append(second, r) })
				tt.ask(t.Context(), s)
				tt.want.Began, tt.want.FirstByte = began, 30*time.Millisecond
				tt.want.Operation = cmp.Or(tt.want.Operation, "HeadObject") // of stat
				if len(first) == 0 || first[0] != tt.want {
					t.Errorf("got %+v, want %+v", first, tt.want)
				}
				for i, r := range first {
					if r.Again != (i > 0) {
						t.Errorf("request %d: again is %v", i+1, r.Again)
					}
				}
				if !slices.Equal(first, second) {
					t.Errorf("the second was told of %+v", second)
				}
				n := len(second)
				stopFirst()
				stopFirst()
				tt.ask(t.Context(), s)
				stopSecond()
				if len(first) != n || len(second) != 2*n {
					t.Errorf("told of %d and %d requests, of twice %d", len(first), len(second), n)
				}
			})
		})
	}
}
