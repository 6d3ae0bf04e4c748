package request

import (
	"crypto/md5"
	"encoding/base64"
	"net/http"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
)

// Encryption says how the server encrypts what is written. The zero Encryption
// leaves that to the bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingEncryption.html
type Encryption struct {
	// SSE is "AES256", "aws:kms" or "aws:kms:dsse".
	SSE string
	// KMSKeyID is for aws:kms and aws:kms:dsse; empty takes the key of the account.
	KMSKeyID string // secret
	// Customer is the key of what is written and read. It goes without SSE.
	Customer CustomerKey
}

// A CustomerKey encrypts objects with a key that the server does not keep (SSE-C).
// Every request that writes or reads such an object has to bring it along, over
// TLS. The zero CustomerKey is none.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
type CustomerKey struct {
	Algorithm string // "AES256", also if it is empty
	Key       string // base64 of 32 bytes; secret
	KeyMD5    string // base64 of its MD5 digest; empty lets it be computed
}

const (
	sseHeader         = "X-Amz-Server-Side-Encryption"
	kmsKeyHeader      = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	customerAlgorithm = "X-Amz-Server-Side-Encryption-Customer-Algorithm"
	customerKey       = "X-Amz-Server-Side-Encryption-Customer-Key"
	customerKeyMD5    = "X-Amz-Server-Side-Encryption-Customer-Key-Md5"

	customerKeySize = 32 // bytes
)

// Complete fills in what follows from the rest of e. Its errors tell no keys.
func (e *Encryption) Complete() error {
	c := &e.Customer
	switch {
	case c.Key == "" && *c != CustomerKey{}:
		return failure.Unusable("the customer key is missing")
	case c.Key == "":
		return nil
	case e.SSE != "":
		return failure.Unusable("objects cannot be encrypted both with %s and with a customer key", e.SSE)
	}
	key, err := base64.StdEncoding.DecodeString(c.Key)
	if err != nil || len(key) != customerKeySize {
		return failure.Unusable("the customer key is not %d bytes in base64", customerKeySize)
	}
	sum := md5.Sum(key)
	switch text := base64.StdEncoding.EncodeToString(sum[:]); c.KeyMD5 {
	case "", text:
		c.KeyMD5 = text
	default:
		return failure.Unusable("the MD5 digest given with the customer key is that of another key")
	}
	if c.Algorithm == "" {
		c.Algorithm = "AES256"
	}
	return nil
}

// Headers are those of an operation of S3. CompleteMultipartUpload and ListParts want
// the customer key where the upload has checksums, and a session of a directory
// bucket the encryption of what will be written.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html
func (e *Encryption) Headers(operation string) []Header {
	var headers []Header
	switch operation {
	case "PutObject", "CopyObject", "CreateMultipartUpload", "CreateSession":
		if e.SSE != "" {
			headers = append(headers, Header{sseHeader, e.SSE})
		}
		if e.KMSKeyID != "" {
			headers = append(headers, Header{kmsKeyHeader, e.KMSKeyID})
		}
	case "GetObject", "HeadObject", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "ListParts":
	default:
		return nil
	}
	if c := e.Customer; c.Key != "" {
		headers = append(headers,
			Header{customerAlgorithm, c.Algorithm}, Header{customerKey, c.Key}, Header{customerKeyMD5, c.KeyMD5})
	}
	return headers
}

// SourceHeaders let a server read what it copies.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (e *Encryption) SourceHeaders() []Header {
	const prefix = "X-Amz-Copy-Source-Server-Side-Encryption-Customer-"
	c := e.Customer
	if c.Key == "" {
		return nil
	}
	return []Header{{prefix + "Algorithm", c.Algorithm}, {prefix + "Key", c.Key}, {prefix + "Key-Md5", c.KeyMD5}}
}

// Confirm fails if the headers of an answer do not confirm the requested encryption. Some
// servers ignore the request and would store the objects without encryption.
func (e *Encryption) Confirm(h http.Header) error {
	var what string
	switch {
	case e.Customer.Key != "" && h.Get(customerAlgorithm) != e.Customer.Algorithm:
		what = "with the customer key"
	case e.SSE != "" && h.Get(sseHeader) != e.SSE:
		what = "with " + e.SSE
	default:
		return nil
	}
	return &failure.Error{Kind: storage.ErrUnusable, Text: "the server does not encrypt " + what + ", as it was asked to"}
}

func isKMS(sse string) bool { return sse == "aws:kms" || sse == "aws:kms:dsse" }
