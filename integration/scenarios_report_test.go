package integration_test

import (
	"testing"

	"s3sync"
)

// Scenarios of reports.

func reports(c *s3sync.Config)  { c.Report.Status = true }
func metaToo(c *s3sync.Config)  { c.Report.Metadata = true }
func tagsToo(c *s3sync.Config)  { c.Report.Tagging = true }
func bySHA256(c *s3sync.Config) { c.Check.Checksum = "SHA256" }

// found wants a report to have counted just that.
func found(want s3sync.StatusCounts) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
		t.Helper()
		if got := s.last.Status; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// aspect makes the counts of one.
func aspect(matches, mismatch, unknown int64) s3sync.AspectCounts {
	return s3sync.AspectCounts{Matches: matches, Mismatch: mismatch, Unknown: unknown}
}

// TestReportScenarios: in every direction, and of tags and metadata.
func TestReportScenarios(t *testing.T) {
	sha := kinds()["SHA256"]
	three := []step{
		synced(), changes("data1"), changes("dir1/data1"),
		put(map[string][]byte{"new1": nil, "new2": []byte("2"), "new3": []byte("3")}),
	}
	kept := func(keys ...string) func(*testing.T, *scene) { return left(keys...) }
	five := keysOf(case1())
	play(t, everyWay(), map[string]scenario{
		"all match":   {before: []step{synced()}, options: reports, then: all(found(s3sync.StatusCounts{Objects: 5, ETag: aspect(5, 0, 0)}), kept(five...))},
		"none there":  {options: reports, then: all(found(s3sync.StatusCounts{Objects: 5, NotFound: 5}), kept())},
		"some differ": {before: three, options: reports, then: all(found(s3sync.StatusCounts{Objects: 8, NotFound: 3, ETag: aspect(3, 2, 0)}), kept(five...))},
		"SHA256": {
			sum: sha, before: three, options: with(reports, bySHA256),
			then: all(found(s3sync.StatusCounts{Objects: 8, NotFound: 3, Checksum: aspect(3, 2, 0)}), kept(five...)),
		},
		"SHA256 is missing": {
			before: []step{synced()}, options: with(reports, bySHA256), then: found(s3sync.StatusCounts{Objects: 5, Checksum: aspect(0, 0, 5)}),
		},
		"filtered": {
			before: three, options: with(reports, excludes("^new|^data1")), want: counts{s: 4},
			then: found(s3sync.StatusCounts{Objects: 4, ETag: aspect(3, 1, 0)}),
		},
	})
	rows := map[string]scenario{
		"tags and metadata": {
			objects: nothing(), before: []step{dressed, synced(), tagged(ofTarget, map[string]string{"html": "other", "bare": "more"})},
			options: with(reports, metaToo, tagsToo),
			then:    found(s3sync.StatusCounts{Objects: 4, ETag: aspect(4, 0, 0), Metadata: aspect(4, 0, 0), Tagging: aspect(2, 2, 0)}),
		},
		"tags that are gone": {
			objects: nothing(), before: []step{dressed, synced(), tagged(ofTarget, map[string]string{"html": "", "bare": ""})},
			options: with(reports, tagsToo),
			then:    found(s3sync.StatusCounts{Objects: 4, ETag: aspect(4, 0, 0), Tagging: aspect(3, 1, 0)}),
		},
		"metadata that are gone": {
			objects: nothing(), before: []step{dressed, synced(func(c *s3sync.Config) { c.Metadata.NoUser = true })},
			options: with(reports, metaToo),
			then:    found(s3sync.StatusCounts{Objects: 4, ETag: aspect(4, 0, 0), Metadata: aspect(1, 3, 0)}),
		},
		"KMS there": {
			needs: needKMS, before: []step{encryptsTarget, synced()}, options: reports,
			then: found(s3sync.StatusCounts{Objects: 5, ETag: aspect(0, 0, 5)}),
		},
		"KMS there, SHA256": {
			needs: needKMS, sum: sha, before: []step{encryptsTarget, synced()}, options: with(reports, bySHA256),
			then: found(s3sync.StatusCounts{Objects: 5, Checksum: aspect(5, 0, 0)}),
		},
	}
	t.Run("between buckets", func(t *testing.T) { play(t, []way{across}, rows) })
}
