package wire

import (
	"encoding/xml"
	"errors"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// A translator turns errors of the SDK, a server and the network into failures.
type translator struct{ request.Translator }

// classify turns an error of the SDK or the network into a failure. It returns nil for
// nil, and a *failure.Error unchanged.
func (t *translator) classify(err error) error {
	_, known := errors.AsType[*failure.Error](err)
	if e, ok := errors.AsType[*account.Error](err); ok && !known {
		return t.Secrets.Hide(e.Failure())
	}
	f := t.Failure(plain(err))
	if repeatable(err) {
		f = request.Repeatable(f)
	}
	return f
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
		if op, ok := errors.AsType[*smithy.OperationError](err); ok {
			r.Operation = op.Operation()
		}
		if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil && answer.Response.Response != nil {
			r.Status, r.Header, r.Request = answer.HTTPStatusCode(), answer.Response.Header, answer.Response.Request
		}
		return r
	}
	cause := account.Cause(err)
	_, garbage := errors.AsType[*smithy.DeserializationError](err)
	_, syntax := errors.AsType[*xml.SyntaxError](err)
	if garbage || syntax {
		unreadable := &request.UnreadableError{Err: cause}
		if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.Response != nil && answer.Response.Response != nil {
			unreadable.Status, unreadable.Header = answer.HTTPStatusCode(), answer.Response.Header
		}
		return unreadable
	}
	if sent, ok := errors.AsType[interface {
		error
		ConnectionError() bool
	}](err); ok && sent.ConnectionError() {
		return &request.SendError{Err: cause}
	}
	return cause
}
