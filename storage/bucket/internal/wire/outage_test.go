package wire

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"s3sync/internal/parallel"
	"s3sync/internal/retry"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/request"
)

// operations are of every kind that waits.
func operations() []func(context.Context, *Client, string) error {
	block := storage.Block{Data: []byte("data")}
	return []func(context.Context, *Client, string) error{
		head,
		func(ctx context.Context, c *Client, key string) error {
			_, err := c.PutObject(ctx, key, block, storage.WriteOptions{Size: 4})
			return err
		},
		func(ctx context.Context, c *Client, key string) error {
			a, err := c.GetObject(ctx, request.ObjectRef{Key: key}, 0, 0)
			if err == nil {
				err = a.Body.Close()
			}
			return err
		},
		func(ctx context.Context, c *Client, key string) error {
			_, err := c.ListObjectsV2(ctx, request.ListRequest{Prefix: key, MaxKeys: 1})
			return err
		},
		func(ctx context.Context, c *Client, key string) error {
			_, err := c.UploadPart(ctx, request.Upload{Key: key, ID: "id"}, 1, block, request.Digest{})
			return err
		},
		func(ctx context.Context, c *Client, key string) error {
			_, _, err := c.CreateMultipartUpload(ctx, key, storage.WriteOptions{})
			return err
		},
	}
}

// TestOutage: the server is down for three minutes in the middle of a run. No operation
// fails, the server gets few requests meanwhile, and the user gets two lines.
func TestOutage(t *testing.T) {
	const pause = 3 * time.Minute
	silence := func(r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	}
	refused := func(*http.Request) error { return errRefused }
	reset := func(*http.Request) error { return errReset }
	for name, tt := range map[string]struct {
		workers, attempts int
		down              func(*http.Request) error
		sent, failed      int64 // at most, while the server is down
	}{
		"refused, 16 workers":     {16, 10, refused, 160, 0},
		"reset, 64 workers":       {64, 10, reset, 260, 0},
		"silence, 64 workers":     {64, 10, silence, 220, 0},
		"refused, 128 workers":    {128, 10, refused, 340, 0},
		"one attempt, 64 workers": {64, 1, refused, 400, 200},
		"4 workers":               {4, 10, refused, 60, 0},
		"2 workers":               {2, 10, refused, 40, 0},
		"1 worker":                {1, 10, refused, 40, 0},
		"silence, 1 worker":       {1, 10, silence, 40, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
				began := time.Now()
				from, to := began.Add(5*time.Second), began.Add(5*time.Second+pause)
				isDown := func() bool { now := time.Now(); return !now.Before(from) && now.Before(to) }
				var sent, failed atomic.Int64
				var told []string
				c := open(func(r *http.Request) (*http.Response, error) {
					if isDown() {
						sent.Add(1)
						return nil, tt.down(r)
					}
					time.Sleep(500 * time.Millisecond)
					return respond(r), nil
				}, func(o *Options) {
					o.MaxAttempts = tt.attempts
					o.Transport.ReadTimeout = 5 * time.Second
					o.Notice = func(n storage.Notice) { told = append(told, n.Text) }
				})
				all := operations()
				numbers := func(context.Context) iter.Seq2[int, error] {
					return func(yield func(int, error) bool) {
						for n := 0; time.Since(began) < 15*time.Second+pause && yield(n, nil); n++ {
						}
					}
				}
				err := parallel.ForEach(t.Context(), tt.workers, numbers, func(ctx context.Context, n int) error {
					// As the engine does it: operations whose attempts are used up before the outage is
					// known are made again.
					return retry.Do(ctx, retry.Policy{Count: 5, Interval: time.Second}, func(int, error) {
						if failed.Add(1); time.Since(from) > 90*time.Second {
							t.Errorf("operation %d has failed", n)
						}
					}, func(ctx context.Context) error { return all[n%len(all)](ctx, c, fmt.Sprint(n)) })
				})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d requests, %d operations failed", sent.Load(), failed.Load())
				if n := failed.Load(); n > tt.failed {
					t.Errorf("%d operations failed", n)
				}
				if n := sent.Load(); n > tt.sent {
					t.Errorf("%d requests during the outage", n)
				}
				if took := time.Since(to); took > time.Minute {
					t.Errorf("the run took %v beyond the outage", took)
				}
				if len(told) != 2 || !strings.HasPrefix(told[0], "outage 1: the S3 endpoint of region eu-north-1 does not answer; ") ||
					!strings.HasPrefix(told[1], "outage 1 is over: the S3 endpoint of region eu-north-1 answers again after ") {
					t.Errorf("told %q", told)
				}
			})
		})
	}
}

// out makes a client find out that its server is down, which it is as long as down says.
func out(t *testing.T, open func(server, ...func(*Options)) *Client, down *atomic.Bool, change ...func(*Options)) *Client {
	t.Helper()
	known := make(chan bool, 2)
	c := open(func(r *http.Request) (*http.Response, error) {
		if down.Load() {
			return nil, errRefused
		}
		return respond(r), nil
	}, append(change, func(o *Options) { o.Notice = func(storage.Notice) { known <- true } })...)
	if err := head(t.Context(), c, "k"); err != nil {
		t.Fatal(err)
	}
	down.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := head(ctx, c, "k"); err == nil {
					t.Error("the server answers")
				}
			}
		})
	}
	<-known
	cancel()
	all.Wait()
	return c
}

// TestOutageEndsWithContext: who waits returns as soon as its context ends, and leaves no
// goroutine behind, which the bubble finds.
func TestOutageEndsWithContext(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		c := out(t, open, &down)
		for n, operation := range operations() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n+1)*7*time.Second)
			defer cancel()
			began := time.Now()
			if err := operation(ctx, c, "k"); !errors.Is(c.Fail(ctx, "", "", err), context.DeadlineExceeded) {
				t.Errorf("operation %d: %v", n, err)
			}
			if took := time.Since(began); took != time.Duration(n+1)*7*time.Second {
				t.Errorf("operation %d took %v", n, took)
			}
			if err := operation(ctx, c, "k"); err == nil || time.Since(began) != time.Duration(n+1)*7*time.Second {
				t.Errorf("operation %d took more time: %v", n, err)
			}
		}
	})
}

// TestOutageTooLong: a server that is gone for good is not waited for without end.
func TestOutageTooLong(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		began := time.Now()
		c := out(t, open, &down)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if err := head(t.Context(), c, "k"); !errors.Is(err, storage.ErrUnusable) || !strings.Contains(err.Error(), "has not answered for 1h0m0s") {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took < time.Hour || took > 62*time.Minute {
			t.Errorf("the run ended after %v", took)
		}
		down.Store(false)
		time.Sleep(time.Minute)
		if err := head(t.Context(), c, "k"); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// TestCleanupDuringOutage: it has little time, so it does not wait. An answer to it ends the
// outage.
func TestCleanupDuringOutage(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		c := out(t, open, &down)
		began := time.Now()
		if err := c.AbortMultipartUpload(t.Context(), request.Upload{Key: "k", ID: "id"}); !storage.Retryable(err) {
			t.Error(err)
		}
		down.Store(false)
		if err := c.AbortMultipartUpload(t.Context(), request.Upload{Key: "k", ID: "id"}); err != nil {
			t.Error(err)
		}
		if err := head(t.Context(), c, "k"); err != nil || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// TestTimeoutAfterOutage: the time-out of an operation begins when the outage is over. Ends by
// it are no outage if the server throttles.
func TestTimeoutAfterOutage(t *testing.T) {
	short := func(o *Options) { o.OperationTimeout = time.Second }
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		c := out(t, open, &down, short)
		var all sync.WaitGroup
		for n, operation := range operations() {
			all.Go(func() {
				if err := operation(t.Context(), c, "k"); err != nil {
					t.Errorf("operation %d: %v", n, err)
				}
			})
		}
		time.Sleep(time.Minute)
		down.Store(false)
		all.Wait()
	})
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		c := open(func(r *http.Request) (*http.Response, error) {
			return slowDown(r, http.Header{"Retry-After": {"60"}}), nil
		}, short,
			func(o *Options) { o.Notice = func(n storage.Notice) { t.Errorf("told %q", n.Text) } })
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { _ = head(t.Context(), c, "k") })
		}
		all.Wait()
	})
}

// TestNoOutageAtFirst: a server that never answered is a wrong one. Nobody waits for it.
func TestNoOutageAtFirst(t *testing.T) {
	for name, fault := range map[string]error{"refused": errRefused, "reset": errReset} {
		t.Run(name, func(t *testing.T) {
			bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
				c := open(func(*http.Request) (*http.Response, error) { return nil, fault },
					func(o *Options) { o.Notice = func(n storage.Notice) { t.Errorf("told %q", n.Text) } })
				for range 20 {
					began := time.Now()
					err := head(t.Context(), c, "k")
					if errors.Is(err, storage.ErrUnusable) != (name == "refused") || name == "refused" && time.Since(began) > 300*time.Millisecond {
						t.Errorf("%v after %v", err, time.Since(began))
					}
				}
			})
		})
	}
}

// TestOutageOfWhatGoesOnce: what must not be sent again is not made again behind an outage.
func TestOutageOfWhatGoesOnce(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		var sent atomic.Int64
		c := open(func(r *http.Request) (*http.Response, error) {
			if down.Load() {
				sent.Add(1)
				return nil, errReset // the request may have been carried out
			}
			return respond(r), nil
		})
		if err := head(t.Context(), c, "k"); err != nil {
			t.Fatal(err)
		}
		down.Store(true)
		for n := range 20 {
			block := storage.Block{Data: []byte("data")}
			if n%2 == 1 {
				block = storage.Block{Stream: strings.NewReader("data"), Size: 4}
			}
			if _, err := c.PutObject(t.Context(), "k", block, storage.WriteOptions{Size: 4, Once: true}); !errors.Is(err, storage.ErrTransient) {
				t.Errorf("put %d: %v", n, err)
			}
			if sent.Load() != int64(n+1) {
				t.Errorf("put %d: %d requests", n, sent.Load())
			}
		}
	})
}

// TestNoOutageOfSomeRequests: a server that answers everything but uploads is not down. What
// it does not answer fails as ever, and the user gets two lines at most, unless others were
// answered in between.
func TestNoOutageOfSomeRequests(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var told, failed atomic.Int64
		c := open(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPut {
				return nil, errReset
			}
			return respond(r), nil
		}, func(o *Options) { o.Notice = func(storage.Notice) { told.Add(1) } })
		if err := head(t.Context(), c, "k"); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				err := retry.Do(t.Context(), retry.Policy{Count: 2, Interval: time.Second}, nil, func(ctx context.Context) error {
					_, err := c.PutObject(ctx, "k", storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4})
					return err
				})
				if errors.Is(err, storage.ErrTransient) {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		if failed.Load() != 32 || told.Load() > 2 {
			t.Errorf("%d operations failed, %d notices", failed.Load(), told.Load())
		}
	})
}

// TestProbeThatIsNotSent: an operation that cannot be made does not wait for the server.
func TestProbeThatIsNotSent(t *testing.T) {
	bothWays(t, func(t *testing.T, open func(server, ...func(*Options)) *Client) {
		var down atomic.Bool
		c := out(t, open, &down, func(o *Options) {
			o.Account = account.Options{Region: "eu-north-1", Credentials: func(context.Context) (account.Credentials, error) {
				if down.Load() {
					return account.Credentials{}, errors.New("none any more")
				}
				return account.Credentials{AccessKey: "AKTEST", SecretKey: "very-secret", Expires: time.Now().Add(time.Minute)}, nil
			}}
		})
		time.Sleep(time.Minute)
		began := time.Now()
		if err := head(t.Context(), c, "k"); !errors.Is(err, storage.ErrCredentials) || time.Since(began) > time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
