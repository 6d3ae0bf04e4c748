package integration_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/s3server"
)

// Scenarios from files to a bucket.

func unsignedPayload(c *s3sync.Config)   { c.AWS.UnsignedPayload = true }
func withoutContentMD5(c *s3sync.Config) { c.AWS.NoContentMD5 = true }
func withoutETagCheck(c *s3sync.Config)  { c.Verify.ETag = false }
func encryptsWithKMS(c *s3sync.Config)   { c.Encryption.SSE = "aws:kms" }

// partsOf5MiB uses parts of 5 MiB instead of 8 MiB.
func partsOf5MiB(c *s3sync.Config) { smallParts(c) }

// wantETags checks that the objects of the target have these ETags.
func wantETags(want map[string]string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for key, etag := range want {
			if got := strings.Trim(aws.ToString(s.target.head(t, key).ETag), `"`); got != etag {
				t.Errorf("%s: ETag %s, want %s", key, got, etag)
			}
		}
	}
}

// wantChecksums checks that the objects of the target have the row's additional
// checksum, computed for parts of the usual size.
func wantChecksums(kind checksumKind) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for key, data := range s.row.objects {
			part := 8 * s3sync.MiB
			if len(data) < part {
				part = 0
			}
			if got, want := checksumIn(s.target.head(t, key), kind.algorithm), kind.value(data, part); got != want {
				t.Errorf("%s: %s %s, want %s", key, kind.algorithm, got, want)
			}
		}
	}
}

// checksumIn returns the additional checksum in a response.
func checksumIn(out *s3.HeadObjectOutput, a types.ChecksumAlgorithm) string {
	return aws.ToString(map[types.ChecksumAlgorithm]*string{
		types.ChecksumAlgorithmCrc32: out.ChecksumCRC32, types.ChecksumAlgorithmCrc32c: out.ChecksumCRC32C,
		types.ChecksumAlgorithmCrc64nvme: out.ChecksumCRC64NVME, types.ChecksumAlgorithmSha1: out.ChecksumSHA1,
		types.ChecksumAlgorithmSha256: out.ChecksumSHA256,
	}[a])
}

// checksumKinds are the additional checksums that both servers have and that objects in
// parts can have.
func checksumKinds() map[string]checksumKind {
	return map[string]checksumKind{
		"SHA256": {algorithm: types.ChecksumAlgorithmSha256}, "SHA1": {algorithm: types.ChecksumAlgorithmSha1},
		"CRC32": {algorithm: types.ChecksumAlgorithmCrc32}, "CRC32 of all": {algorithm: types.ChecksumAlgorithmCrc32, full: true},
		"CRC32C": {algorithm: types.ChecksumAlgorithmCrc32c}, "CRC32C of all": {algorithm: types.ChecksumAlgorithmCrc32c, full: true},
		"CRC64NVME": {algorithm: types.ChecksumAlgorithmCrc64nvme, full: true},
	}
}

// TestUploadScenarios: what is written, and how it is verified.
func TestUploadScenarios(t *testing.T) {
	t.Parallel()
	large, mixed := zeros("large", 30), zeros("nine", 9)
	maps.Copy(mixed, fiveFiles())
	const eight, nine = "9ed977000dc166f25a9b9ef26fb3c3fc-1", "d126ef08817d0490e207e456cb0ae080-2"
	rows := map[string]scenario{
		"in four parts":          {objects: large, want: counts{transferred: 1, etag: 1}, then: wantETags(map[string]string{"large": "9be3303e9a8d67a0f1e609fb7a29030a-4"})},
		"at the threshold":       {objects: zeros("eight", 8), want: counts{transferred: 1, etag: 1}, then: wantETags(map[string]string{"eight": eight})},
		"payload not signed":     {objects: mixed, options: unsignedPayload, want: counts{transferred: 6, etag: 6}, then: wantETags(map[string]string{"nine": nine})},
		"no digest is sent":      {objects: mixed, options: withoutContentMD5, want: counts{transferred: 6, unverified: 6}, then: wantETags(map[string]string{"nine": nine})},
		"neither of them":        {objects: mixed, options: with(unsignedPayload, withoutContentMD5), want: counts{transferred: 6, unverified: 6}, then: wantETags(map[string]string{"nine": nine})},
		"ETags are not verified": {objects: mixed, options: withoutETagCheck, want: counts{transferred: 6, unverified: 6}, then: wantETags(map[string]string{"nine": nine})},
		"SSE-S3": {
			needs: needKMS, objects: mixed, options: func(c *s3sync.Config) { c.Encryption.SSE = "AES256" },
			want: counts{transferred: 6, etag: 6}, then: wantEncryption(types.ServerSideEncryptionAes256),
		},
		"KMS": {needs: needKMS, objects: mixed, options: encryptsWithKMS, want: counts{transferred: 6, unverified: 6}, then: wantEncryption(types.ServerSideEncryptionAwsKms)},
		"KMS and SHA256": {
			needs: needKMS, objects: mixed, options: with(encryptsWithKMS, checksumKinds()["SHA256"].of), want: counts{transferred: 6, checksum: 6},
			then: wantEncryption(types.ServerSideEncryptionAwsKms),
		},
		"types": {
			objects: map[string][]byte{"a.png": nil, "b.zzz": nil}, want: counts{transferred: 2, etag: 2},
			then: wantContentTypes(map[string]string{"a.png": "image/png", "b.zzz": "application/octet-stream"}),
		},
		"types are not guessed": {
			objects: map[string][]byte{"a.png": nil}, want: counts{transferred: 1, etag: 1},
			options: func(c *s3sync.Config) { c.Metadata.NoGuessType = true },
			then:    wantContentTypes(map[string]string{"a.png": "application/octet-stream"}),
		},
		"one file": {want: counts{transferred: 1, etag: 1}, options: onlyData1, then: wantKeys("data1")},
		"one file again": {
			before: []step{synced(onlyData1)}, want: counts{skipped: 1}, options: onlyData1, then: wantKeys("data1"),
		},
		"no type is included": {
			want: counts{skipped: 5}, then: wantKeys(),
			options: func(c *s3sync.Config) { c.Metadata.NoGuessType, c.Filter.IncludeContentType = true, expression(".") },
		},
		"no type is excluded": {
			want:    counts{transferred: 5, etag: 5},
			options: func(c *s3sync.Config) { c.Metadata.NoGuessType, c.Filter.ExcludeContentType = true, expression(".") },
		},
	}
	for name, kind := range checksumKinds() {
		rows[name] = scenario{objects: mixed, options: kind.of, want: counts{transferred: 6, etag: 6, checksum: 6}, then: wantChecksums(kind)}
	}
	for name, check := range map[string]func(*s3sync.Config){
		"size": checksSize, "ETag": checksETag, "checksum": checksSum(types.ChecksumAlgorithmSha256),
	} {
		sha := checksumKinds()["SHA256"]
		rows["one file, same by "+name] = scenario{
			sum: sha, before: []step{synced(onlyData1), touches("data1")}, options: with(onlyData1, check), want: counts{skipped: 1}, then: wantKeys("data1"),
		}
		rows["one file, other by "+name] = scenario{
			sum: sha, before: []step{synced(onlyData1), put(map[string][]byte{"data1": []byte("other")}), put(map[string][]byte{"data1": []byte("longer")})},
			options: with(onlyData1, check), want: counts{transferred: 1, etag: 1}, then: wantKeys("data1"),
		}
	}
	rows["checksum is not compared"] = scenario{
		objects: mixed, want: counts{transferred: 6, etag: 6},
		options: with(checksumKinds()["SHA256"].of, func(c *s3sync.Config) { c.Verify.Checksum = false }),
		then:    wantChecksums(checksumKinds()["SHA256"]),
	}
	runScenarios(t, []direction{up}, rows)
}

func onlyData1(c *s3sync.Config) { c.Source.URL = filepath.Join(c.Source.URL, "data1") }

func wantEncryption(want types.ServerSideEncryption) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range s.target.keys(t) {
			if got := s.target.head(t, key).ServerSideEncryption; got != want {
				t.Errorf("%s: encryption %q, want %q", key, got, want)
			}
		}
		wantSameContents(t, s)
	}
}

func wantContentTypes(want map[string]string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for key, typ := range want {
			if got := aws.ToString(s.target.head(t, key).ContentType); got != typ {
				t.Errorf("%s: Content-Type %q, want %q", key, got, typ)
			}
		}
	}
}

// TestUploadedInOtherParts: objects that were uploaded in other parts than those of the
// run are found equal, by ETags and by checksums of every kind.
func TestUploadedInOtherParts(t *testing.T) {
	t.Parallel()
	mixed := zeros("six", 6)
	maps.Copy(mixed, fiveFiles())
	rows := map[string]scenario{
		"ETag":                {objects: mixed, before: []step{synced(partsOf5MiB)}, options: checksETag, want: counts{skipped: 6}},
		"ETag, keeping parts": {objects: mixed, before: []step{synced(partsOf5MiB)}, options: with(checksETag, keepsParts), want: counts{skipped: 6}},
		"ETag, changed": {
			objects: mixed, before: []step{synced(partsOf5MiB), changes("six")}, options: with(checksETag, keepsParts), want: counts{transferred: 1, etag: 1, skipped: 5},
		},
		"ETag, KMS": {
			needs: needKMS, objects: mixed, before: []step{synced(encryptsWithKMS)}, options: checksETag, want: counts{warnings: 6},
		},
		"ETag, KMS, heads": {
			needs: needKMS, objects: mixed, before: []step{synced(encryptsWithKMS)}, options: with(checksETag, headsEachTarget), want: counts{warnings: 6},
		},
		"SHA256, KMS": {
			needs: needKMS, sum: checksumKinds()["SHA256"], objects: mixed, before: []step{synced(encryptsWithKMS, partsOf5MiB)},
			options: checksSum(types.ChecksumAlgorithmSha256), want: counts{skipped: 6},
		},
		"SHA256, KMS, changed": {
			needs: needKMS, sum: checksumKinds()["SHA256"], objects: mixed, before: []step{synced(encryptsWithKMS, partsOf5MiB), changes("six")},
			options: with(encryptsWithKMS, checksumKinds()["SHA256"].of, checksSum(types.ChecksumAlgorithmSha256)), want: counts{transferred: 1, checksum: 1, skipped: 5},
		},
	}
	for _, name := range []string{"CRC32 of all", "CRC32C"} { // the others: TestCompareChecksums
		kind := checksumKinds()[name]
		check := checksSum(kind.algorithm)
		rows[name] = scenario{
			sum: kind, objects: mixed, before: []step{synced(partsOf5MiB), changes("data1")},
			options: with(check, kind.of), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 5},
		}
	}
	runScenarios(t, []direction{up}, rows)
}

// TestFileInTheWorkingDirectory: a source without any directory in its name.
func TestFileInTheWorkingDirectory(t *testing.T) {
	for _, kind := range s3server.Kinds() {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			srv, root := s3server.Shared(t, kind), t.TempDir()
			write(t, root, "data1", []byte("data1"))
			t.Chdir(root)
			target := newBucket(t, srv)
			for _, url := range []string{"data1", "./data1"} {
				cfg := config(local(url), target.at(""))
				cfg.Check.Mode = s3sync.CheckOverwrite
				run(t, cfg).succeeded(t, 1)
				target.holds(t, []string{"data1"})
			}
		})
	}
}
