package integration_test

import (
	"bytes"
	"slices"
	"testing"

	"s3sync"
)

// Scenarios between two buckets.

// encryptsTarget makes the target encrypt what is still to come.
func encryptsTarget(t *testing.T, s *scene) {
	t.Helper()
	s.target.bucket.encrypt(t)
}

// bare puts a source object without the checksum that the others have.
func bare(key string, data []byte) step {
	return func(t *testing.T, s *scene) {
		t.Helper()
		s.source.bucket.put(t, s.source.prefix+key, data)
		s.content[key] = data
	}
}

// sameETags wants the target's objects to have the ETags of the source's.
func sameETags(t *testing.T, s *scene) {
	t.Helper()
	holdsSame(t, s)
	want := map[string]string{}
	for key := range s.content {
		want[key] = string(bytes.Trim([]byte(*s.source.head(t, key).ETag), `"`))
	}
	etags(want)(t, s)
}

// TestAcrossScenarios: what arrives, and what proves it.
func TestAcrossScenarios(t *testing.T) {
	single := func(c *s3sync.Config) { c.Verify.Multipart = false }
	data := random(1, 6*s3sync.MiB)
	foreign, usual := []step{inParts("six", data, 11*s3sync.MiB/2)}, []step{inParts("six", data, 5*s3sync.MiB)}
	changedLarge := inParts("six", random(2, 6*s3sync.MiB), 5*s3sync.MiB)
	sha, sha1, crc64 := kinds()["SHA256"], kinds()["SHA1"], kinds()["CRC64NVME"]
	rows := map[string]scenario{
		"a directory":          {objects: map[string][]byte{"dir1/dir2/": nil, "data1": []byte("1")}, want: counts{c: 2, e: 2}},
		"a directory, again":   {objects: map[string][]byte{"dir1/dir2/": nil, "data1": []byte("1")}, before: []step{synced()}, want: counts{s: 2}},
		"the prefix is a key":  {prefix: "dir/", before: []step{put(map[string][]byte{"": nil})}, want: counts{c: 5, e: 5, s: 1}, then: left(keysOf(case1())...)},
		"same parts":           {before: usual, want: counts{c: 6, e: 6}, then: sameETags},
		"other parts":          {before: foreign, want: counts{c: 6, e: 6}},
		"other parts, kept":    {before: foreign, options: keepsParts, want: counts{c: 6, e: 6}, then: sameETags},
		"parts are not proved": {before: foreign, options: single, want: counts{c: 6, e: 5, u: 1}},
		"ETags are not proved": {before: usual, options: unproved, want: counts{c: 6, u: 6}},
		"payload not signed":   {before: usual, options: unsigned, want: counts{c: 6, e: 6}},
		"no digest is sent":    {before: usual, options: anyPayload, want: counts{c: 6, u: 6}},
		"ETag, same":           {before: slices.Concat(usual, []step{synced()}), options: checksETag, want: counts{s: 6}},
		"ETag, changed": {
			before: slices.Concat(usual, []step{synced(), changedLarge}), options: checksETag, want: counts{c: 1, e: 1, s: 5},
		},
		"ETag, KMS here": {
			needs: needKMS, before: []step{encrypts, synced()}, options: with(checksETag, headsEach), want: counts{w: 5},
		},
		"ETag, KMS there": {
			needs: needKMS, before: []step{encryptsTarget, synced()}, options: with(checksETag, headsEach), want: counts{w: 5},
		},
		"SHA256, KMS, same": {
			needs: needKMS, sum: sha, before: []step{encrypts, encryptsTarget, synced()}, options: checksSum("SHA256"), want: counts{s: 5},
		},
		"SHA256, KMS, changed": {
			needs: needKMS, sum: sha, before: []step{encrypts, encryptsTarget, synced(), changes("data1")},
			options: with(checksSum("SHA256"), sha.of, readsSum), want: counts{c: 1, k: 1, s: 4},
		},
		"KMS on both sides": {needs: needKMS, sum: sha, before: []step{encrypts, encryptsTarget}, options: with(sha.of, readsSum), want: counts{c: 5, k: 5}},
		"KMS without sums":  {needs: needKMS, before: []step{encrypts, encryptsTarget}, want: counts{c: 5, u: 5}},
		"one without a checksum": {
			needs: needBare, sum: sha, before: []step{bare("data1", []byte("new"))}, options: with(sha.of, readsSum),
			want: counts{c: 5, e: 5, k: 4, w: 1},
		},
		"other checksums on each side": {sum: sha, before: usual, options: with(sum{algorithm: "CRC32C"}.of, readsSum), want: counts{c: 6, e: 6, k: 6}},
		"mtime and SHA256, kept, touched": {
			sum: sha, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum), touches("data1")}),
			options: with(keepsParts, func(c *s3sync.Config) { c.Check.MtimeAndChecksum = "SHA256" }), want: counts{s: 6},
		},
		"mtime and SHA256, kept, changed": {
			sum: sha, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum), changes("data1"), touches("data1")}),
			options: with(keepsParts, sha.of, readsSum, func(c *s3sync.Config) { c.Check.MtimeAndChecksum = "SHA256" }),
			want:    counts{c: 1, e: 1, k: 1, s: 5},
		},
		"SHA1, unsigned": {sum: sha1, before: foreign, options: with(sha1.of, readsSum, keepsParts, unsigned), want: counts{c: 6, e: 6, k: 6}, then: sameETags},
		"SHA1, no digest": {
			sum: sha1, before: foreign, options: with(sha1.of, readsSum, anyPayload), want: counts{c: 6, k: 6},
		},
		"CRC64NVME, ETags are not proved": {
			sum: crc64, before: foreign, options: with(crc64.of, readsSum, unproved), want: counts{c: 6, k: 6},
		},
	}
	for name, kind := range kinds() {
		rows[name+", parts kept"] = scenario{ // in other parts: TestVerificationMatrix
			sum: kind, before: slices.Concat(foreign, []step{synced(keepsParts, readsSum)}),
			options: with(keepsParts, checksSum(kind.algorithm)), want: counts{s: 6}, then: sameETags,
		}
	}
	for name, row := range rows {
		row.small = true
		rows[name] = row
	}
	play(t, []way{across}, rows)
}
