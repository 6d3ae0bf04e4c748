package s3sync

import "s3sync/internal/compare"

// Check selects how an object that exists on both sides is compared.
type Check struct {
	Mode CheckMode
	// Algorithm is the additional checksum for the modes that compare checksums.
	Algorithm string
	// ReadBoth reads the bytes of both sides if no digests decide a comparison of
	// contents. Without it such objects are transferred, or skipped with a warning if
	// they have no digests at all.
	ReadBoth bool
	// HeadEachTarget requests the target object right before each transfer.
	HeadEachTarget bool
	// NoTargetListing compares with the target's response for each object, instead of a
	// listing of the target. Except with CheckChecksum it requires HeadEachTarget. With
	// Delete the target is listed nevertheless.
	NoTargetListing bool
}

// A CheckMode says what is compared for an object that exists on both sides. Times are
// compared by whole seconds, because some stores keep no more. Its text is a name such
// as "mtime-and-size".
type CheckMode = compare.Mode

// Modes of comparison.
const (
	CheckNewer            = compare.Newer            // transfer if the source is newer
	CheckOverwrite        = compare.Always           // transfer without comparing
	CheckSize             = compare.Size             // transfer if sizes differ
	CheckMtimeAndSize     = compare.NewerOrSize      // transfer if the source is newer or sizes differ
	CheckETag             = compare.ETag             // transfer if contents differ by their ETags
	CheckMtimeAndETag     = compare.NewerAndETag     // likewise, but only if the source is newer
	CheckChecksum         = compare.Checksum         // transfer if contents differ by their checksums of Algorithm
	CheckMtimeAndChecksum = compare.NewerAndChecksum // likewise, but only if the source is newer
)

// listsTarget reports whether the comparison needs a listing of the target.
func (c *Check) listsTarget() bool { return c.Mode != CheckOverwrite && !c.NoTargetListing }

// asks reports whether the target object is requested before each transfer. An object
// that is not listed must be requested to be compared.
func (c *Check) asks() bool { return c.HeadEachTarget || c.NoTargetListing }
