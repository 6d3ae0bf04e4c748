package engine

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/dustin/go-humanize"

	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/internal/setting"
)

// notes count objects that need no warning, but may not be what the user meant. The
// user sees them at the end of a run.
type notes struct {
	// otherSize: objects skipped by their times although their sizes differ.
	otherSize atomic.Int64
	// undecided: objects transferred that may have been the same.
	undecided atomic.Int64
}

// count counts a decision. byTime says that the update check looks at times alone.
func (n *notes) count(d *compare.Decision, byTime bool) {
	switch {
	case errors.Is(d.Err, compare.ErrUndecided):
		n.undecided.Add(1)
	case d.Err == nil && d.Verdict == checksum.Equal:
		n.countUnchanged(&d.Pair, d.Reason, byTime)
	}
}

// countUnchanged is count for an object that is not to be transferred.
func (n *notes) countUnchanged(p *plan.Pair, why plan.Reason, byTime bool) {
	if byTime && why == plan.ReasonSame && p.Source.Size != p.Target.Size {
		n.otherSize.Add(1)
	}
}

// tell emits the notes.
func (n *notes) tell(record *report.Recorder) {
	if n := n.otherSize.Load(); n > 0 {
		record.Note(setting.Textf("%s skipped, because the source is not newer; %s transfers such objects",
			objects(n, "of another size"), setting.Name("Check.Mode=mtime-and-size")))
	}
	if n := n.undecided.Load(); n > 0 {
		record.Note(setting.Textf("%s taken for different, because the ETags or checksums were made of other parts and do not tell; "+
			"%s compares the bytes of such objects", objects(n, "of the same size"), setting.Name("Check.ReadBoth")))
	}
}

func objects(n int64, which string) string {
	if n == 1 {
		return fmt.Sprintf("1 object %s was", which)
	}
	return fmt.Sprintf("%d objects %s were", n, which)
}

// kept says what an interrupted or failed run leaves for the next one.
func kept(objects int, bytes int64) setting.Text {
	which, its, it := "1 unfinished object is", "its", "it"
	if objects != 1 {
		which, its, it = fmt.Sprintf("%d unfinished objects are", objects), "their", "them"
	}
	return setting.Textf("%s kept with %s of %s data: the next run goes on with %s (%s begins anew)", which,
		humanize.IBytes(uint64(max(bytes, 0))), its, it, setting.Name("Resume.Disable"))
}
