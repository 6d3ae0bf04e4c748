package integration_test

import (
	"bytes"
	"slices"
	"testing"

	"s3sync"
)

// Scenarios between two buckets.

// encryptTarget makes the target encrypt new objects.
func encryptTarget(t *testing.T, s *scenarioRun) {
	t.Helper()
	s.target.bucket.encrypt(t)
}

// putWithoutChecksum puts a source object without the checksum of the others.
func putWithoutChecksum(key string, data []byte) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		s.source.bucket.put(t, s.source.prefix+key, data)
		s.content[key] = data
	}
}

// wantSameETags checks that the target's objects have the ETags of the source's.
func wantSameETags(t *testing.T, s *scenarioRun) {
	t.Helper()
	wantSameContents(t, s)
	want := map[string]string{}
	for key := range s.content {
		want[key] = string(bytes.Trim([]byte(*s.source.head(t, key).ETag), `"`))
	}
	wantETags(want)(t, s)
}

// TestAcrossScenarios: what arrives, and how it is verified.
func TestAcrossScenarios(t *testing.T) {
	t.Parallel()
	single := func(c *s3sync.Config) { c.Verify.Multipart = false }
	data := random(1, 6*s3sync.MiB)
	foreign, usual := []step{putInParts("six", data, 11*s3sync.MiB/2)}, []step{putInParts("six", data, 5*s3sync.MiB)}
	changedLarge := putInParts("six", random(2, 6*s3sync.MiB), 5*s3sync.MiB)
	sha, sha1, crc64 := checksumKinds()["SHA256"], checksumKinds()["SHA1"], checksumKinds()["CRC64NVME"]
	rows := map[string]scenario{
		"a directory":            {objects: map[string][]byte{"dir1/dir2/": nil, "data1": []byte("1")}, want: counts{transferred: 2, etag: 2}},
		"a directory, again":     {objects: map[string][]byte{"dir1/dir2/": nil, "data1": []byte("1")}, before: []step{synced()}, want: counts{skipped: 2}},
		"the prefix is a key":    {prefix: "dir/", before: []step{put(map[string][]byte{"": nil})}, want: counts{transferred: 5, etag: 5, skipped: 1}, then: wantKeys(keysOf(fiveFiles())...)},
		"same parts":             {before: usual, want: counts{transferred: 6, etag: 6}, then: wantSameETags},
		"other parts":            {before: foreign, want: counts{transferred: 6, etag: 6}},
		"other parts, kept":      {before: foreign, options: keepsParts, want: counts{transferred: 6, etag: 6}, then: wantSameETags},
		"parts are not verified": {before: foreign, options: single, want: counts{transferred: 6, etag: 5, unverified: 1}},
		"ETags are not verified": {before: usual, options: withoutETagCheck, want: counts{transferred: 6, unverified: 6}},
		"payload not signed":     {before: usual, options: unsignedPayload, want: counts{transferred: 6, etag: 6}},
		"no digest is sent":      {before: usual, options: withoutContentMD5, want: counts{transferred: 6, unverified: 6}},
		"ETag, same":             {before: slices.Concat(usual, []step{synced()}), options: checksETag, want: counts{skipped: 6}},
		"ETag, changed": {
			before: slices.Concat(usual, []step{synced(), changedLarge}), options: checksETag, want: counts{transferred: 1, etag: 1, skipped: 5},
		},
		"ETag, KMS here": {
			needs: needKMS, before: []step{encryptSource, synced()}, options: with(checksETag, headsEachTarget), want: counts{warnings: 5},
		},
		"ETag, KMS there": {
			needs: needKMS, before: []step{encryptTarget, synced()}, options: with(checksETag, headsEachTarget), want: counts{warnings: 5},
		},
		"SHA256, KMS, same": {
			needs: needKMS, sum: sha, before: []step{encryptSource, encryptTarget, synced()}, options: checksSum("SHA256"), want: counts{skipped: 5},
		},
		"SHA256, KMS, changed": {
			needs: needKMS, sum: sha, before: []step{encryptSource, encryptTarget, synced(), changes("data1")},
			options: with(checksSum("SHA256"), sha.of, readsSum), want: counts{transferred: 1, checksum: 1, skipped: 4},
		},
		"KMS on both sides": {needs: needKMS, sum: sha, before: []step{encryptSource, encryptTarget}, options: with(sha.of, readsSum), want: counts{transferred: 5, checksum: 5}},
		"KMS without sums":  {needs: needKMS, before: []step{encryptSource, encryptTarget}, want: counts{transferred: 5, unverified: 5}},
		"one without a checksum": {
			needs: needBare, sum: sha, before: []step{putWithoutChecksum("data1", []byte("new"))}, options: with(sha.of, readsSum),
			want: counts{transferred: 5, etag: 5, checksum: 4, warnings: 1},
		},
		"other checksums on each side": {sum: sha, before: usual, options: with(checksumKind{algorithm: "CRC32C"}.of, readsSum), want: counts{transferred: 6, etag: 6, checksum: 6}},
		"mtime and SHA256, kept, touched": {
			sum: sha, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum), touches("data1")}),
			options: with(keepsParts, func(c *s3sync.Config) { c.Check.Mode, c.Check.Algorithm = s3sync.CheckMtimeAndChecksum, "SHA256" }), want: counts{skipped: 6},
		},
		"mtime and SHA256, kept, changed": {
			sum: sha, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum), changes("data1"), touches("data1")}),
			options: with(keepsParts, sha.of, readsSum, func(c *s3sync.Config) { c.Check.Mode, c.Check.Algorithm = s3sync.CheckMtimeAndChecksum, "SHA256" }),
			want:    counts{transferred: 1, etag: 1, checksum: 1, skipped: 5},
		},
		"SHA1, unsigned": {sum: sha1, before: foreign, options: with(sha1.of, readsSum, keepsParts, unsignedPayload), want: counts{transferred: 6, etag: 6, checksum: 6}, then: wantSameETags},
		"SHA1, no digest": {
			sum: sha1, before: foreign, options: with(sha1.of, readsSum, withoutContentMD5), want: counts{transferred: 6, checksum: 6},
		},
		"CRC64NVME, ETags are not verified": {
			sum: crc64, before: foreign, options: with(crc64.of, readsSum, withoutETagCheck), want: counts{transferred: 6, checksum: 6},
		},
	}
	for name, kind := range checksumKinds() {
		rows[name+", parts kept"] = scenario{ // in other parts: TestVerificationMatrix
			sum: kind, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum)}),
			options: with(keepsParts, checksSum(kind.algorithm)), want: counts{skipped: 6}, then: wantSameETags,
		}
	}
	for name, row := range rows {
		row.small = true
		rows[name] = row
	}
	runScenarios(t, []direction{across}, rows)
}
