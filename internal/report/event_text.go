package report

import (
	"fmt"
	"strings"
)

// String returns the event as one line: its type, its key, and its details.
func (ev Event) String() string {
	var b strings.Builder
	if ev.DryRun {
		b.WriteString("[dry-run] ")
	}
	b.WriteString(ev.Type.String())
	if ev.Key != "" {
		fmt.Fprintf(&b, " %q", ev.Key)
	}
	if known := details(&ev); len(known) > 0 {
		b.WriteString(": " + strings.ReplaceAll(strings.Join(known, ", "), "\n", "; "))
	}
	return b.String()
}

// details returns what is known about an event besides the key.
func details(ev *Event) (known []string) {
	add := func(format string, args ...any) { known = append(known, fmt.Sprintf(format, args...)) }
	if ev.Part > 0 {
		add("part %d", ev.Part)
	}
	switch ev.Type {
	case EventListed:
		add("%d objects, %d bytes", ev.Objects, ev.Bytes)
	case EventWritten:
		add("%d bytes", ev.Bytes)
	case EventStatus:
		if ev.Line != nil {
			add("%s %s", ev.Line.Aspect, ev.Line.Status)
		}
	case EventProgress, EventEnd:
		if ev.Stats != nil {
			add("%s", statsText(ev.Stats))
		}
	default:
	}
	if ev.Reason != "" {
		add("%s", ev.Reason)
	}
	if ev.Compared != "" {
		add("%q", ev.Compared)
	}
	if ev.Tags != nil {
		add("tags %q and %q", ev.Tags.Source, ev.Tags.Target)
	}
	if ev.Note != "" {
		add("%s", ev.Note)
	}
	if ev.Err != nil {
		add("%v", ev.Err)
	}
	return known
}

// statsText returns the counters as one line. It is not a method, because a Report
// would inherit it.
func statsText(s *Stats) string {
	text := fmt.Sprintf("%d transferred (%d bytes), %d verified by ETag, %d by checksum, %d unverified, %d skipped, %d deleted, %d failed, %d warnings",
		s.Transferred, s.TransferredBytes, s.ETagVerified, s.ChecksumVerified, s.Unverified, s.Skipped, s.Deleted, s.Failed, s.Warnings)
	if s.PerhapsDeleted > 0 {
		text += fmt.Sprintf(", %d perhaps deleted", s.PerhapsDeleted)
	}
	return fmt.Sprintf("%s, %v", text, s.Elapsed)
}
