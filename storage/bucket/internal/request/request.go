// Package request holds what the requests of a bucket carry and what their answers mean,
// in plain types: headers, digests, encryption, attributes, the errors that servers answer
// and which of them let a request be retried. It sends nothing. Both ways of making requests
// use it: package wire with the AWS SDK, package direct without. So every rule about S3
// stands in one place.
package request

import (
	"io"
	"time"

	"s3sync/storage"
)

// Limits of S3.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
const (
	MaxParts = 10_000
	MaxKey   = 1024 // bytes
)

// A Header is one of a request. Its name is written as package http does.
type Header struct{ Name, Value string }

// An ObjectRef names what is read, and on which condition.
type ObjectRef struct {
	Key       string
	VersionID string
	ETag      string // If-Match, without quotes; empty is no condition
	Part      int    // asks for that part; 0 is the object
	Checksums bool   // asks for the additional checksums, too; not for those of a part
}

// An Answer is the answer to a GET or HEAD.
type Answer struct {
	Info          storage.Info // Size is that of a HEAD only
	ContentLength int64
	ContentRange  string
	Body          io.ReadCloser // of a GET
	RequestID     bool          // it names the request
	Date          time.Time     // of the server when it answered a HEAD; ours if it does not tell
	// Customer: with a customer key. Listings have other ETags of such objects.
	Customer bool
	// Unconfirmed, of a HEAD: the object is not encrypted as this client writes.
	Unconfirmed error
}

// A BucketAnswer is what any answer about a bucket tells.
type BucketAnswer struct {
	Took    time.Duration // from the request to the header of the answer; 0 if there was no answer
	Arrived time.Time     // when the answer came, by the clock of this machine
	Date    time.Time     // by the clock of the server; zero if it does not tell
	Region  string        // of the bucket; empty if the server does not tell
}

// Written returns what a HEAD tells of an object as an earlier write of it would have.
func (a *Answer) Written() Written {
	return Written{
		ETag: a.Info.ETag, VersionID: a.Info.VersionID, ETagNotDigest: a.Info.ETagNotDigest,
		Checksums: a.Info.Checksums, Unconfirmed: a.Unconfirmed,
	}
}

// Written is what the server reports of an object or part that it stored.
type Written struct {
	ETag, VersionID string
	// ETagNotDigest: the ETag is no digest of the content.
	ETagNotDigest bool
	Checksums     []storage.Checksum
	// Unconfirmed: the server did not confirm the requested encryption.
	Unconfirmed error
}

// LacksChecksum reports whether the answer lacks the checksum that the server was asked
// to keep.
func (w *Written) LacksChecksum(want storage.Checksum) bool {
	info := storage.Info{Checksums: w.Checksums}
	_, ok := info.Checksum(want.Algorithm)
	return want.Algorithm != "" && !ok
}

// An Upload is a multipart upload.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_MultipartUpload.html
type Upload struct{ Key, ID string }

// A Part was acknowledged by the server.
type Part struct {
	Number int // counted from 1
	ETag   string
	Digest Digest
	Size   int64
}

// A Deletion is what an answer to DeleteObjects says of a key, which the server may
// write in another way than it was sent.
type Deletion struct {
	Key string
	Err error // nil if the object is deleted
}

// Length is how many bytes a block has.
func Length(b storage.Block) int64 {
	if b.Stream != nil {
		return b.Size
	}
	return int64(len(b.Data))
}
