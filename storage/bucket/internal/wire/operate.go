package wire

import (
	"context"
	"errors"
	"time"

	"s3sync/internal/grace"
	"s3sync/internal/pace"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// A timeout is that of a call with its attempts; 0 is none.
type timeout time.Duration

// limit bounds a call.
func (t timeout) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if t <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(t))
}

// operate makes an operation: a call with its attempts. Its errors are failures. While
// the server does not answer anything, operate waits, and makes the operation again if it
// was not answered. The time-out begins after the wait. If ctx ends, operate returns at
// once.
func operate[T any](ctx context.Context, c *Client, do func(context.Context) (T, error)) (T, error) {
	if grace.Stop(ctx) != nil { // it finds out what a write did
		ctx = grace.WithStop(ctx, nil)
	}
	return write(ctx, c, do)
}

// write is operate for an operation that changes what the bucket holds. If grace.Stop of
// ctx is closed, it makes no further attempt. If it made none, it fails with
// storage.ErrNotBegun.
func write[T any](ctx context.Context, c *Client, do func(context.Context) (T, error)) (T, error) {
	var last error
	for {
		result, again, err := try(ctx, c, do)
		switch {
		case again:
			last = err
		case last != nil && errors.Is(err, storage.ErrNotBegun):
			return result, last
		default:
			return result, err
		}
	}
}

// try makes an operation once. It reports whether to make it again, behind an outage.
func try[T any](ctx context.Context, c *Client, do func(context.Context) (T, error)) (result T, again bool, err error) {
	entry, err := c.enter(ctx)
	if err != nil {
		return result, false, err
	}
	limited, cancel := c.timeout.limit(ctx)
	defer cancel()
	result, err = do(limited)
	if err == nil {
		return result, false, nil
	}
	err = c.translator.classify(err)
	return result, ctx.Err() == nil && c.translator.Repeat(entry, err, limited.Err() != nil), err
}

// enter waits until an operation may begin. Its errors are failures.
func (c *Client) enter(ctx context.Context) (request.Entry, error) {
	for {
		entry, err := c.translator.Calm.Enter(ctx)
		if errors.Is(err, pace.ErrOutage) {
			return request.Entry{}, failure.Unusable("%s has not answered for %v", c.translator.Host(), request.LongestOutage)
		}
		if errors.Is(err, pace.ErrStopped) {
			return request.Entry{}, &failure.Error{Kind: storage.ErrNotBegun, Text: "the run is ending"}
		}
		if err != nil {
			return request.Entry{}, c.translator.classify(ctx.Err())
		}
		if !entry.Probe() || c.probe(ctx, entry) {
			return entry, nil
		}
	}
}

// probe finds out whether the server answers again, by a cheap request. It reports whether
// the operation is to begin, to fail for the reason for which the probe did.
func (c *Client) probe(ctx context.Context, entry request.Entry) (begin bool) {
	defer entry.Leave()
	limited, cancel := c.timeout.limit(ctx)
	defer cancel()
	_, err := c.hot.ListObjectsV2(limited, request.ListRequest{MaxKeys: 1})
	return ctx.Err() == nil && c.translator.Calm.Probed(c.translator.classify(err))
}
