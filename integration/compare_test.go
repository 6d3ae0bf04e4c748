package integration_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Update checks by content. A plain S3 client writes the objects in the parts of
// [layouts].

// putLayouts writes the objects, and returns the contents by key.
func (b bucket) putLayouts(t *testing.T) map[string][]byte {
	t.Helper()
	content := map[string][]byte{"plain": random(1, 100), "large-plain": random(2, 9*s3sync.MiB), "empty": {}}
	for key, data := range content {
		b.put(t, key, data)
	}
	for key, tt := range layouts() {
		var parts [][]byte
		for i, size := range tt.parts {
			parts = append(parts, random(byte(i+1), size))
		}
		b.putParts(t, key, parts...)
		content[key] = bytes.Join(parts, nil)
	}
	return content
}

// changed returns the contents with one flipped bit each.
func changed(content map[string][]byte) map[string][]byte {
	other := map[string][]byte{}
	for key, data := range content {
		other[key] = bytes.Clone(data)
		if len(data) > 0 {
			other[key][len(data)/2] ^= 1
		}
	}
	return other
}

func writeAll(t *testing.T, content map[string][]byte) s3sync.Endpoint {
	t.Helper()
	root := t.TempDir()
	for key, data := range content {
		write(t, root, key, data)
	}
	return local(root)
}

// TestCompareETagsOfFiles: files are found equal to objects in parts of any sizes, and
// different from others, in both directions, with few requests.
func TestCompareETagsOfFiles(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		counterpart := newBucket(t, srv)
		content := counterpart.putLayouts(t)
		for name, auto := range map[string]bool{"": false, "/auto": true} {
			for name, side := range map[string]s3sync.Endpoint{
				"same" + name: writeAll(t, content), "other" + name: writeAll(t, changed(content)),
			} {
				for direction, up := range map[string]bool{"up": true, "down": false} {
					t.Run(name+"/"+direction, func(t *testing.T) {
						proxy := faultproxy.New(t, srv.Endpoint)
						cfg := config(counterpart.at(proxy.URL), side)
						if up {
							cfg = config(side, counterpart.at(proxy.URL))
						}
						cfg.Check.Mode, cfg.Transfer.AutoChunkSize, cfg.DryRun = s3sync.CheckETag, auto, true
						o := run(t, cfg)
						want := int64(0)
						if name[0] == 'o' {
							want = int64(len(content)) - 1 // except the empty one
						}
						if o.err != nil || o.Warnings+o.Failed != 0 || o.Transferred != want || o.Skipped != int64(len(content))-want {
							t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
						}
						if got := proxy.Count("GET *?*"); got != 0 {
							t.Errorf("%d objects were read", got)
						}
						headsOfFiles(t, srv, proxy, want == 0)
					})
				}
			}
		}
	})
}

// headsOfFiles checks the number of requests that are needed to find out how each
// object was written, and to be sure of a difference.
func headsOfFiles(t *testing.T, srv *s3server.Server, proxy *faultproxy.Proxy, same bool) {
	t.Helper()
	for key, tt := range layouts() {
		want := 0
		if len(tt.parts) > 1 {
			want = 1 + len(tt.heads)
		}
		if key == "looks-uniform" {
			want = 2
		}
		switch versity := srv.Kind == s3server.VersityGW; {
		case len(tt.parts) == 1 && !same:
			want = 1 // to detect encryption
		case versity: // it has a checksum of all bytes of every object
		case key == "looks-uniform", !same && len(tt.parts) > 1 && key != "first-is-small":
			want += 1 + len(tt.parts)
		}
		if got := proxy.Count("HEAD " + key); got != want {
			t.Errorf("%s: %d HEAD requests, want %d", key, got, want)
		}
	}
}

// TestCompareUnknownParts: if a server does not report parts, usual parts are tried.
// Objects with other parts are sent again.
func TestCompareUnknownParts(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		counterpart := newBucket(t, srv)
		parts := [][]byte{random(1, 7*s3sync.MiB+1), random(2, 6*s3sync.MiB+1), random(3, 100)}
		counterpart.putParts(t, "odd", parts...)
		usual := random(4, 9*s3sync.MiB)
		counterpart.putParts(t, "usual", usual[:5*s3sync.MiB], usual[5*s3sync.MiB:])
		files := writeAll(t, map[string][]byte{"odd": bytes.Join(parts, nil), "usual": usual})
		for name, rule := range map[string]string{
			"the whole":       "HeadObject partNumber=1 set.Content-Length=99999999",
			"not implemented": "HeadObject partNumber=1 status=501",
		} {
			t.Run(name, func(t *testing.T) {
				proxy := faultproxy.New(t, srv.Endpoint, rule)
				cfg := config(files, counterpart.at(proxy.URL))
				cfg.Check.Mode, cfg.DryRun = s3sync.CheckETag, true
				want := int64(1)
				if srv.Kind == s3server.VersityGW { // it has a checksum of all bytes
					want = 0
				}
				if o := run(t, cfg); o.err != nil || o.Warnings != 0 || o.Transferred != want {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
			})
		}
	})
}

// TestCompareETagsOfBuckets: objects in other parts are equal if the server has
// checksums of all bytes. Otherwise they are sent again, unless the parts are kept.
func TestCompareETagsOfBuckets(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target, counterpart := newBucket(t, srv), newBucket(t, srv), newBucket(t, srv)
		content := source.putLayouts(t)
		cfg := config(source.at(""), target.at(""))
		cfg.Check.Mode = s3sync.CheckETag
		first := sync(t, cfg)
		if first.Transferred != int64(len(content)) {
			t.Errorf("%+v", first.Stats)
		}
		want := int64(0)
		if srv.Kind == s3server.MinIO { // it has no checksum of all bytes
			want = int64(len(content)) - 3 // except "plain", "empty" and "one-part"
		}
		if again := sync(t, cfg); again.Transferred != want {
			t.Errorf("%d objects were sent again, want %d", again.Transferred, want)
		}

		cfg = config(source.at(""), counterpart.at(""))
		cfg.Check.Mode, cfg.Transfer.AutoChunkSize = s3sync.CheckETag, true
		sync(t, cfg)
		proxy := faultproxy.New(t, srv.Endpoint)
		cfg.Source, cfg.Target = source.at(proxy.URL), counterpart.at(proxy.URL)
		if o := sync(t, cfg); o.Transferred != 0 || o.Skipped != int64(len(content)) {
			t.Errorf("%+v", o.Stats)
		}
		if got := proxy.Count("HEAD *"); got != 0 {
			t.Errorf("%d HEAD requests for what the listings tell", got)
		}

		other := changed(content)
		for key, data := range other {
			counterpart.put(t, key, data)
		}
		cfg.Source, cfg.Target = source.at(""), counterpart.at("")
		if o := sync(t, cfg); o.Transferred != int64(len(content))-1 {
			t.Errorf("changed: %+v", o.Stats)
		}
		counterpart.contains(t, content, slices.Collect(maps.Keys(content)))
	})
}

// putSum writes an object with a checksum, in parts if there are any but one.
func (b bucket) putSum(t *testing.T, key string, a types.ChecksumAlgorithm, full bool, parts ...[]byte) {
	t.Helper()
	if len(parts) == 1 {
		_, err := b.Client().PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(parts[0]), ChecksumAlgorithm: a,
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	b.putSumOfParts(t, key, a, full, parts...)
}

// putSumOfParts does the same in parts, even if there is only one.
func (b bucket) putSumOfParts(t *testing.T, key string, a types.ChecksumAlgorithm, full bool, parts ...[]byte) {
	t.Helper()
	in := &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key, ChecksumAlgorithm: a, ChecksumType: types.ChecksumTypeComposite}
	if full {
		in.ChecksumType = types.ChecksumTypeFullObject
	}
	upload, err := b.Client().CreateMultipartUpload(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	var done types.CompletedMultipartUpload
	for i, data := range parts {
		n := aws.Int32(int32(i) + 1)
		out, err := b.Client().UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: &b.name, Key: &key, UploadId: upload.UploadId, PartNumber: n, Body: bytes.NewReader(data), ChecksumAlgorithm: a,
		})
		if err != nil {
			t.Fatal(err)
		}
		done.Parts = append(done.Parts, types.CompletedPart{
			PartNumber: n, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
			ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256,
		})
	}
	_, err = b.Client().CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &b.name, Key: &key, UploadId: upload.UploadId, MultipartUpload: &done, ChecksumType: in.ChecksumType,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestCompareChecksums: objects that a plain client wrote with every kind of checksum,
// in parts of any sizes.
func TestCompareChecksums(t *testing.T) {
	t.Parallel()
	const MiB = s3sync.MiB
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, tt := range []struct {
			a    types.ChecksumAlgorithm
			full bool
		}{
			{types.ChecksumAlgorithmSha256, false},
			{types.ChecksumAlgorithmSha1, false},
			{types.ChecksumAlgorithmCrc32, false},
			{types.ChecksumAlgorithmCrc32c, true},
			{types.ChecksumAlgorithmCrc64nvme, true},
		} {
			t.Run(fmt.Sprint(tt.a, " full=", tt.full), func(t *testing.T) {
				counterpart, copied := newBucket(t, srv), newBucket(t, srv)
				content := map[string][]byte{}
				for key, sizes := range map[string][]int{
					"whole": {100}, "large": {9 * MiB}, "two-of-7": {7 * MiB, 3 * MiB}, "odd": {5 * MiB, 6 * MiB, 7 * MiB, MiB},
				} {
					var parts [][]byte
					for i, size := range sizes {
						parts = append(parts, random(byte(i+1), size))
					}
					counterpart.putSum(t, key, tt.a, tt.full, parts...)
					content[key] = bytes.Join(parts, nil)
				}
				n := int64(len(content))
				check := func(what string, cfg *s3sync.Config, transferred, warnings int64) {
					t.Helper()
					cfg.Check.Mode, cfg.Check.Algorithm, cfg.DryRun = s3sync.CheckChecksum, string(tt.a), true
					o := run(t, cfg)
					if o.err != nil || o.Transferred != transferred || o.Warnings != warnings || o.Skipped != n-transferred-warnings {
						t.Errorf("%s: %v, %+v\n%s", what, o.err, o.Stats, o.log)
					}
				}
				same, other := writeAll(t, content), writeAll(t, changed(content))
				check("same, up", config(same, counterpart.at("")), 0, 0)
				check("same, down", config(counterpart.at(""), same), 0, 0)
				check("other, up", config(other, counterpart.at("")), n, 0)
				check("other, down", config(counterpart.at(""), other), n, 0)

				across := config(counterpart.at(""), copied.at(""))
				across.Transfer.AutoChunkSize = true
				across.Verify.Algorithm, across.Verify.FullObject = string(tt.a), tt.full && tt.a != types.ChecksumAlgorithmCrc64nvme
				sync(t, across)
				check("same, across", config(counterpart.at(""), copied.at("")), 0, 0)
				for key, data := range changed(content) {
					copied.putSum(t, key, tt.a, tt.full, data)
				}
				check("other, across", config(counterpart.at(""), copied.at("")), n, 0)
				for key, data := range content {
					copied.putSum(t, key, otherThan(tt.a), false, data)
				}
				check("missing", config(counterpart.at(""), copied.at("")), 0, n)
			})
		}
	})
}

func otherThan(a types.ChecksumAlgorithm) types.ChecksumAlgorithm {
	if a == types.ChecksumAlgorithmSha256 {
		return types.ChecksumAlgorithmCrc32c
	}
	return types.ChecksumAlgorithmSha256
}

// TestCompareEncrypted: ETags that are not digests are a warning, not a transfer in
// every run, unless both sides have checksums.
func TestCompareEncrypted(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	encrypted, plain := newBucket(t, srv), newBucket(t, srv)
	encrypted.encrypt(t)
	small, large := random(1, 100), random(2, 9*s3sync.MiB)
	content := map[string][]byte{"none": small, "sum": small, "parts": large, "sum-of-parts": large}
	for _, b := range []bucket{encrypted, plain} {
		b.put(t, "none", small)
		b.putParts(t, "parts", large[:5*s3sync.MiB], large[5*s3sync.MiB:])
		b.putSum(t, "sum", types.ChecksumAlgorithmSha256, false, small)
		b.putSum(t, "sum-of-parts", types.ChecksumAlgorithmCrc32, true, large[:5*s3sync.MiB], large[5*s3sync.MiB:])
	}
	for name, tt := range map[string]struct{ same, other s3sync.Endpoint }{
		"file":   {writeAll(t, content), writeAll(t, changed(content))},
		"object": {plain.at(""), s3sync.Endpoint{}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, cfg := range []*s3sync.Config{config(tt.same, encrypted.at("")), config(encrypted.at(""), tt.same)} {
				cfg.Check.Mode, cfg.DryRun = s3sync.CheckETag, true
				if o := run(t, cfg); o.err != nil || o.Skipped != 2 || o.Warnings != 2 || o.Transferred != 0 {
					t.Errorf("same: %v, %+v\n%s", o.err, o.Stats, o.log)
				}
			}
			if tt.other.URL == "" {
				return
			}
			cfg := config(tt.other, encrypted.at(""))
			cfg.Check.Mode, cfg.DryRun = s3sync.CheckETag, true
			if o := run(t, cfg); o.err != nil || o.Skipped != 0 || o.Warnings != 2 || o.Transferred != 2 {
				t.Errorf("other: %v, %+v\n%s", o.err, o.Stats, o.log)
			}
		})
	}
}

// encrypt makes the server encrypt all new objects with KMS.
func (b bucket) encrypt(t *testing.T) {
	t.Helper()
	_, err := b.Client().PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: &b.name,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("test-key"),
			}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}
