package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// Requests to a directory bucket are signed with the credentials of a session,
// which last five minutes. What the SDK would do by itself differs in what goes
// wrong: it drops the kind of a failure and keeps its text only, and it asks for
// sessions from many requests at once when one is about to end.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html

const (
	// sessionRenewal is the age at which a session is replaced: what a request
	// is signed with should outlive its attempts.
	sessionRenewal = 4 * time.Minute
	// sessionReserve is that time from the end, as the server tells it.
	sessionReserve = time.Minute
)

// A sessionKeeper is the s3.ExpressCredentialsProvider of one store. Its methods
// may be called concurrently.
type sessionKeeper struct {
	create func(ctx context.Context, bucket string) (*types.SessionCredentials, error)
	turn   chan struct{} // held by who creates a session
	now    atomic.Pointer[session]
}

type session struct {
	creds aws.Credentials
	until time.Time
}

func newSessionKeeper(create func(ctx context.Context, bucket string) (*types.SessionCredentials, error)) *sessionKeeper {
	return &sessionKeeper{create: create, turn: make(chan struct{}, 1)}
}

// createSession makes the request for a session. Without a session, nothing in the bucket
// can be reached. So each failure that is not temporary is storage.ErrUnusable.
func (s *sdkRequests) createSession(ctx context.Context, bucket string) (*types.SessionCredentials, error) {
	// The context is that of the request that waits for the session. Its extra headers
	// must not be sent here.
	out, err := s.client.CreateSession(withExtra(ctx, extra{payloadHash: request.EmptySHA256}), &s3.CreateSessionInput{Bucket: &bucket})
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil && out.Credentials == nil:
		err = failure.Garbled("there are no credentials in it")
	}
	if err != nil {
		err = s.translator.classify(err)
		f := &failure.Error{Kind: storage.ErrUnusable, Text: fmt.Sprintf("no session with directory bucket %q: %v", bucket, err)}
		if storage.Retryable(err) || errors.Is(err, storage.ErrUnusable) {
			f.Kind = errors.Unwrap(err)
		}
		if cause, ok := errors.AsType[*failure.Error](err); ok {
			f.Unanswered = cause.Unanswered
		}
		return nil, f
	}
	s.translator.Secrets.Add(aws.ToString(out.Credentials.SecretAccessKey), aws.ToString(out.Credentials.SessionToken))
	return out.Credentials, nil
}

// Retrieve returns the credentials of the session, of which it creates a new one
// where that is needed.
func (k *sessionKeeper) Retrieve(ctx context.Context, bucket string) (aws.Credentials, error) {
	creds, err := k.retrieve(ctx, bucket)
	if failure, ok := ctx.Value(sessionFailureKey{}).(*error); ok {
		*failure = err
	}
	return creds, err
}

func (k *sessionKeeper) retrieve(ctx context.Context, bucket string) (aws.Credentials, error) {
	if s := k.valid(); s != nil {
		return s.creds, nil
	}
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return aws.Credentials{}, ctx.Err()
	}
	if s := k.valid(); s != nil { // of who had the turn before
		return s.creds, nil
	}
	c, err := k.create(ctx, bucket)
	if err != nil {
		return aws.Credentials{}, err
	}
	s := &session{creds: aws.Credentials{
		AccessKeyID: aws.ToString(c.AccessKeyId), SecretAccessKey: aws.ToString(c.SecretAccessKey),
		SessionToken: aws.ToString(c.SessionToken),
	}}
	// The clock on the wall goes on while the machine sleeps. It may differ from
	// that of the server, which is believed only where it makes sense.
	now := time.Now().Round(0)
	s.until = now.Add(sessionRenewal)
	if until := aws.ToTime(c.Expiration).Add(-sessionReserve); until.After(now) && until.Before(s.until) {
		s.until = until
	}
	k.now.Store(s)
	return s.creds, nil
}

// valid is the session if it need not be replaced yet, or nil.
func (k *sessionKeeper) valid() *session {
	if s := k.now.Load(); s != nil && time.Now().Round(0).Before(s.until) {
		return s
	}
	return nil
}

// sessionFailureKey is the context key of where Retrieve leaves its error.
type sessionFailureKey struct{}

// watch restores the kind of failures to get a session. It forgets a session that the
// server calls expired, so that the request can be retried with a new one.
func (k *sessionKeeper) watch(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("s3sync:Session",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			var failed error
			out, metadata, err := next.HandleInitialize(context.WithValue(ctx, sessionFailureKey{}, &failed), in)
			_, creation := in.Parameters.(*s3.CreateSessionInput)
			switch {
			case err == nil || creation:
			case failed != nil:
				if repeatable(err) {
					failed = request.Repeatable(failed)
				}
				err = failed
			case isExpired(in.Parameters, err):
				k.now.Store(nil)
				err = &failure.Error{Kind: storage.ErrTransient, Text: "the session with the directory bucket has expired"}
			}
			return out, metadata, err
		}), middleware.Before)
}

// isExpired reports whether a request probably failed because its session has expired.
// The answer to a HEAD contains no code. Directory buckets have no permissions of single
// objects, so another reason is unlikely.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-authenticating-authorizing.html
func isExpired(in any, err error) bool {
	e, ok := errors.AsType[smithy.APIError](err)
	if ok && slices.Contains([]string{"ExpiredToken", "InvalidToken"}, e.ErrorCode()) {
		return true
	}
	head, isHead := in.(*s3.HeadObjectInput)
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !isHead || !ok || response.Response == nil {
		return false
	}
	status := response.HTTPStatusCode()
	return status == http.StatusForbidden || status == http.StatusBadRequest && head.PartNumber == nil
}
