package wire

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
)

// A dialect is what requests to a bucket carry, and what its answers mean.
type dialect struct {
	directory                     bool // the bucket is a directory bucket
	unsignedPayload, noContentMD5 bool
}

// SendsMD5 reports whether uploads carry Content-MD5. Directory buckets do not know
// it, and their ETags are not MD5.
func (d *dialect) SendsMD5() bool { return !d.noContentMD5 && !d.directory }

// payloadHash is the value of x-amz-content-sha256.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (d *dialect) payloadHash(b storage.Block) string {
	if d.unsignedPayload || b.Stream != nil {
		return "UNSIGNED-PAYLOAD"
	}
	if b.SHA256 != nil {
		return hex.EncodeToString(b.SHA256)
	}
	sum := sha256.Sum256(b.Data)
	return hex.EncodeToString(sum[:])
}

func (d *dialect) contentMD5(b storage.Block) *string {
	if b.MD5 == nil || !d.SendsMD5() {
		return nil
	}
	return aws.String(base64.StdEncoding.EncodeToString(b.MD5))
}

// withContentMD5 adds the digest that servers demanded before the checksum that
// the SDK sends was invented.
func (d *dialect) withContentMD5(o *s3.Options) {
	if !d.directory {
		o.APIOptions = append(o.APIOptions, smithyhttp.AddContentChecksumMiddleware)
	}
}

// etagNotDigest reports whether an ETag is no digest of the content.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func (d *dialect) etagNotDigest(etag string, sse types.ServerSideEncryption, customer *string) bool {
	return isKMS(sse) || d.directory || aws.ToString(customer) != "" || !answer.IsDigest(etag)
}

// emptyMD5 is the MD5 digest of nothing, the ETag of an empty object.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
