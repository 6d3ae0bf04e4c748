package wire

import (
	"context"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage/bucket/internal/answer"
)

// checkAnswers adds the check of every answer to a stack, next to the transport: before
// the SDK sees the answer.
func checkAnswers(answers *answer.Checker, stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:Answers",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if err != nil || !ok {
				return out, metadata, err
			}
			check := answers.Check
			if resp.StatusCode < 200 || resp.StatusCode > 299 {
				check = answers.CheckRefusal
			}
			if err := check(awsmiddleware.GetOperationName(ctx), resp.Response); err != nil {
				if resp.Body != nil {
					_ = resp.Body.Close() // nobody wants the rest
				}
				return out, metadata, err
			}
			return out, metadata, nil
		}), middleware.After)
}
