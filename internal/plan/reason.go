package plan

// A Reason says why an object is transferred or skipped: one of the constants, or the
// name of the filter option that excluded it.
type Reason string

// Reasons to transfer and to skip.
const (
	ReasonNew       Reason = "new"                     // the target does not have it
	ReasonNewer     Reason = "source is newer"         // by whole seconds
	ReasonSize      Reason = "sizes differ"            //
	ReasonETag      Reason = "ETags differ"            // and no other digest shows that the contents are equal
	ReasonChecksum  Reason = "checksums differ"        // likewise for additional checksums
	ReasonOverwrite Reason = "overwrite"               // no update check
	ReasonSame      Reason = "unchanged"               // the update check found no difference
	ReasonEmpty     Reason = "both are empty"          // so no digest is needed
	ReasonEmptyKey  Reason = "key equals the prefix"   // the key relative to the prefix is empty
	ReasonDirectory Reason = "directory key with data" // cannot be a file
	ReasonVersion   Reason = "version exists"          // the target has the version
	// ReasonOlder: the target has a newer version already, so this one is out of order.
	ReasonOlder    Reason = "older than a version of the target"
	ReasonCallback Reason = "filter callback" // Filter.Func rejected it

	ReasonArchived   Reason = "archived"            // and IgnoreArchived is set
	ReasonPreprocess Reason = "preprocess callback" // Config.Preprocess said so

	// The contents are equal by ETags or by additional checksums. The ETags may differ
	// in form if one side has the object in one part and the other has it without
	// parts. Additional checksums replace ETags that cannot be compared.
	ReasonSameETag     Reason = "ETags are same"
	ReasonSameChecksum Reason = "checksums are same"

	// The bytes of both sides were read: Check.ReadBoth.
	ReasonSameContent Reason = "contents are same"
	ReasonContent     Reason = "contents differ"
)
