package flow

import (
	"context"
	"errors"
	"io/fs"
	"net"

	"go.temporal.io/sdk/temporal"

	"s3sync/cluster/internal/lease"
	"s3sync/storage"
)

// Types of failures in the engine. A stop is not tried again by itself.
const (
	failureStop  = "stop"
	failureRetry = "retry"
)

// redact turns a failure into one that the engine may keep, for as long as it keeps its
// history: what kind of failure it is, in words of this program. The text of the failure
// itself, which comes from servers and has names of objects, stays in the log of the worker.
func redact(err error) error {
	stop := errors.Is(err, lease.ErrStop)
	kind := failureRetry
	if stop {
		kind = failureStop
	}
	return temporal.NewApplicationErrorWithOptions(classify(err), kind, temporal.ApplicationErrorOptions{NonRetryable: stop})
}

// classify names a failure by its kind alone.
func classify(err error) string {
	stop := errors.Is(err, lease.ErrStop)
	timeout := net.Error(nil)
	for _, c := range []struct {
		is   bool
		text string
	}{
		{errors.Is(err, storage.ErrNoBucket), "a bucket does not exist"},
		{errors.Is(err, storage.ErrCredentials), "credentials are missing, expired or refused"},
		{errors.Is(err, storage.ErrFull), "a store is full"},
		{errors.Is(err, storage.ErrUnusable), "a store cannot be used"},
		{errors.Is(err, fs.ErrPermission), "access was denied"},
		{errors.Is(err, storage.ErrThrottled), "a server asks for fewer requests"},
		{errors.Is(err, storage.ErrTransient), "a server failed or was not reached"},
		{errors.Is(err, storage.ErrPrecondition), "something changed meanwhile"},
		{errors.Is(err, fs.ErrNotExist), "something is missing in the state store"},
		{errors.As(err, &timeout) && timeout.Timeout(), "a server did not answer in time"},
		{errors.Is(err, context.Canceled), "it was cancelled"},
		{stop, "the job cannot go on"},
	} {
		if c.is {
			return c.text + "; the log of the worker says more"
		}
	}
	return "it failed; the log of the worker says why"
}

// reason returns a failure of an activity in words that were made to be shown.
func reason(err error) string {
	if app, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return app.Message()
	}
	return "the engine ended it: " + err.Error()
}
