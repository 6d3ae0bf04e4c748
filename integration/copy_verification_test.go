package integration_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// beforeFirstWrite calls f right before the first object is written.
func beforeFirstWrite(cfg *s3sync.Config, f func()) {
	done := false
	cfg.Preprocess = func(context.Context, *storage.Info, *s3sync.Upload) error {
		if !done {
			done = true
			f()
		}
		return nil
	}
}

// TestServerSideCopyOfWhatChanges: only the object that was opened is copied. A changed
// object is copied in another attempt, unless the user asks for a warning.
func TestServerSideCopyOfWhatChanges(t *testing.T) {
	t.Parallel()
	old, other := [][]byte{random(1, 6*s3sync.MiB), random(2, 100)}, [][]byte{random(3, 5*s3sync.MiB), random(4, 100)}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			put func(b bucket, parts [][]byte)
		}{
			"whole": {func(b bucket, p [][]byte) { b.put(t, "a", p[1]) }},
			"parts": {func(b bucket, p [][]byte) { b.putParts(t, "a", p...) }},
		} {
			for _, ifMatch := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					source, target := newBucket(t, srv), newBucket(t, srv)
					tt.put(source, old)
					cfg := withServerSideCopy(config(source.at(""), target.at("")))
					cfg.Condition.CopySourceIfMatch = ifMatch
					beforeFirstWrite(cfg, func() { tt.put(source, other) })
					o := run(t, cfg)
					if ifMatch {
						if o.err != nil || o.Transferred != 0 || o.Warnings != 1 || !strings.Contains(o.log, "level=WARN msg=skipped. key=a") {
							t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
						}
						target.holds(t, nil, "a")
						return
					}
					o.succeeded(t, 1)
					if got := o.eventsOf(s3sync.EventRetry); len(got) != 1 || !errors.Is(got[0].Err, storage.ErrChanged) {
						t.Errorf("attempts: %+v", got)
					}
					if !bytes.Equal(target.get(t, "a"), source.get(t, "a")) {
						t.Error("other content")
					}
					target.holds(t, []string{"a"})
				})
			}
		}
	})
}

// TestServerSideCopyFaults: faults during a copy, including errors inside a response
// that begins as a success.
func TestServerSideCopyFaults(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.put(t, "whole", random(1, 100))
		source.putParts(t, "parts", random(2, 5*s3sync.MiB), random(3, 100))
		for name, rules := range map[string][]string{
			"throttled within success":  {"CopyObject times=3 status=200 code=SlowDown", "UploadPartCopy times=3 status=200 code=SlowDown"},
			"failed within success":     {"CopyObject times=3 status=200 code=InternalError", "UploadPartCopy times=3 status=200 code=InternalError"},
			"unknown code":              {"CopyObject times=1 status=200 code=Whatever", "UploadPartCopy times=1 status=200 code=Whatever"},
			"the answer is lost":        {"CopyObject times=1 lost", "UploadPartCopy times=1 lost", "CompleteMultipartUpload times=1 lost"},
			"the answer ends too early": {"CopyObject times=1 truncate after=60", "UploadPartCopy times=1 truncate after=60"},
			"refused":                   {"CreateMultipartUpload times=1 status=503", "CompleteMultipartUpload times=1 status=200 code=InternalError"},
			"another failure":           {"CopyObject times=1 status=500", "UploadPartCopy nth=2 status=503"},
		} {
			t.Run(name, func(t *testing.T) {
				target, proxy := newBucket(t, srv), faultproxy.New(t, srv.Endpoint, rules...)
				run(t, withServerSideCopy(config(source.at(proxy.URL), target.at(proxy.URL)))).succeeded(t, 2)
				target.holds(t, []string{"parts", "whole"})
				compareBuckets(t, source, target, compareOptions{})
			})
		}
		for name, tt := range map[string]struct {
			rules    []string
			warnings int64
			failed   int64
			log      string
		}{
			"archived": {[]string{
				"CopyObject status=403 code=InvalidObjectState", "UploadPartCopy status=403 code=InvalidObjectState",
			}, 2, 0, "restore the object first"},
			"nothing is allowed": {[]string{
				"CopyObject status=403 code=AccessDenied", "UploadPartCopy status=200 code=AccessDenied",
			}, 0, 2, "AccessDenied"},
			"for ever": {[]string{
				"CopyObject status=200 code=InternalError", "UploadPartCopy status=200 code=SlowDown",
			}, 0, 2, "InternalError"},
		} {
			t.Run(name, func(t *testing.T) {
				target, proxy := newBucket(t, srv), faultproxy.New(t, srv.Endpoint, tt.rules...)
				o := run(t, withServerSideCopy(config(source.at(proxy.URL), target.at(proxy.URL))))
				if (o.err != nil) != (tt.failed > 0) || o.Transferred != 0 || o.Warnings != tt.warnings || o.Failed != tt.failed || !strings.Contains(o.log, tt.log) {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				target.holds(t, nil, "whole", "parts")
			})
		}
	})
}

// TestServerSideCopyOfUnknownParts: if a server does not report parts, the object is
// copied in one piece, so nothing verifies it.
func TestServerSideCopyOfUnknownParts(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putSum(t, "a", "CRC64NVME", true, random(1, 5*s3sync.MiB), random(2, 100))
		proxy := faultproxy.New(t, srv.Endpoint, "HeadObject partNumber=1 status=501")
		cfg := withServerSideCopy(config(source.at(proxy.URL), target.at(proxy.URL)))
		cfg.Verify.ETag = true
		if o := run(t, cfg); o.err != nil || o.Transferred != 1 || o.ETagVerified != 0 || o.ChecksumVerified != 1 || o.Unverified != 0 {
			t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
		}
		if got := proxy.Count("CopyObject"); got != 1 {
			t.Errorf("%d times CopyObject", got)
		}
		compareBuckets(t, source, target, compareOptions{})
	})
}

// TestServerSideCopyChecksums: an additional checksum that both sides have verifies a
// copy, even if ETags do not.
func TestServerSideCopyChecksums(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, a := range []types.ChecksumAlgorithm{"SHA256", "CRC32", "CRC64NVME"} {
			t.Run(string(a), func(t *testing.T) {
				source, target := newBucket(t, srv), newBucket(t, srv)
				source.putSum(t, "empty", a, false, nil)
				source.putSum(t, "small", a, false, random(1, 1000))
				source.putSum(t, "threshold", a, false, random(1, 8*s3sync.MiB))
				source.put(t, "without", random(2, 1000))
				cfg := withServerSideCopy(config(source.at(""), target.at("")))
				cfg.Verify.Algorithm, cfg.Verify.ReadChecksum = string(a), true
				o := run(t, cfg)
				without := int64(0) // versitygw gives a CRC64NVME to what has none
				if srv.Kind == s3server.VersityGW {
					without = 1
				}
				sums := int64(3)
				if a == "CRC64NVME" {
					sums += without
				}
				if o.err != nil || o.Transferred != 4 || o.ETagVerified != 4 || o.ChecksumVerified != sums || o.Warnings != 1-without {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				for key := range source.etags(t, "") {
					out, err := srv.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &target.name, Key: &key, ChecksumMode: "ENABLED"})
					if err != nil || out.ChecksumSHA256 == nil && out.ChecksumCRC32 == nil && out.ChecksumCRC64NVME == nil {
						t.Errorf("%s: %v, or no checksum", key, err)
					}
				}
			})
		}
	})
}

// TestServerSideCopyOfPartsWithChecksums: unlike S3, neither server can add an
// additional checksum to a copy in parts. MinIO refuses. versitygw uses the source's
// checksum for each part, so the copy has a wrong one. The run detects that, and a copy
// whose checksum differs from the source's does not count.
func TestServerSideCopyOfPartsWithChecksums(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putSum(t, "a", "CRC64NVME", true, random(1, 5*s3sync.MiB), random(2, 100))
		target.put(t, "foreign", nil)
		cfg := withServerSideCopy(config(source.at(""), target.at("")))
		cfg.Verify.Algorithm, cfg.Delete.Enable = "CRC64NVME", true
		o := run(t, cfg)
		cause := "content does not match its digest: the source's CRC64NVME checksum is"
		if srv.Kind == s3server.MinIO {
			cause = "the server may be unable to compute checksums of parts that it copies"
		}
		o.failed(t, "a", cause)
		if o.Transferred != 0 || o.Deleted != 0 || o.Failed != 1 {
			t.Errorf("%+v", o.Stats)
		}
		if srv.Kind == s3server.MinIO {
			return
		}
		// versitygw computes the right checksum if the source has none of that
		// algorithm.
		cfg.Verify.Algorithm, cfg.Check.Mode = "SHA256", s3sync.CheckOverwrite
		run(t, cfg).succeeded(t, 1)
		out, err := srv.Client().HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &target.name, Key: new("a"), ChecksumMode: "ENABLED"})
		if err != nil || out.ChecksumSHA256 == nil || !strings.HasSuffix(*out.ChecksumSHA256, "-2") {
			t.Errorf("%v, %+v", err, out)
		}
	})
}

// TestServerSideCopyEncrypted: each side has its own key.
func TestServerSideCopyEncrypted(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	root, n := secretTree(t)
	up := at(srv, "", "s3://"+srv.Bucket(t))
	cfg := config(local(root), up)
	cfg.Encryption.TargetCustomer = customerKey(1)
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*s3sync.MiB, 5*s3sync.MiB
	run(t, cfg).verified(t, n, 0, 0, n)
	none := s3sync.CustomerKey{}
	from, reads := up, customerKey(1)
	for _, step := range []struct {
		name   string
		writes s3sync.CustomerKey
		sse    string
	}{
		{"another key", customerKey(2), ""},
		{"the same key", customerKey(2), ""},
		{"KMS", none, "aws:kms"},
		{"SSE-S3", none, "AES256"},
		{"a key again", customerKey(3), ""},
		{"none", none, ""},
	} {
		to := at(srv, "", "s3://"+srv.Bucket(t))
		cfg := withServerSideCopy(config(from, to))
		cfg.Encryption.SourceCustomer, cfg.Encryption.TargetCustomer, cfg.Encryption.SSE = reads, step.writes, step.sse
		if !t.Run(step.name, func(t *testing.T) {
			o := run(t, cfg)
			if o.err != nil || o.Transferred != int64(n) || o.ChecksumVerified+o.Unverified != int64(n) || o.ETagVerified+o.Warnings != 0 {
				t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
			}
			o.withoutKeys(t)
		}) {
			return
		}
		from, reads = to, step.writes
	}
	back := t.TempDir()
	run(t, config(from, local(back))).succeeded(t, n)
	sameTree(t, root, back)
}

// TestServerSideCopyInterrupted: an upload is aborted while its parts are copied.
func TestServerSideCopyInterrupted(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, target := newBucket(t, srv), newBucket(t, srv)
		source.putParts(t, "big", random(1, 5*s3sync.MiB), random(2, 5*s3sync.MiB), random(3, 100))
		ctx, cancel := context.WithCancel(t.Context())
		front := newFront(t, srv.Endpoint)
		front.onRequest(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Query().Get("partNumber") == "2" && r.Method == http.MethodPut {
				cancel()
			}
			return false
		})
		o := runIn(ctx, t, withServerSideCopy(config(source.at(front.URL), target.at(front.URL))))
		if !errors.Is(o.err, context.Canceled) || o.Transferred != 0 {
			t.Errorf("%v, %+v", o.err, o.Stats)
		}
		target.holds(t, nil, "big")
	})
}

// TestServerSideCopyOfDirectoryBuckets: their ETags are not digests, so the checksums
// that all their objects have verify copies. Only a fake server has such buckets.
func TestServerSideCopyOfDirectoryBuckets(t *testing.T) {
	t.Parallel()
	_, proxy := newDirectories(t)
	root, n := directoryTree(t)
	run(t, config(local(root), inDirectory(proxy, directoryA+"/up/"))).verified(t, n, 0, n, 0)
	before := proxy.Count("GetObject") + proxy.Count("PutObject") + proxy.Count("UploadPart")
	run(t, withServerSideCopy(config(inDirectory(proxy, directoryA+"/up/"), inDirectory(proxy, directoryB)))).verified(t, n, 0, n, 0)
	if after := proxy.Count("GetObject") + proxy.Count("PutObject") + proxy.Count("UploadPart"); after != before {
		t.Errorf("%d requests for data", after-before)
	}
	copied := t.TempDir()
	run(t, config(inDirectory(proxy, directoryB), local(copied))).verified(t, n, 0, n, 0)
	if got := sameTree(t, root, copied); got != n {
		t.Errorf("%d files, want %d", got, n)
	}
}
