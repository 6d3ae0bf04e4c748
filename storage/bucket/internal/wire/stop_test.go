package wire

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/grace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// writes are the operations that are not begun any more when a run is ending.
func writes() map[string]func(context.Context, *Client) error {
	block := storage.Block{Data: []byte("data")}
	u := request.Upload{Key: "k", ID: "id"}
	return map[string]func(context.Context, *Client) error{
		"DeleteObjects": func(ctx context.Context, c *Client) error {
			_, err := c.DeleteObjects(ctx, []string{"k", "l"})
			return err
		},
		"DeleteObject": func(ctx context.Context, c *Client) error {
			_, err := c.DeleteObject(ctx, "k", "", false)
			return err
		},
		"DeleteObject once": func(ctx context.Context, c *Client) error {
			_, err := c.DeleteObject(ctx, "k", "", true)
			return err
		},
		"PutObject": func(ctx context.Context, c *Client) error {
			_, err := c.PutObject(ctx, "k", block, storage.WriteOptions{Size: 4})
			return err
		},
		"CreateMultipartUpload": func(ctx context.Context, c *Client) error {
			_, _, err := c.CreateMultipartUpload(ctx, "k", storage.WriteOptions{})
			return err
		},
		"UploadPart": func(ctx context.Context, c *Client) error {
			_, err := c.UploadPart(ctx, u, 1, block, request.Digest{})
			return err
		},
		"CompleteMultipartUpload": func(ctx context.Context, c *Client) error {
			_, err := c.CompleteMultipartUpload(ctx, u, []request.Part{{Number: 1, ETag: "e"}}, storage.WriteOptions{})
			return err
		},
		"CopyObject": func(ctx context.Context, c *Client) error {
			_, err := c.CopyObject(ctx, CopySource{Client: c, Key: "from"}, "k", storage.WriteOptions{}, false)
			return err
		},
	}
}

// TestStopDuringOutage: a write that waits for the end of an outage is not begun after the
// run was cancelled, although its context outlives that. Requests that find out what a write
// did are made.
func TestStopDuringOutage(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down, stopped atomic.Bool
		c := out(t, func(s server, change ...func(*Options)) *Client {
			return open(func(r *http.Request) (*http.Response, error) {
				if stopped.Load() && r.Method != http.MethodHead && !r.URL.Query().Has("uploadId") {
					t.Errorf("%s %s was sent", r.Method, r.URL)
				}
				return s(r)
			}, change...)
		}, &down)
		ctx, cancel := context.WithCancel(t.Context())
		longer, done := grace.Answer(ctx)
		defer done()
		var ended sync.WaitGroup
		for name, write := range writes() {
			ended.Go(func() {
				if err := write(longer, c); !errors.Is(err, storage.ErrNotBegun) {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		stopped.Store(true)
		cancel()
		began := time.Now()
		ended.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("writes ended after %v", took)
		}
		down.Store(false)
		cleanup, end := grace.Cleanup(longer)
		defer end()
		if err := c.AbortMultipartUpload(cleanup, request.Upload{Key: "k", ID: "id"}); err != nil { // ends the outage
			t.Error(err)
		}
		if err := head(longer, c, "k"); err != nil || time.Since(began) != 0 {
			t.Errorf("HeadObject: %v", err)
		}
	})
}

// TestStopBetweenAttempts: the attempts of a write end with the run. What they met counts,
// because one of them may have been carried out.
func TestStopBetweenAttempts(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   error
	}{
		"throttled": {func(r *http.Request) (*http.Response, error) {
			return slowDown(r, http.Header{"Retry-After": {"10"}}), nil
		}, storage.ErrThrottled},
		"reset": {func(*http.Request) (*http.Response, error) { return nil, errReset }, storage.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			for operation, write := range writes() {
				bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
					ctx, cancel := context.WithCancel(t.Context())
					longer, done := grace.Answer(ctx)
					defer done()
					var sent atomic.Int64
					c := open(func(r *http.Request) (*http.Response, error) {
						if r.Method == http.MethodHead {
							return respond(r), nil
						}
						if sent.Add(1) == 1 { // the run ends before the answer comes
							cancel()
						}
						return tt.answer(r)
					})
					if err := head(t.Context(), c, "k"); err != nil {
						t.Fatal(err)
					}
					began := time.Now()
					if err := write(longer, c); !errors.Is(err, tt.want) || sent.Load() != 1 || time.Since(began) != 0 {
						t.Errorf("%s: %v after %d requests and %v", operation, err, sent.Load(), time.Since(began))
					}
				})
			}
		})
	}
	// The run ends during the pause.
	for operation, write := range writes() {
		bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
			ctx, cancel := context.WithCancel(t.Context())
			longer, done := grace.Answer(ctx)
			defer done()
			var sent atomic.Int64
			c := open(func(r *http.Request) (*http.Response, error) {
				sent.Add(1)
				return slowDown(r, http.Header{"Retry-After": {"3"}}), nil
			})
			time.AfterFunc(2*time.Second, cancel)
			if err := write(longer, c); !storage.Retryable(err) || sent.Load() != 1 {
				t.Errorf("%s: %v after %d requests", operation, err, sent.Load())
			}
		})
	}
}

// TestStopBeforeFirstAttempt: a write that was let in is made, whichever way it goes. Its
// failure would say that it may have been carried out.
func TestStopBeforeFirstAttempt(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var sent atomic.Int64
		c := open(func(r *http.Request) (*http.Response, error) {
			sent.Add(1)
			return respond(r), nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		longer, done := grace.Answer(ctx)
		defer done()
		_, err := write(longer, c, func(ctx context.Context) (bool, error) {
			cancel()
			return c.hot.DeleteObject(ctx, "k", "", false)
		})
		if err != nil || sent.Load() != 1 {
			t.Errorf("%v after %d requests", err, sent.Load())
		}
	})
}
