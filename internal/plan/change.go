package plan

// A Change is what an action does to the target, in one word.
type Change string

// The changes, and their absence.
const (
	// ChangeUpload, ChangeDownload and ChangeCopy write an object that the target does
	// not have: to a bucket, to a directory, or from one bucket to another. If the
	// Reason is ReasonOverwrite and the target was not listed, it may have the object.
	ChangeUpload   Change = "upload"
	ChangeDownload Change = "download"
	ChangeCopy     Change = "copy"
	// ChangeOverwrite replaces an object of the target.
	ChangeOverwrite Change = "overwrite"
	// ChangeTag leaves the object and replaces its tags; ChangeUntag removes all of them.
	ChangeTag   Change = "tag"
	ChangeUntag Change = "untag"
	// ChangeMark adds a delete marker, because the source has one.
	ChangeMark Change = "mark"
	// ChangeDelete deletes an object that only the target has.
	ChangeDelete Change = "delete"
	// ChangeNone leaves an object of the source as it is in the target.
	ChangeNone Change = "skip"
	// ChangeKeep keeps an object that only the target has.
	ChangeKeep Change = "keep"
)

// Changes returns all changes in the order in which totals name them.
func Changes() []Change {
	return []Change{
		ChangeUpload, ChangeDownload, ChangeCopy, ChangeOverwrite, ChangeTag, ChangeUntag,
		ChangeMark, ChangeDelete, ChangeKeep, ChangeNone,
	}
}
