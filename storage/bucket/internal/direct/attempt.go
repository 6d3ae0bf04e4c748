package direct

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/sigv4"
	"s3sync/storage/bucket/internal/transport"
)

// An attempt is what is known of one request that was sent.
type attempt struct {
	route       *Route
	credentials sigv4.Credentials
	began       time.Time
	offset      time.Duration // that it was signed with
	answered    bool
}

// do makes a call. It hands the answer of a success to read, which closes its body unless it
// keeps it. An error of read is one of the attempt.
func (c *Client) do(ctx context.Context, k *call, read func(*http.Response) error) error {
	var corrected corrections
	for n, again := 1, false; ; n, again = n+1, true {
		var a attempt
		err := c.try(ctx, k, &a, again, read)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return c.opts.Translator.Failure(ctx.Err())
		}
		better := c.correct(ctx, k, &a, &corrected, err)
		switch {
		case k.body.Stream != nil: // it was read
			return c.opts.Translator.Failure(err)
		case better: // which is no attempt
			n--
			continue
		case k.once && !a.answered && !request.NeverSent(err), !c.opts.Translator.Retryable(err):
			return c.opts.Translator.Failure(err)
		}
		last := n >= c.opts.MaxAttempts
		if !last {
			c.opts.Translator.Await(ctx, err)
		}
		pause, failed := c.opts.Translator.Pause(n, last, err)
		if failed != nil {
			return failed
		}
		switch ended := request.Sleep(ctx, pause); {
		case errors.Is(ended, storage.ErrNotBegun): // the last attempt was made
			return c.opts.Translator.Failure(err)
		case ended != nil:
			return c.opts.Translator.Failure(ended)
		}
	}
}

// try sends a request once. again is set if it is not the first of its call.
func (c *Client) try(ctx context.Context, k *call, a *attempt, again bool, read func(*http.Response) error) error {
	a.route = c.opts.Route()
	if again { // what was sent may still be read
		k.header = k.header.Clone()
	}
	req := c.build(ctx, k, a.route)
	if c.opts.Credentials != nil {
		var err error
		if a.credentials, err = c.opts.Credentials(ctx); err != nil {
			return err
		}
		a.offset = time.Duration(c.offset.Load())
		a.began = time.Now()
		c.signer.Sign(req, a.credentials, a.route.Scope, k.payloadHash, a.began.Add(a.offset))
	}
	resp, err := c.opts.Translator.HTTP.Send(transport.Call{
		Operation: k.operation, Again: again, Attempts: transport.AttemptsOf(req),
	}, req)
	if err != nil {
		if _, own := errors.AsType[*failure.Error](err); own {
			return err
		}
		return &request.SendError{Err: err}
	}
	a.answered, resp.Request = true, req
	check := c.opts.Answers.Check
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		check = c.opts.Answers.CheckRefusal
	}
	if err := check(k.operation, resp); err != nil {
		_ = resp.Body.Close() // nobody wants the rest
		return err
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return named(k, refusal(resp))
	}
	return named(k, read(resp))
}

// named gives a refusal the name of the call.
func named(k *call, err error) error {
	if r, ok := errors.AsType[*request.RefusalError](err); ok {
		r.Operation = k.operation
	}
	return err
}

// discard reads an answer to its end, so that its connection can be used again.
func discard(resp *http.Response) {
	if resp.Body == http.NoBody {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body) // what matters was read
	_ = resp.Body.Close()
}
