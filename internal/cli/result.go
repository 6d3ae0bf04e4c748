package cli

import (
	"strings"

	"github.com/dustin/go-humanize"

	"s3sync"
	"s3sync/internal/cli/options"
)

// An outcome is what became of a run.
type outcome struct {
	report *s3sync.Report // nil if there is none
	code   int
}

// result says in one line what became of a run. p is its last progress.
func (v *view) result(p *s3sync.Progress, o outcome) string {
	st := &o.report.Stats
	head := "Done in "
	switch {
	case o.code == options.ExitWarning && !v.report:
		head = "Done with warnings in "
	case o.code == options.ExitError:
		head = "Failed after "
	case o.code > options.ExitWarning:
		head = "Interrupted after "
	case v.dryRun && !v.report:
		head = "Dry run, done in "
	}
	parts := v.moved(p, st)
	if v.report {
		all := view{width: 1000}
		parts = []string{all.fit(", ", all.compared(&s3sync.Progress{Status: o.report.Status})[:3]...)}
	}
	if st.Skipped > 0 {
		parts = append(parts, "skipped "+objects(st.Skipped))
	}
	// An error that is of no object, such as the refusal of deletions, is printed below.
	ended := st.Failed > 0 && len(o.report.Failures) == 0
	switch {
	case ended:
		parts = append(parts, "ended by an error")
	case st.Failed > 0:
		parts = append(parts, objects(st.Failed)+" failed")
	}
	if st.Warnings > 0 {
		parts = append(parts, humanize.Comma(st.Warnings)+" "+noun(st.Warnings, "warning"))
	}
	if o.report.Incomplete && !ended {
		parts = append(parts, "not everything was looked at")
	}
	return head + shortDuration(st.Elapsed) + ": " + strings.Join(parts, "; ")
}

// moved says what was transferred and deleted, or would be.
func (v *view) moved(p *s3sync.Progress, st *s3sync.Stats) []string {
	transferred, deleted := "transferred ", "deleted "
	if v.dryRun {
		transferred, deleted = "would transfer ", "would delete "
	}
	text := transferred + "nothing"
	if st.Transferred > 0 {
		text = transferred + objects(st.Transferred) + ", " + sizeText(p.DoneBytes)
		if !v.dryRun {
			text += " at " + sizeText(average(p.DoneBytes, st.Elapsed)) + "/s, " + verified(st)
		}
	}
	parts := []string{text}
	if st.Deleted > 0 {
		parts = append(parts, deleted+objects(st.Deleted))
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
