package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/storage/bucket/internal/request"
)

// A bound is a server whose answers end with the contexts of their requests, as those of
// package http do. Under the key "never" it does not answer.
type bound struct{ last context.Context } //nolint:containedctx // that of the last request

func (s *bound) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if s.last = ctx; strings.HasSuffix(r.URL.Path, "/never") {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &http.Response{
		StatusCode: http.StatusOK, ContentLength: 4, Body: io.NopCloser(boundBody{ctx}),
		Header: http.Header{"Etag": {`"e"`}, "X-Amz-Request-Id": {"ID"}, "Last-Modified": {"Sun, 29 Nov 2026 00:00:00 GMT"}},
	}, nil
}

type boundBody struct{ ctx context.Context } //nolint:containedctx // that of the request

func (b boundBody) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return copy(p, "data"), io.EOF
}

// TestBodyOutlivesItsContext: the context and the time-out of GetObject bound the wait for
// the answer. What was answered is read to its end, and closing it ends the request.
func TestBodyOutlivesItsContext(t *testing.T) {
	for name, limit := range map[string]time.Duration{"no limit": 0, "a limit": time.Minute} {
		for _, way := range []string{"direct", "SDK"} {
			t.Run(name+", "+way, func(t *testing.T) {
				to := &bound{}
				o := wayOptions(to)
				o.OperationTimeout = limit
				c := openWays(t, o)[way]
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					a, err := c.GetObject(ctx, request.ObjectRef{Key: "k"}, 0, 0)
					cancel()
					if err != nil {
						t.Fatal(err)
					}
					synctest.Wait() // for what is cancelled asynchronously
					if got, err := io.ReadAll(a.Body); string(got) != "data" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					if err := a.Body.Close(); err != nil {
						t.Error(err)
					}
					if to.last.Err() == nil {
						t.Error("the request goes on")
					}
				})
			})
		}
	}
}

// TestAnswerThatIsWaitedFor ends with its context, and with the time-out.
func TestAnswerThatIsWaitedFor(t *testing.T) {
	for _, way := range []string{"direct", "SDK"} {
		o := wayOptions(&bound{})
		o.OperationTimeout = time.Minute
		c := openWays(t, o)[way]
		for name, tt := range map[string]struct {
			cancel func(context.CancelFunc)
			want   string
		}{
			"cancelled": {func(cancel context.CancelFunc) {
				go func() {
					synctest.Wait()
					cancel()
				}()
			}, context.Canceled.Error()},
			"before it all": {func(cancel context.CancelFunc) { cancel() }, context.Canceled.Error()},
			"too late":      {func(context.CancelFunc) {}, "no answer within the time-out"},
		} {
			t.Run(name+", "+way, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					tt.cancel(cancel)
					_, err := c.GetObject(ctx, request.ObjectRef{Key: "never"}, 0, 0)
					if err = c.Fail(ctx, "read", "never", err); !strings.Contains(fmt.Sprint(err), tt.want) || errors.Is(err, context.Canceled) != (ctx.Err() != nil) {
						t.Errorf("got %v, want %q", err, tt.want)
					}
				})
			})
		}
	}
}
