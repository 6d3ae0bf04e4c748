package cli

import (
	"bytes"
	"testing"

	"s3sync/internal/manifest"
	"s3sync/internal/plan"
	"s3sync/internal/report"
	"s3sync/storage"
)

// What is in the target as asked for has an entry, whatever the reason to skip it. Only
// what filters excluded has none.
func TestManifestHasWhatWasSkipped(t *testing.T) {
	a := storage.Object{Key: "a", Size: 1}
	for reason, want := range map[plan.Reason]manifest.Counts{
		plan.ReasonSame: {Unchanged: 1}, plan.ReasonSameETag: {Unchanged: 1}, plan.ReasonSameChecksum: {Unchanged: 1},
		plan.ReasonSameContent: {Unchanged: 1}, plan.ReasonSameCopy: {Unchanged: 1}, plan.ReasonEmpty: {Unchanged: 1},
		plan.ReasonVersion: {Unchanged: 1}, plan.ReasonApplied: {Unchanged: 1},
		plan.ReasonOlder: {Skipped: 1}, plan.ReasonArchived: {Skipped: 1},
		plan.ReasonCallback: {}, "exclude": {},
	} {
		p := &proof{writer: manifest.NewWriter(manifest.Header{})}
		p.Event(&report.Event{Type: report.EventSkipped, Key: "a", Reason: reason, Source: a, Target: a})
		s, err := p.writer.Write(&bytes.Buffer{}, manifest.End{})
		if err != nil || s.Counts != want || (p.excluded == 1) != (want == manifest.Counts{}) {
			t.Errorf("%s: %+v, %v, %d excluded", reason, s, err, p.excluded)
		}
		_ = p.Close()
	}
	p := &proof{writer: manifest.NewWriter(manifest.Header{})}
	defer p.Close()
	p.Event(&report.Event{Type: report.EventSkipped, Key: "a", Reason: plan.ReasonApplied, Target: a})
	if s, err := p.writer.Write(&bytes.Buffer{}, manifest.End{}); err != nil || s.Counts.Deleted != 1 {
		t.Errorf("a deletion: %+v, %v", s, err)
	}
}
