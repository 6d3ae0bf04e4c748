package display

import (
	"strings"

	"github.com/dustin/go-humanize"

	"s3sync"
	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
)

// An Outcome is what became of a run.
type Outcome struct {
	Report *s3sync.Report // nil if there is none
	Code   int
}

// result says in one line what became of a run. p is its last progress.
func (v *view) result(p *s3sync.Progress, o Outcome) string {
	st := &o.Report.Stats
	head := "Done in "
	switch {
	case o.Code == options.ExitWarning && !v.report:
		head = "Done with warnings in "
	case o.Code == options.ExitError:
		head = "Failed after "
	case o.Code > options.ExitWarning:
		head = "Interrupted after "
	}
	if v.dryRun && !v.report {
		head = "Dry run, " + strings.ToLower(head)
	}
	parts := v.moved(p, st)
	if v.report {
		all := view{width: 1000}
		parts = []string{all.fit(", ", all.compared(&s3sync.Progress{Status: o.Report.Status})[:3]...)}
	}
	if st.Skipped > 0 {
		parts = append(parts, "skipped "+human.Objects(st.Skipped))
	}
	// An error that is of no object, such as the refusal of deletions, is printed below.
	ended := st.Failed > 0 && len(o.Report.Failures) == 0
	switch {
	case ended:
		parts = append(parts, "ended by an error")
	case st.Failed > 0:
		parts = append(parts, human.Objects(st.Failed)+" failed")
	}
	if st.Warnings > 0 {
		parts = append(parts, humanize.Comma(st.Warnings)+" "+human.Noun(st.Warnings, "warning"))
	}
	if o.Report.Incomplete && !ended {
		parts = append(parts, "not everything was looked at")
	}
	return head + human.Short(st.Elapsed) + ": " + strings.Join(parts, "; ")
}

// moved says what was transferred and deleted, or would be.
func (v *view) moved(p *s3sync.Progress, st *s3sync.Stats) []string {
	transferred, deleted := "transferred ", "deleted "
	if v.dryRun {
		transferred, deleted = "would transfer ", "would delete "
	}
	text := transferred + "nothing"
	if st.Transferred > 0 {
		text = transferred + human.Objects(st.Transferred) + ", " + human.Size(p.DoneBytes)
		if !v.dryRun {
			text += " at " + human.Size(human.Average(p.DoneBytes, st.Elapsed)) + "/s, " + verified(st)
		}
	}
	parts := []string{text}
	if st.Deleted > 0 {
		parts = append(parts, deleted+human.Objects(st.Deleted))
	}
	return parts
}

// verified says how many of the transferred objects were verified.
func verified(st *s3sync.Stats) string {
	switch {
	case st.Verified < st.Transferred:
		return humanize.Comma(st.Verified) + " verified"
	case st.Transferred == 1:
		return "verified"
	}
	return "all verified"
}
