package wire

import (
	"context"
	"fmt"
	"net/http"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/middleware"

	"s3sync/storage/bucket/internal/request"
)

// extra is what a request carries besides what its input makes of it. The
// context brings it to the SDK's stack, for all attempts.
type extra struct {
	// payloadHash is the value of x-amz-content-sha256; empty leaves it to the SDK.
	payloadHash string
	// headers replace those of the input. They are for what the SDK would send in
	// another way: it knows not all checksums, and would compute and verify
	// those that it knows.
	headers []request.Header
}

// extraKey is the context key of an extra.
type extraKey struct{}

func withExtra(ctx context.Context, e extra) context.Context {
	return context.WithValue(ctx, extraKey{}, e)
}

// addExtra adds to a stack what sends the extras of requests, and the headers
// that a store has for an operation.
//
// The payload's digest is handed over in the first step because the middleware
// that would compute it leaves alone what it finds. Headers are set in the step
// before the one that signs them.
func addExtra(ofOperation func(name string) []request.Header) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("s3sync:PayloadHash",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				if e, _ := ctx.Value(extraKey{}).(extra); e.payloadHash != "" {
					ctx = v4.SetPayloadHash(ctx, e.payloadHash)
				}
				return next.HandleInitialize(ctx, in)
			}), middleware.Before)
		if err != nil {
			return err
		}
		return stack.Build.Add(middleware.BuildMiddlewareFunc("s3sync:Headers",
			func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (
				middleware.BuildOutput, middleware.Metadata, error,
			) {
				req, ok := in.Request.(*smithyhttp.Request)
				if !ok {
					return middleware.BuildOutput{}, middleware.Metadata{}, fmt.Errorf("unexpected request %T", in.Request)
				}
				e, _ := ctx.Value(extraKey{}).(extra)
				for _, h := range e.headers {
					req.Header.Set(h.Name, h.Value)
				}
				for _, h := range ofOperation(awsmiddleware.GetOperationName(ctx)) {
					req.Header.Set(h.Name, h.Value)
				}
				return next.HandleBuild(ctx, in)
			}), middleware.After)
	}
}

// answered returns the headers of the answer that an output was made of.
func answered(metadata middleware.Metadata) http.Header {
	if r, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok {
		return r.Header
	}
	return nil
}

// asked returns the request whose answer an output was made of, or nil.
func asked(metadata middleware.Metadata) *http.Request {
	if r, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok && r.Response != nil {
		return r.Request
	}
	return nil
}
