package integration_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"s3sync"
)

// Scenarios of versions, in addition to those of TestVersionScenarios.

// histories checks that the target has the versions of the source, and their number.
func histories(n int) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		same := compareOptions{versions: true, wantPrefix: s.source.prefix, gotPrefix: s.target.prefix}
		if got := compareBuckets(t, s.source.bucket, s.target.bucket, same); got != n {
			t.Errorf("%d versions, want %d", got, n)
		}
	}
}

// nothingMore checks that a second run has nothing to do.
func nothingMore(skipped int64) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		if o := run(t, s.config(s.row.options)); o.err != nil || countsOf(o.Stats) != (counts{skipped: skipped}) {
			t.Errorf("again: %v, %+v\n%s", o.err, o.Stats, o.log)
		}
	}
}

// ofSizes puts one key with a version of each size, and then perhaps a deletion.
func ofSizes(key string, deleted bool, sizes ...int) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for i, size := range sizes {
			s.source.bucket.putUpload(t, s.source.prefix+key, upload{data: random(byte(i+1), size), tags: "step=" + string(rune('a'+i))})
		}
		if deleted {
			s.source.delete(t, key)
		}
	}
}

// TestVersionRows: options of runs with versions.
func TestVersionRows(t *testing.T) {
	t.Parallel()
	data := random(1, 6*s3sync.MiB)
	parts := []step{putInParts("six", data, 11*s3sync.MiB/2), putInParts("six", data[1:], 5*s3sync.MiB)}
	sha, crc64 := checksumKinds()["SHA256"], checksumKinds()["CRC64NVME"]
	rows := map[string]scenario{
		"small":          {want: counts{transferred: 5, etag: 5}, then: all(histories(5), nothingMore(5))},
		"below a prefix": {prefix: "a b/", want: counts{transferred: 5, etag: 5}, then: all(histories(5), nothingMore(5))},
		"odd names":      {objects: awkwardNames(), want: counts{transferred: 7, etag: 7}, then: histories(7)},
		"of all sizes": {
			objects: noObjects(), before: []step{ofSizes("key", true, 3, 2, 5, 0, 4)}, want: counts{transferred: 5, etag: 5, deleted: 1}, then: all(histories(6), nothingMore(6)),
		},
		"SHA256":         {sum: sha, options: with(sha.of, readsSum), want: counts{transferred: 5, etag: 5, checksum: 5}, then: histories(5)},
		"CRC64NVME":      {sum: crc64, options: with(crc64.of, readsSum), want: counts{transferred: 5, etag: 5, checksum: 5}, then: histories(5)},
		"in parts":       {objects: noObjects(), small: true, before: parts, want: counts{transferred: 2, etag: 2}, then: all(histories(2), nothingMore(2))},
		"in parts, kept": {objects: noObjects(), before: parts, options: keepsParts, want: counts{transferred: 2, etag: 2}, then: all(histories(2), wantSameLatest)},
		"in parts, SHA256": {
			objects: noObjects(), sum: sha, small: true, before: parts, options: with(sha.of, readsSum), want: counts{transferred: 2, etag: 2, checksum: 2}, then: histories(2),
		},
		"in parts, CRC64NVME, kept": {
			objects: noObjects(), sum: crc64, before: parts, options: with(crc64.of, readsSum, keepsParts), want: counts{transferred: 2, etag: 2, checksum: 2}, then: histories(2),
		},
		"copied": {objects: noObjects(), before: parts, options: serverCopies, want: counts{transferred: 2, etag: 2}, then: all(histories(2), nothingMore(2))},
		"KMS":    {needs: needKMS, before: []step{encryptTarget}, want: counts{transferred: 5, unverified: 5}, then: all(histories(5), nothingMore(5))},
		"KMS, SHA256": {
			needs: needKMS, sum: sha, before: []step{encryptTarget}, options: with(sha.of, readsSum), want: counts{transferred: 5, checksum: 5}, then: histories(5),
		},
		"filtered": {options: excludes("^data1"), want: counts{transferred: 4, etag: 4, skipped: 1}, then: wantKeys("dir1/data1", "dir2/data2", "dir21/data1", "dir5/data3")},
		"dry run":  {options: dryRun, want: counts{transferred: 5}, then: wantKeys()},
	}
	for name, row := range rows {
		row.versions, row.options = true, with(syncsVersions, row.options)
		rows[name] = row
	}
	runScenarios(t, []direction{across}, rows)
}

// wantSameLatest checks that the newest versions have the same ETag.
func wantSameLatest(t *testing.T, s *scenarioRun) {
	t.Helper()
	for _, key := range s.target.keys(t) {
		if want, got := aws.ToString(s.source.head(t, key).ETag), aws.ToString(s.target.head(t, key).ETag); got != want {
			t.Errorf("%s: ETag %s, want %s", key, got, want)
		}
	}
}
