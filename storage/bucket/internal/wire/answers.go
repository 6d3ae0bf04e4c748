package wire

import (
	"context"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// checkAnswers adds the look at every answer to a stack, before the SDK sees it. It stands next to the
// transport.
func (c *Client) checkAnswers(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("s3sync:Answers",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			resp, ok := out.RawResponse.(*smithyhttp.Response)
			if err != nil || !ok || resp.StatusCode < 200 || resp.StatusCode > 299 {
				return out, metadata, err
			}
			if err := c.answers.Check(awsmiddleware.GetOperationName(ctx), resp.Response); err != nil {
				if resp.Body != nil {
					_ = resp.Body.Close() // nobody wants the rest
				}
				return out, metadata, err
			}
			return out, metadata, nil
		}), middleware.After)
}
