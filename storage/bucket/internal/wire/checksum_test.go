package wire

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/internal/checksum"
)

// TestChecksumFields: the SDK has a field for each algorithm where it does not go
// by headers.
func TestChecksumFields(t *testing.T) {
	for _, alg := range checksum.Algorithms() {
		for _, of := range []any{&types.CompletedPart{}, &s3.CompleteMultipartUploadOutput{}, &types.CopyObjectResult{}, &types.CopyPartResult{}} {
			value := "the value"
			*checksumField(of, alg) = &value
			text, err := json.Marshal(of)
			if err != nil || !strings.Contains(string(text), `"Checksum`+string(alg)+`":"the value"`) {
				t.Errorf("%s in %T: %s, %v", alg, of, text, err)
			}
		}
	}
}
