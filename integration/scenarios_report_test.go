package integration_test

import (
	"testing"

	"s3sync"
)

// Scenarios of reports.

func reportsStatus(c *s3sync.Config)   { c.Report.Status = true }
func reportsMetadata(c *s3sync.Config) { c.Report.Metadata = true }
func reportsTags(c *s3sync.Config)     { c.Report.Tagging = true }
func bySHA256(c *s3sync.Config)        { c.Check.Mode, c.Check.Algorithm = s3sync.CheckChecksum, "SHA256" }

// wantStatus checks that a report has exactly these counters.
func wantStatus(want s3sync.StatusCounts) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		if got := s.last.Status; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// aspectCounts returns the counts of one aspect.
func aspectCounts(matches, mismatch, unknown int64) s3sync.AspectCounts {
	return s3sync.AspectCounts{Matches: matches, Mismatch: mismatch, Unknown: unknown}
}

// TestReportScenarios: in every direction, and of tags and metadata.
func TestReportScenarios(t *testing.T) {
	t.Parallel()
	sha := checksumKinds()["SHA256"]
	three := []step{
		synced(), changes("data1"), changes("dir1/data1"),
		put(map[string][]byte{"new1": nil, "new2": []byte("2"), "new3": []byte("3")}),
	}
	kept := func(keys ...string) func(*testing.T, *scenarioRun) { return wantKeys(keys...) }
	five := keysOf(fiveFiles())
	runScenarios(t, allDirections(), map[string]scenario{
		"all match":   {before: []step{synced()}, options: reportsStatus, then: all(wantStatus(s3sync.StatusCounts{Objects: 5, ETag: aspectCounts(5, 0, 0)}), kept(five...))},
		"none there":  {options: reportsStatus, then: all(wantStatus(s3sync.StatusCounts{Objects: 5, NotFound: 5}), kept())},
		"some differ": {before: three, options: reportsStatus, then: all(wantStatus(s3sync.StatusCounts{Objects: 8, NotFound: 3, ETag: aspectCounts(3, 2, 0)}), kept(five...))},
		"SHA256": {
			sum: sha, before: three, options: with(reportsStatus, bySHA256),
			then: all(wantStatus(s3sync.StatusCounts{Objects: 8, NotFound: 3, Checksum: aspectCounts(3, 2, 0)}), kept(five...)),
		},
		"SHA256 is missing": {
			before: []step{synced()}, options: with(reportsStatus, bySHA256), then: wantStatus(s3sync.StatusCounts{Objects: 5, Checksum: aspectCounts(0, 0, 5)}),
		},
		"filtered": {
			before: three, options: with(reportsStatus, excludes("^new|^data1")), want: counts{skipped: 4},
			then: wantStatus(s3sync.StatusCounts{Objects: 4, ETag: aspectCounts(3, 1, 0)}),
		},
	})
	rows := map[string]scenario{
		"tags and metadata": {
			objects: noObjects(), before: []step{putWithMetadata, synced(), setTags(ofTarget, map[string]string{"html": "other", "bare": "more"})},
			options: with(reportsStatus, reportsMetadata, reportsTags),
			then:    wantStatus(s3sync.StatusCounts{Objects: 4, ETag: aspectCounts(4, 0, 0), Metadata: aspectCounts(4, 0, 0), Tagging: aspectCounts(2, 2, 0)}),
		},
		"tags that are gone": {
			objects: noObjects(), before: []step{putWithMetadata, synced(), setTags(ofTarget, map[string]string{"html": "", "bare": ""})},
			options: with(reportsStatus, reportsTags),
			then:    wantStatus(s3sync.StatusCounts{Objects: 4, ETag: aspectCounts(4, 0, 0), Tagging: aspectCounts(3, 1, 0)}),
		},
		"metadata that are gone": {
			objects: noObjects(), before: []step{putWithMetadata, synced(func(c *s3sync.Config) { c.Metadata.NoUser = true })},
			options: with(reportsStatus, reportsMetadata),
			then:    wantStatus(s3sync.StatusCounts{Objects: 4, ETag: aspectCounts(4, 0, 0), Metadata: aspectCounts(1, 3, 0)}),
		},
		"KMS there": {
			needs: needKMS, before: []step{encryptTarget, synced()}, options: reportsStatus,
			then: wantStatus(s3sync.StatusCounts{Objects: 5, ETag: aspectCounts(0, 0, 5)}),
		},
		"KMS there, SHA256": {
			needs: needKMS, sum: sha, before: []step{encryptTarget, synced()}, options: with(reportsStatus, bySHA256),
			then: wantStatus(s3sync.StatusCounts{Objects: 5, Checksum: aspectCounts(5, 0, 0)}),
		},
	}
	t.Run("between buckets", func(t *testing.T) { runScenarios(t, []direction{across}, rows) })
}
