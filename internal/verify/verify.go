// Package verify computes the digests of the bytes that pass and compares them with
// what both sides report about their objects. One read of the bytes serves all digests.
// For server-side copies it compares what the servers report about both objects.
package verify

import (
	"errors"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/storage"
)

// Options select what verifies an object.
type Options struct {
	// ETag compares ETags with the MD5 digests of the bytes. Multipart extends this to
	// objects in parts, and to checksums that are computed from the checksums of parts.
	ETag, Multipart bool
	// Algorithm is the additional checksum for written objects. It may be empty.
	// FullObject computes it over the whole object, not over the checksums of the
	// parts. Checksum compares it with the target's response.
	Algorithm  checksum.Algorithm
	FullObject bool
	Checksum   bool
	// Content computes the SHA-256 of the whole content: Result.SHA256.
	Content bool
	// ReadChecksum verifies the additional checksum of source objects.
	ReadChecksum bool
	// NoExpressChecksum neither writes nor reads the checksum that a store has because
	// its ETags are not digests (storage.Caps.DefaultChecksum).
	NoExpressChecksum bool
	// ChunkSize is the part size, in bytes, that is tried first if the parts of the
	// source are unknown.
	ChunkSize int64
}

const algorithmSetting = setting.Name("Verify.Algorithm")

// Reasons why an object is not verified although nothing is wrong with it: the settings
// do not ask for it.
var (
	ErrOff          = errors.New("verification is off")
	ErrMultipartOff = errors.New("verification of objects written in parts is off")
)

// Reasons why an object is not verified that deserve a warning: they concern its parts.
var (
	ErrUnknownLayout = errors.New("the sizes of its parts are not known and cannot be found out")
	ErrOtherParts    = errors.New("it is too large to be copied in one piece as the source was written, so that the ETags differ, " +
		"and source and target have no additional checksum in common")
)

// ErrNoChecksum says that an object is not verified because it has no additional
// checksum.
var ErrNoChecksum = errors.New("there is no additional checksum")

// Other reasons why an object is not verified.
var (
	errNotDigest = setting.Errorf("its ETag is no digest of its content (encryption with KMS or a customer key, a directory bucket, "+
		"or a server with ETags of its own kind); additional checksums would verify it: see %s and %s",
		algorithmSetting, setting.Name("Verify.ReadChecksum"))
	errNoETag    = errors.New("the server gives no ETag")
	errOtherETag = errors.New("the server gives no ETag that is a digest")
	errOwnETag   = setting.Errorf("the server gives objects in parts an ETag of its own kind, which tells nothing of the parts; "+
		"the ETag of each part matched when it was written; %s would verify the whole where the server keeps it", algorithmSetting)
)

// A Verifier verifies objects that are transferred from one side to the other. Its
// methods may be called concurrently.
type Verifier struct {
	opts           Options
	source, target *side.Side
	limits         *limits.Limits
	written        storage.Checksum
	reads          bool
}

// New returns a Verifier.
func New(opts Options, source, target *side.Side, l *limits.Limits) *Verifier {
	return &Verifier{
		opts: opts, source: source, target: target, limits: l,
		written: opts.written(target.Caps),
		reads:   opts.ReadChecksum || !opts.NoExpressChecksum && source.Caps.DefaultChecksum != "",
	}
}

// written returns the additional checksum for objects written to a store.
func (o *Options) written(caps storage.Caps) storage.Checksum {
	a := o.Algorithm
	if a == "" && !o.NoExpressChecksum {
		a = caps.DefaultChecksum
	}
	c := storage.Checksum{Algorithm: a}
	switch {
	case a == "" || caps.Files:
		return storage.Checksum{}
	case o.FullObject || o.Algorithm == "" || !checksum.Allows(a, checksum.Composite):
		c.Type = checksum.FullObject
	default:
		c.Type = checksum.Composite
	}
	return c
}

// WrittenChecksum returns the additional checksum for written objects:
// storage.WriteOptions.Checksum. Its algorithm is empty if there is none.
func (v *Verifier) WrittenChecksum() storage.Checksum { return v.written }

// PartsQuery returns how an attempt, counted from 0, asks for the parts of the source.
// If another attempt may follow, the first attempt infers the sizes of all parts from
// the first one.
func (v *Verifier) PartsQuery(attempt int) storage.PartsQuery {
	if attempt > 0 || !v.source.Retries() {
		return storage.ExactParts
	}
	return storage.InferParts
}

// ReadsChecksums reports whether the additional checksums of source objects are
// verified: because it was requested, or because the ETags of the source are not
// digests.
func (v *Verifier) ReadsChecksums() bool { return v.reads }

// A MismatchError says that bytes differ from what a side reports. It wraps
// storage.ErrMismatch.
type MismatchError struct {
	// Algorithm is the algorithm of the additional checksums that differ. It is empty
	// for ETags.
	Algorithm checksum.Algorithm
	text      string
}

func (e *MismatchError) Error() string { return e.text }

// Unwrap returns storage.ErrMismatch.
func (*MismatchError) Unwrap() error { return storage.ErrMismatch }
