package request

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/answer"
)

// A Dialect is what requests to a bucket carry, and what its answers mean.
type Dialect struct {
	Directory bool // the bucket is a directory bucket
	// UnsignedPayload leaves the payload of uploads out of the signature, and
	// NoContentMD5 sends them without Content-MD5.
	UnsignedPayload, NoContentMD5 bool
	RequestPayer                  bool
	Encryption                    Encryption
}

// SendsMD5 reports whether uploads carry Content-MD5. Directory buckets do not know
// it, and their ETags are not MD5.
func (d *Dialect) SendsMD5() bool { return !d.NoContentMD5 && !d.Directory }

const (
	// UnsignedPayload stands for the digest of a payload that is not signed.
	UnsignedPayload = "UNSIGNED-PAYLOAD"
	// EmptySHA256 is the SHA-256 digest of nothing.
	EmptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// emptyMD5 is the MD5 digest of nothing, the ETag of an empty object.
	emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"
)

// PayloadHash is the value of x-amz-content-sha256.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
func (d *Dialect) PayloadHash(b storage.Block) string {
	if d.UnsignedPayload || b.Stream != nil {
		return UnsignedPayload
	}
	if b.SHA256 != nil {
		return inHex(b.SHA256)
	}
	sum := sha256.Sum256(b.Data)
	return inHex(sum[:])
}

// ContentMD5 is the header of that name; empty is none.
func (d *Dialect) ContentMD5(b storage.Block) string {
	if b.MD5 == nil || !d.SendsMD5() {
		return ""
	}
	return inBase64(b.MD5)
}

// longestDigest is the length of the longest digest, SHA-512, in bytes.
const longestDigest = 64

// inHex is hex.EncodeToString with one allocation.
func inHex(sum []byte) string {
	var text [2 * longestDigest]byte
	return string(hex.AppendEncode(text[:0], sum))
}

// inBase64 is the usual encoding of a digest, with one allocation.
func inBase64(sum []byte) string {
	var text [(longestDigest + 2) / 3 * 4]byte
	return string(base64.StdEncoding.AppendEncode(text[:0], sum))
}

// etagNotDigest reports whether an ETag is no digest of the content. sse and customer are
// headers of the answer.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
func (d *Dialect) etagNotDigest(etag, sse, customer string) bool {
	return isKMS(sse) || d.Directory || customer != "" || !answer.IsDigest(etag)
}
