package plan

// A Reason says why an object is transferred, skipped, deleted or kept: one of the
// constants, or the name of the filter that excluded it. Words has it in few words.
type Reason string

// Reasons to transfer and to skip.
const (
	ReasonNew       Reason = "new"                      // the target does not have it
	ReasonNewer     Reason = "source is newer"          // by whole seconds
	ReasonTouched   Reason = "changed after its upload" // as the state of earlier runs shows; its time alone does not
	ReasonSize      Reason = "sizes differ"             //
	ReasonETag      Reason = "ETags differ"             // and no other digest shows that the contents are equal
	ReasonChecksum  Reason = "checksums differ"         // likewise for additional checksums
	ReasonOverwrite Reason = "overwrite"                // no update check
	ReasonSame      Reason = "unchanged"                // the update check found no difference
	ReasonEmpty     Reason = "both are empty"           // so no digest is needed
	ReasonEmptyKey  Reason = "key equals the prefix"    // the key relative to the prefix is empty
	ReasonDirectory Reason = "directory key with data"  // cannot be a file
	ReasonVersion   Reason = "version exists"           // the target has the version
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
	// The state of earlier runs knows both ETags: the target is a verified copy.
	ReasonSameCopy Reason = "copied before"

	// The bytes of both sides were read: Check.ReadBoth.
	ReasonSameContent Reason = "contents are same"
	ReasonContent     Reason = "contents differ"

	ReasonNewVersion Reason = "new version" // the target does not have the version
	ReasonTags       Reason = "tags differ" // and nothing else does

	ReasonApplied Reason = "done already" // the action of a plan
)

// Reasons to delete an object of the target, and to keep one that only the target has.
const (
	ReasonExtraneous Reason = "only in the target"
	ReasonDeleted    Reason = "deleted in the source"   // so the target gets a delete marker, too
	ReasonFolder     Reason = "folder marker"           // which stands for a directory
	ReasonUnlisted   Reason = "source cannot be listed" // at this key
	ReasonTrash      Reason = "in the trash"            // which lies in the target
)

// Words returns the reason as a user reads it, in at most three words where possible.
// It is the one table of these words. What is not in it is the name of a filter.
func (r Reason) Words() string {
	switch r {
	case ReasonNew:
		return "new"
	case ReasonNewer:
		return "newer"
	case ReasonTouched:
		return "changed since upload"
	case ReasonSize:
		return "size differs"
	case ReasonETag:
		return "ETag differs"
	case ReasonChecksum:
		return "checksum differs"
	case ReasonContent:
		return "content differs"
	case ReasonOverwrite:
		return "not compared"
	case ReasonSame:
		return "same"
	case ReasonSameETag:
		return "same ETag"
	case ReasonSameChecksum:
		return "same checksum"
	case ReasonSameCopy:
		return "same as copied"
	case ReasonSameContent:
		return "same content"
	case ReasonEmpty:
		return "both empty"
	case ReasonOlder:
		return "older than the target"
	case ReasonVersion:
		return "same version"
	case ReasonEmptyKey, ReasonDirectory, ReasonCallback, ReasonArchived, ReasonPreprocess, ReasonNewVersion, ReasonTags,
		ReasonExtraneous, ReasonDeleted, ReasonFolder, ReasonUnlisted, ReasonApplied, ReasonTrash:
		return string(r)
	case "":
		return ""
	}
	return "filter " + string(r)
}
