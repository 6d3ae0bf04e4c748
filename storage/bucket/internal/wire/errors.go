package wire

import (
	"context"
	"errors"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// classify turns an error of the SDK or the network into a failure. It returns nil for
// nil, and a *failure.Error unchanged.
func (c *Client) classify(err error) error {
	_, known := errors.AsType[*failure.Error](err)
	if e, ok := errors.AsType[*account.Error](err); ok && !known {
		return c.translator.Secrets.Hide(e.Failure())
	}
	return c.translator.Failure(plain(err))
}

// plain makes an error of the SDK one that package request knows. It is the only place
// that knows the SDK's types of errors.
func plain(err error) error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*failure.Error](err); ok {
		if _, ok := errors.AsType[*smithy.OperationError](err); ok {
			return f // of a session; the SDK adds nothing to it
		}
		return err
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		r := &request.RefusalError{Code: e.ErrorCode(), Message: e.ErrorMessage()}
		if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil && answer.Response.Response != nil {
			r.Status, r.Header, r.Request = answer.HTTPStatusCode(), answer.Response.Header, answer.Response.Request
		}
		return r
	}
	cause := account.Cause(err)
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return &request.UnreadableError{Err: cause}
	}
	if sent, ok := errors.AsType[interface {
		error
		ConnectionError() bool
	}](err); ok && sent.ConnectionError() {
		return &request.SendError{Err: cause}
	}
	return cause
}

// Fail makes the error of a method of a store. If the context is cancelled, that is the
// error, whatever the request returned. It returns nil for nil.
func (c *Client) Fail(ctx context.Context, op, key string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	} else {
		err = c.translator.Secrets.Hide(c.classify(err))
	}
	return &storage.Error{Op: op, Key: key, Err: err}
}

// Mask returns a text without the secrets that go along with requests.
func (c *Client) Mask(text string) string { return c.translator.Secrets.Mask(text) }
