package wire

import (
	"net/http"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// completedChecksums are those in the answer to CompleteMultipartUpload: in its
// body as S3 has it, or in headers.
func completedChecksums(out *s3.CompleteMultipartUploadOutput) []storage.Checksum {
	return resultChecksums(answered(out.ResultMetadata), string(out.ChecksumType), out)
}

// resultChecksums are those in an answer whose body has been made a struct of the
// SDK: there, or in its headers.
func resultChecksums(headers http.Header, typ string, result any) []storage.Checksum {
	h := headers.Clone()
	if h == nil {
		h = http.Header{}
	}
	if typ != "" {
		h.Set(request.ChecksumType, typ)
	}
	for _, alg := range checksum.Algorithms() {
		if value := *checksumField(result, alg); value != nil {
			h.Set(checksum.Header(alg), *value)
		}
	}
	return request.ChecksumsIn(h)
}

// checksumField is the address of the field for the checksum of an algorithm in
// a struct of the SDK, which has one for each.
func checksumField(of any, alg checksum.Algorithm) **string {
	field := reflect.ValueOf(of).Elem().FieldByName("Checksum" + string(alg))
	address, _ := reflect.TypeAssert[**string](field.Addr())
	return address
}
