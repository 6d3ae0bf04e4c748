package transport

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	const later = "Sat, 28 Nov 2026 12:01:00 GMT"
	for name, tt := range map[string]struct {
		after, date string
		want        time.Duration
	}{
		"none":                      {"", "", 0},
		"seconds":                   {"120", "", 2 * time.Minute},
		"no wait":                   {"0", "", 0},
		"blanks":                    {" 7 ", "", 7 * time.Second},
		"more than a duration":      {"9223372037", "", math.MaxInt64},
		"more than a number":        {"99999999999999999999", "", math.MaxInt64},
		"negative":                  {"-1", "", 0},
		"fraction":                  {"1.5", "", 0},
		"sign":                      {"+1", "", 0},
		"nonsense":                  {"soon", "", 0},
		"date":                      {later, "", time.Minute},
		"date, another form":        {"Saturday, 28-Nov-26 12:01:00 GMT", "", time.Minute},
		"date that has passed":      {"Sat, 28 Nov 2026 11:00:00 GMT", "", 0},
		"date of the server's day":  {later, "Sat, 28 Nov 2026 12:00:50 GMT", 10 * time.Second},
		"date of a server in error": {later, "today", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", tt.after)
			h.Set("Date", tt.date)
			if got := retryAfter(h, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("1", "")
	f.Add("Sat, 28 Nov 2026 12:01:00 GMT", "Sat, 28 Nov 2026 12:00:50 GMT")
	f.Fuzz(func(t *testing.T, after, date string) {
		if got := retryAfter(http.Header{"Retry-After": {after}, "Date": {date}}, time.Unix(0, 0)); got < 0 {
			t.Errorf("got %v", got)
		}
	})
}

// given is a RoundTripper made of a function.
type given func(*http.Request) (*http.Response, error)

func (f given) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestObserve: every request is told of once, before Send returns.
func TestObserve(t *testing.T) {
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		status int
		err    error
		want   Outcome
	}{
		"answer":    {http.StatusOK, nil, Outcome{TimeToFirstByte: time.Second, Status: 200}},
		"slow down": {http.StatusServiceUnavailable, nil, Outcome{TimeToFirstByte: time.Second, Status: 503, RetryAfter: 3 * time.Second}},
		"failure":   {0, broken, Outcome{TimeToFirstByte: time.Second, Err: broken}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []Outcome
				call := Call{Operation: "HeadObject", Again: true}
				c := New(new(http.Transport), Options{
					Given: given(func(*http.Request) (*http.Response, error) {
						time.Sleep(time.Second)
						if tt.err != nil {
							return nil, tt.err
						}
						h := http.Header{}
						if tt.status == http.StatusServiceUnavailable {
							h.Set("Retry-After", "3")
						}
						return &http.Response{StatusCode: tt.status, Header: h, Body: http.NoBody}, nil
					}),
					Observe: func(got Call, o Outcome) {
						if got != call {
							t.Errorf("call %+v", got)
						}
						told = append(told, o)
					},
				})
				req, err := http.NewRequestWithContext(context.Background(), http.MethodHead, "http://server/b/k", nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := c.Send(call, req)
				if !errors.Is(err, tt.err) {
					t.Error(err)
				}
				if err == nil {
					resp.Body.Close()
				}
				if len(told) != 1 || told[0] != tt.want {
					t.Errorf("told %+v, want %+v", told, tt.want)
				}
			})
		})
	}
}

// TestSweeperRests: nothing comes again and again if no request is on its way.
func TestSweeperRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(new(http.Transport), Options{
			ReadTimeout: time.Minute,
			Given: given(func(*http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			}),
		})
		for range 2 {
			req, err := http.NewRequestWithContext(context.Background(), http.MethodHead, "http://server/b/k", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := c.Send(Call{}, req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if !watched(c) {
				t.Error("nobody watches")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
			if watched(c) || c.flights.first != nil || c.flights.last != nil {
				t.Error("the client does not rest")
			}
		}
	})
}

func watched(c *Client) bool {
	c.flights.mu.Lock()
	defer c.flights.mu.Unlock()
	return c.flights.sweeperIsSet
}

// TestObserveCancellation: who observes learns whether the caller or a limit of time ended a
// request.
func TestObserveCancellation(t *testing.T) {
	for name, tt := range map[string]struct {
		end  func(context.Context) (context.Context, context.CancelFunc)
		want bool
	}{
		"the caller": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(errors.New("another part has failed")) })
			return ctx, func() { cancel(nil) }
		}, true},
		"the caller's time-out": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, false},
		"a limit of the caller": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(&TimeoutError{What: "no answer"}) })
			return ctx, func() { cancel(nil) }
		}, false},
		"a limit of this package": {context.WithCancel, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told []Outcome
				c := New(new(http.Transport), Options{
					ReadTimeout: time.Minute,
					Given: given(func(req *http.Request) (*http.Response, error) {
						<-req.Context().Done()
						return nil, context.Cause(req.Context())
					}),
					Observe: func(_ Call, o Outcome) { told = append(told, o) },
				})
				ctx, cancel := tt.end(t.Context())
				defer cancel()
				req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://server/b/k", nil)
				if err != nil {
					t.Fatal(err)
				}
				if resp, err := c.Send(Call{Operation: "UploadPart"}, req); err == nil {
					resp.Body.Close()
					t.Error("no error")
				}
				if len(told) != 1 || told[0].Canceled != tt.want {
					t.Errorf("told %+v", told)
				}
			})
		})
	}
}
