package integration_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync"
	"s3sync/internal/s3server"
)

// Scenarios of objects in parts: sizes around every boundary of two part sizes.

// boundaries returns objects of some MiB, each also with one byte less and one more.
// They share the bytes, but no two have a common beginning.
func boundaries(sizes ...int) map[string][]byte {
	data, content := random(1, 31*s3sync.MiB), map[string][]byte{}
	for _, mib := range sizes {
		for _, more := range []int{-1, 0, 1} {
			n := len(content)
			content[fmt.Sprintf("%d%+d", mib, more)] = data[n : n+mib*s3sync.MiB+more]
		}
	}
	return content
}

// partSizes say how a run cuts the objects that it writes.
type partSizes struct{ threshold, chunk int }

func (c partSizes) set(cfg *s3sync.Config) {
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = int64(c.threshold), int64(c.chunk)
}

// part returns the size of the parts of an object; 0 if it is written whole.
func (c partSizes) part(data []byte) int {
	if len(data) < c.threshold {
		return 0
	}
	return c.chunk
}

// A wantCopy is the expected copy: content in parts of those sizes, with a checksum.
type wantCopy struct {
	content   map[string][]byte
	partSizes partSizes
	sum       checksumKind
}

// check checks that a bucket holds exactly that, using the server's digests.
func (c wantCopy) check(t *testing.T, b bucket) {
	t.Helper()
	listed := map[string]string{}
	pages := s3.NewListObjectsV2Paginator(b.Client(), &s3.ListObjectsV2Input{Bucket: &b.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			listed[aws.ToString(o.Key)] = strings.Trim(aws.ToString(o.ETag), `"`)
			if n := len(c.content[aws.ToString(o.Key)]); aws.ToInt64(o.Size) != int64(n) {
				t.Errorf("%s: %d bytes, want %d", *o.Key, aws.ToInt64(o.Size), n)
			}
		}
	}
	if len(listed) != len(c.content) {
		t.Errorf("%d objects, want %d", len(listed), len(c.content))
	}
	for key, data := range c.content {
		part := c.partSizes.part(data)
		if want := etagOf(data, part); listed[key] != want {
			t.Errorf("%s: ETag %s, want %s", key, listed[key], want)
		}
		if c.sum.algorithm == "" {
			continue
		}
		if got, want := checksumIn(side{bucket: b}.head(t, key), c.sum.algorithm), c.sum.value(data, part); got != want {
			t.Errorf("%s: %s %s, want %s", key, c.sum.algorithm, got, want)
		}
	}
}

// TestBoundariesOfParts: objects of 5, 8, 10, 16 and 30 MiB are uploaded in parts of 5
// and of 8 MiB, copied to other buckets in the same and in other parts, and downloaded.
// Each step verifies them by ETag and by a checksum. One run moves all of them. To keep
// the test short, each server gets only some of the sizes.
func TestBoundariesOfParts(t *testing.T) {
	t.Parallel()
	five, eight := partSizes{5 * s3sync.MiB, 5 * s3sync.MiB}, partSizes{8 * s3sync.MiB, 8 * s3sync.MiB}
	sha, crc64 := checksumKinds()["SHA256"], checksumKinds()["CRC64NVME"]
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		content := boundaries(5, 10, 16)
		if srv.Kind == s3server.MinIO {
			content = boundaries(8, 30)
		}
		files, n := writeAll(t, content), int64(len(content))
		in5, in8, other, kept, root := newBucket(t, srv), newBucket(t, srv), newBucket(t, srv), newBucket(t, srv), t.TempDir()
		for _, tt := range []struct {
			name     string
			from, to s3sync.Endpoint
			options  func(*s3sync.Config)
			left     bucket
			copied   wantCopy
		}{
			{"up in parts of 5", files, in5.at(""), with(five.set, sha.of), in5, wantCopy{content, five, sha}},
			{"up in parts of 8", files, in8.at(""), with(eight.set, crc64.of), in8, wantCopy{content, eight, crc64}},
			{"across in other parts", in5.at(""), other.at(""), with(eight.set, crc64.of, readsSum), other, wantCopy{content, eight, checksumKind{}}},
			{"across in kept parts", in5.at(""), kept.at(""), with(keepsParts, sha.of, readsSum), kept, wantCopy{content, five, checksumKind{}}},
			{"down", in8.at(""), local(root), with(five.set, readsSum), bucket{}, wantCopy{}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				cfg := config(tt.from, tt.to)
				tt.options(cfg)
				o := run(t, cfg)
				if got := countsOf(o.Stats); o.err != nil || got != (counts{transferred: n, etag: n, checksum: n}) {
					t.Errorf("%v, %+v\n%s", o.err, got, o.log)
				}
				if tt.left.name != "" {
					tt.copied.check(t, tt.left)
				} else {
					sameTree(t, files.URL, root)
				}
			})
		}
	})
}

// TestThresholds: which objects are sent in parts, and in which parts, if the threshold
// differs from the part size; with every checksum.
func TestThresholds(t *testing.T) {
	t.Parallel()
	content := boundaries(8)
	content["1"] = random(2, s3sync.MiB)
	files, n := writeAll(t, content), int64(len(content))
	const mib = s3sync.MiB
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			cut partSizes
			sum checksumKind
		}{
			"7 and 5": {partSizes{7 * mib, 5 * mib}, checksumKinds()["SHA1"]},
			"7 and 9": {partSizes{7 * mib, 9 * mib}, checksumKinds()["CRC32"]},
			"9 and 5": {partSizes{9 * mib, 5 * mib}, checksumKinds()["CRC32C"]},
			"8 and 5": {partSizes{8 * mib, 5 * mib}, checksumKinds()["CRC32C of all"]},
			"5 and 8": {partSizes{5 * mib, 8 * mib}, checksumKinds()["CRC32 of all"]},
			"9 and 9": {partSizes{9 * mib, 9 * mib}, checksumKind{}},
		} {
			t.Run(name, func(t *testing.T) {
				target, want := newBucket(t, srv), counts{transferred: n, etag: n}
				cfg := config(files, target.at(""))
				with(tt.cut.set, tt.sum.of)(cfg)
				if tt.sum.algorithm != "" {
					want.checksum = n
				}
				o := run(t, cfg)
				if got := countsOf(o.Stats); o.err != nil || got != want {
					t.Errorf("%v, %+v\n%s", o.err, got, o.log)
				}
				wantCopy{content, tt.cut, tt.sum}.check(t, target)
			})
		}
	})
}

// TestOnePartScenarios: objects that are whole or in one part, while the run uses
// several parts, and the reverse.
func TestOnePartScenarios(t *testing.T) {
	t.Parallel()
	large, eight := random(1, 11*s3sync.MiB), random(2, 8*s3sync.MiB)
	before := []step{
		putInParts("large", large, 11*s3sync.MiB), putInParts("eight in one part", eight, 8*s3sync.MiB),
		putInParts("small", []byte("small"), 5*s3sync.MiB), put(map[string][]byte{"eight": eight}),
	}
	sha, crc64, want := checksumKinds()["SHA256"], checksumKinds()["CRC64NVME"], counts{transferred: 4, etag: 4, checksum: 4}
	runScenarios(t, []direction{across}, map[string]scenario{
		"SHA256":          {objects: noObjects(), sum: sha, before: before, options: with(readsSum, sha.of), want: want},
		"CRC64NVME, kept": {objects: noObjects(), sum: crc64, before: before, options: with(readsSum, crc64.of, keepsParts), want: want, then: wantSameETags},
	})
}
