package display

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"s3sync"
	"s3sync/internal/cli/human"
)

// Summary is the last line of a run. The program that s3sync replaces printed exactly this
// line, blanks included, and scripts read it. A dry run says "would be" of what it did not
// do; the numbers stand at the same places.
func Summary(st s3sync.Stats, dryRun bool) string {
	bytesPerSecond, objectsPerSecond := human.Average(st.TransferredBytes, st.Elapsed), human.Average(st.Transferred, st.Elapsed)
	if dryRun {
		bytesPerSecond, objectsPerSecond = 0, 0
	}
	done := func(n int64, verb string) string {
		if dryRun && n > 0 { // "transferred 0 objects" is true, and scripts know it
			return "would be " + verb
		}
		return verb
	}
	line := fmt.Sprintf("%s | %s/sec,  %s %3d objects | %s objects/sec,  etag verified %d objects,  "+
		"checksum verified %d objects,  unverified %d objects,  %s %d objects,  skipped %d objects,  "+
		"error %d objects, warning %d objects",
		human.Bytes(st.TransferredBytes), human.Bytes(bytesPerSecond), done(st.Transferred, "transferred"), st.Transferred, humanize.Comma(objectsPerSecond),
		st.ETagVerified, st.ChecksumVerified, st.Unverified, done(st.Deleted, "deleted"), st.Deleted, st.Skipped, st.Failed, st.Warnings)
	if st.PerhapsDeleted > 0 { // after an interruption; else scripts expect no such text
		line += fmt.Sprintf(",  perhaps deleted %d objects", st.PerhapsDeleted)
	}
	return line + ",  duration " + human.Duration(st.Elapsed)
}
