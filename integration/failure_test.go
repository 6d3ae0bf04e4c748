package integration_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// smallParts cuts objects into the smallest parts that S3 allows.
func smallParts(cfg *s3sync.Config) *s3sync.Config {
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*s3sync.MiB, 5*s3sync.MiB
	return cfg
}

// TestFailedUpload: each object that cannot be written is named with the cause, the
// others arrive, nothing is deleted, and no unfinished upload remains on the server.
func TestFailedUpload(t *testing.T) {
	t.Parallel()
	failing := map[string]struct{ rule, cause string }{
		"put-500":          {"PutObject put-500 status=500", "InternalError"},
		"put-closed":       {"PutObject put-closed close", "connection to"},
		"put-reset":        {"PutObject put-reset reset after=1000", "reset"},
		"put-refused":      {"PutObject put-refused status=400 code=InvalidArgument", "InvalidArgument"},
		"big-create":       {"CreateMultipartUpload big-create status=500", "InternalError"},
		"big-part":         {"UploadPart big-part partNumber=2 status=500", "InternalError"},
		"big-part-reset":   {"UploadPart big-part-reset partNumber=3 reset after=100000", "reset"},
		"big-complete":     {"CompleteMultipartUpload big-complete status=500", "InternalError"},
		"big-complete-200": {"CompleteMultipartUpload big-complete-200 status=200 code=InternalError", "InternalError"},
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		proxy := faultproxy.New(t, srv.Endpoint)
		for key, tt := range failing {
			addRule(t, proxy, tt.rule)
			size := 5000
			if strings.HasPrefix(key, "big-") {
				size = 11 * s3sync.MiB
			}
			write(t, root, key, random(1, size))
		}
		good := append(numberedKeys(20), "big")
		for _, key := range good {
			write(t, root, key, []byte(key))
		}
		write(t, root, "big", random(2, 11*s3sync.MiB))
		target.put(t, "stranger", nil)
		cfg := smallParts(config(local(root), target.at(proxy.URL)))
		cfg.Delete.Enable = true
		o := run(t, cfg)
		o.failed(t, "")
		for key, tt := range failing {
			o.reports(t, key, tt.cause, key)
		}
		if int(o.Failed) != len(failing) || o.Transferred != 21 || o.ETagVerified != 21 || o.Deleted != 0 || len(o.FailedKeys()) != len(failing) {
			t.Errorf("%+v, failed %q", o.Stats, o.FailedKeys())
		}
		target.holds(t, append(good, "stranger"), slices.Collect(maps.Keys(failing))...)
	})
}

// TestFailedDownload: the same for objects that cannot be read.
func TestFailedDownload(t *testing.T) {
	t.Parallel()
	failing := map[string]struct{ rule, cause string }{
		"get-500":    {"GetObject get-500 status=500", "InternalError"},
		"get-reset":  {"GetObject get-reset reset after=1000", "reset"},
		"big-first":  {"GetObject big-first header.Range=bytes=0-* status=500", "InternalError"},
		"big-last":   {"GetObject big-last header.Range=bytes=10485760-* status=500", "InternalError"},
		"big-middle": {"GetObject big-middle header.Range=bytes=5242880-* truncate after=70000", "the connection ended"},
	}
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, source, target := t.TempDir(), newBucket(t, srv), newBucket(t, srv)
		proxy := faultproxy.New(t, srv.Endpoint)
		for key, tt := range failing {
			addRule(t, proxy, tt.rule)
			size := 5000
			if strings.HasPrefix(key, "big-") {
				size = 11 * s3sync.MiB
			}
			source.put(t, key, random(1, size))
		}
		good := append(numberedKeys(5), "big")
		for _, key := range good {
			source.put(t, key, []byte(key))
		}
		source.put(t, "big", random(2, 11*s3sync.MiB))
		target.put(t, "stranger", nil)
		write(t, root, "stranger", nil)
		for _, side := range []s3sync.Endpoint{local(root), target.at("")} {
			cfg := smallParts(config(source.at(proxy.URL), side))
			cfg.Delete.Enable = true
			o := run(t, cfg)
			o.failed(t, "")
			for key, tt := range failing {
				o.reports(t, key, tt.cause, key)
			}
			if int(o.Failed) != len(failing) || o.Transferred != 6 || o.ETagVerified != 6 || o.Deleted != 0 || len(o.FailedKeys()) != len(failing) {
				t.Errorf("%+v, failed %q", o.Stats, o.FailedKeys())
			}
		}
		hasFiles(t, root, append(good, "stranger")...)
		target.holds(t, append(good, "stranger"), slices.Collect(maps.Keys(failing))...)
	})
}

// TestDeniedObject: objects that the user may not read or write are skipped with a
// warning, and nothing is deleted then either.
func TestDeniedObject(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, fault := range []string{"GetObject denied status=403", "PutObject denied status=403"} {
			for _, strict := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/strict=%t", fault, strict), func(t *testing.T) {
					source, target := newBucket(t, srv), newBucket(t, srv)
					source.put(t, "denied", nil)
					source.put(t, "good", nil)
					target.put(t, "stranger", nil)
					proxy := faultproxy.New(t, srv.Endpoint, fault)
					cfg := config(source.at(proxy.URL), target.at(proxy.URL))
					cfg.Delete.Enable = true
					cfg.WarnAsError = strict
					o := run(t, cfg)
					if strict {
						o.failed(t, "denied", "AccessDenied")
					} else if o.err != nil || o.Warnings != 1 || o.Failed != 0 {
						t.Errorf("%v, %+v", o.err, o.Stats)
					}
					if o.Deleted != 0 || o.Transferred != 1 || !strings.Contains(o.log, "AccessDenied") {
						t.Errorf("%+v\n%s", o.Stats, o.log)
					}
					target.holds(t, []string{"good", "stranger"}, "denied")
				})
			}
		}
	})
}

// TestLostAnswers: requests that were carried out but whose responses were lost are
// retried, and the run succeeds.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, attempts := range []int{1, 3} {
			t.Run(fmt.Sprintf("attempts=%d", attempts), func(t *testing.T) {
				root, target := t.TempDir(), newBucket(t, srv)
				write(t, root, "little", random(1, 5000))
				write(t, root, "big", random(2, 11*s3sync.MiB))
				target.put(t, "stranger-1", nil)
				target.put(t, "stranger-2", nil)
				proxy := faultproxy.New(t, srv.Endpoint,
					"PutObject little times=2 lost", "UploadPart partNumber=2 times=2 lost",
					"CompleteMultipartUpload times=2 lost", "DeleteObjects times=2 lost")
				cfg := smallParts(config(local(root), target.at(proxy.URL)))
				cfg.Retry.MaxAttempts = attempts
				cfg.Delete.Enable = true
				o := run(t, cfg)
				o.succeeded(t, 2)
				if o.Deleted != 2 {
					t.Errorf("%+v", o.Stats)
				}
				target.holds(t, []string{"big", "little"})
			})
		}
	})
}

// TestAbortIsRepeated: the request that removes an unfinished upload is retried like
// any other, even if the SDK does not retry.
func TestAbortIsRepeated(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		write(t, root, "big", random(2, 6*s3sync.MiB))
		proxy := faultproxy.New(t, srv.Endpoint, "UploadPart partNumber=2 status=400 code=InvalidArgument",
			"AbortMultipartUpload times=2 status=500")
		cfg := smallParts(config(local(root), target.at(proxy.URL)))
		cfg.Retry.MaxAttempts = 1
		o := run(t, cfg)
		o.failed(t, "big", "InvalidArgument")
		if strings.Contains(o.err.Error(), "could not be removed") {
			t.Error(o.err)
		}
		target.holds(t, nil, "big")
	})
}

// TestUploadThatCannotBeAborted: the error names the cause first, and then the remains
// on the server.
func TestUploadThatCannotBeAborted(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		write(t, root, "big", random(2, 11*s3sync.MiB))
		proxy := faultproxy.New(t, srv.Endpoint, "UploadPart partNumber=2 status=500", "AbortMultipartUpload status=403")
		o := run(t, smallParts(config(local(root), target.at(proxy.URL))))
		o.failed(t, "big", `write part "big": InternalError`, "could not be removed", "AccessDenied")
	})
}

// TestSlowDown: a server that asks for fewer requests for a while is obeyed. No object
// is lost, whether the SDK or this program retries.
func TestSlowDown(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		// One key may meet all of the 50 refusals: how many objects are worked on at once, and
		// so how many share them, follows from them.
		for name, tt := range map[string]struct{ attempts, more int }{"sdk": {8, 8}, "library": {1, 50}} {
			t.Run(name, func(t *testing.T) {
				root, source, target := t.TempDir(), newBucket(t, srv), newBucket(t, srv)
				keys := numberedKeys(40)
				for _, key := range keys {
					write(t, root, key, []byte(key))
				}
				proxy := faultproxy.New(t, srv.Endpoint,
					"* nth=5 times=30 status=503 code=SlowDown", "* nth=60 times=20 status=429 code=TooManyRequests maybe")
				for _, cfg := range []*s3sync.Config{
					config(local(root), source.at(proxy.URL)),
					config(source.at(proxy.URL), target.at(proxy.URL)),
				} {
					cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = tt.attempts, tt.more
					run(t, cfg).succeeded(t, 40)
				}
				target.holds(t, keys)
			})
		}
	})
}

// A run that may not write anything ends with the exit code of a failure; one that may
// not write a few objects ends with warnings.
func TestDeniedExitCodes(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root := t.TempDir()
		keys := numberedKeys(33)
		for _, key := range keys {
			write(t, root, key, []byte("data"))
		}
		for name, tt := range map[string]struct {
			rule string
			code int
			want string
		}{
			"all": {"PutObject status=403 code=AccessDenied", 1, "33 failed, the first with: target: put"},
			"one": {"PutObject " + keys[7] + " status=403 code=AccessDenied", 3, keys[7]},
		} {
			t.Run(name, func(t *testing.T) {
				target := newBucket(t, srv)
				p := command(t, local(root), target.at(faultproxy.New(t, srv.Endpoint, tt.rule).URL))
				if code := p.run(t); code != tt.code || !strings.Contains(p.stdout.String()+p.stderr.String(), tt.want) {
					t.Errorf("exit code %d, want %d and %q\n%s%s", code, tt.code, tt.want, &p.stdout, &p.stderr)
				}
			})
		}
	})
}
