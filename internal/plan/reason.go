package plan

// A Reason tells why an object is transferred or skipped: one of the constants,
// or the name of the filter option that excluded it.
type Reason string

// Reasons to transfer and to skip.
const (
	ReasonNew       Reason = "new"                     // the target does not have it
	ReasonNewer     Reason = "source is newer"         // by whole seconds
	ReasonSize      Reason = "sizes differ"            //
	ReasonETag      Reason = "ETags differ"            // and no other digest shows that the contents are equal
	ReasonChecksum  Reason = "checksums differ"        // the same of additional checksums
	ReasonOverwrite Reason = "overwrite"               // no update check
	ReasonSame      Reason = "unchanged"               // the update check found no difference
	ReasonEmpty     Reason = "both are empty"          // which needs no digest
	ReasonEmptyKey  Reason = "key equals the prefix"   // nothing is left of the key
	ReasonDirectory Reason = "directory key with data" // cannot be a file
	ReasonVersion   Reason = "version exists"          // the target has the version
	// ReasonOlder: the target has a newer version, so that this one would come too late.
	ReasonOlder    Reason = "older than a version of the target"
	ReasonCallback Reason = "filter callback" // Filter.Func said so

	ReasonArchived   Reason = "archived"            // and IgnoreArchived is set
	ReasonPreprocess Reason = "preprocess callback" // Config.Preprocess said so

	// The contents are equal by ETags, which may be of different form if the
	// object is in one part on one side and in none on the other, or by
	// additional checksums, which stand in for ETags that cannot be compared.
	ReasonSameETag     Reason = "ETags are same"
	ReasonSameChecksum Reason = "checksums are same"

	// The bytes of both sides were read: Check.ReadBoth.
	ReasonSameContent Reason = "contents are same"
	ReasonContent     Reason = "contents differ"
)
