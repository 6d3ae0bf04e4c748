package s3sync

import (
	"fmt"
	"slices"

	"s3sync/internal/checksum"
)

// Check selects how an object that exists on both sides is found to differ.
type Check struct {
	Mode CheckMode
	// Algorithm is that of the additional checksums, for the modes that compare them.
	Algorithm string
	// ReadBoth reads the bytes of both sides where a comparison of contents finds no
	// digests that tell. Without it such objects are transferred, or left out with a
	// warning if they have no digests at all.
	ReadBoth bool
	// HeadEachTarget asks for the target object right before each transfer.
	HeadEachTarget bool
	// NoTargetListing compares with what the target answers for each object, instead
	// of listing it. Except with CheckChecksum it requires HeadEachTarget. With Delete
	// the target is listed nevertheless.
	NoTargetListing bool
}

// A CheckMode is what is compared of an object that exists on both sides. Times
// are compared by whole seconds, because some stores keep no more.
type CheckMode int

// Modes of comparison.
const (
	CheckNewer            CheckMode = iota // transfer if the source is newer
	CheckOverwrite                         // transfer without comparing
	CheckSize                              // transfer if sizes differ
	CheckMtimeAndSize                      // transfer if the source is newer or sizes differ
	CheckETag                              // transfer if contents differ by their ETags
	CheckMtimeAndETag                      // likewise, but only if the source is newer
	CheckChecksum                          // transfer if contents differ by their checksums of Algorithm
	CheckMtimeAndChecksum                  // likewise, but only if the source is newer
)

// checkModes are the names of the modes in the written form of a Config.
func checkModes() []string {
	return []string{"newer", "overwrite", "size", "mtime-and-size", "etag", "mtime-and-etag", "checksum", "mtime-and-checksum"}
}

func (m CheckMode) known() bool { return m >= 0 && int(m) < len(checkModes()) }

// String returns the name of the mode, such as "mtime-and-size".
func (m CheckMode) String() string {
	if !m.known() {
		return fmt.Sprintf("CheckMode(%d)", int(m))
	}
	return checkModes()[m]
}

// MarshalText returns the name of the mode. It fails for a mode that does not
// exist.
func (m CheckMode) MarshalText() ([]byte, error) {
	if !m.known() {
		return nil, fmt.Errorf("%v is no mode of comparison", m)
	}
	return []byte(m.String()), nil
}

// UnmarshalText sets the mode by its name.
func (m *CheckMode) UnmarshalText(text []byte) error {
	i := slices.Index(checkModes(), string(text))
	if i < 0 {
		return fmt.Errorf("%q is no mode of comparison", text)
	}
	*m = CheckMode(i)
	return nil
}

// listsTarget reports whether the comparison needs a listing of the target.
func (c *Check) listsTarget() bool { return c.Mode != CheckOverwrite && !c.NoTargetListing }

// asks reports whether the target is asked for before each transfer: an object
// that is not listed has to be, to be compared.
func (c *Check) asks() bool { return c.HeadEachTarget || c.NoTargetListing }

// digests reports whether the check compares contents, and which additional
// checksum of them, if not ETags.
func (c *Check) digests() (algorithm checksum.Algorithm, ok bool) {
	switch c.Mode { //nolint:exhaustive // the others look at no contents
	case CheckETag, CheckMtimeAndETag:
		return "", true
	case CheckChecksum, CheckMtimeAndChecksum:
		return checksum.Algorithm(c.Algorithm), true
	}
	return "", false
}
