package integration_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Damage to the bytes of objects on the wire. An object whose name begins with "one" is
// sent in one piece, "two" in parts of 5 MiB and 100,000 bytes, "three" in two parts of
// 5 MiB and one of 100,000 bytes.

// A damage is a fault in the request or response of an operation. The cause must be
// reported to the user.
type damage struct{ operation, fault, cause string }

const (
	firstRange  = "header.Range=bytes=0-* "
	secondRange = "header.Range=bytes=5242880-* "
)

// readDamage are faults in responses, by key.
func readDamage() map[string]damage {
	const get = "GetObject"
	return map[string]damage{
		"one-first-bit":    {get, "flip byte=0", "does not match"},
		"one-last-bit":     {get, "flip byte=-1", "does not match"},
		"one-truncated":    {get, "truncate after=99999", "the connection ended after 99999 of 100000 bytes"},
		"one-shorter":      {get, "shorten after=50000", "where the listing has"},
		"one-reset":        {get, "reset after=50000", "reset"},
		"one-etag":         {get, "etag=bad", "where the listing has"},
		"two-first-bit":    {get, firstRange + "flip byte=1000", "does not match"},
		"three-middle-bit": {get, secondRange + "flip byte=2000000", "does not match"},
		"two-last-bit":     {get, secondRange + "flip byte=-1", "does not match"},
		"two-truncated":    {get, secondRange + "truncate after=4000", "the connection ended"},
		"two-shorter":      {get, secondRange + "shorten after=1000", "cannot be used"},
		"two-first-etag":   {get, firstRange + "etag=bad", "where the listing has"},
		"two-last-etag":    {get, secondRange + "etag=bad", "changed while being read"},
	}
}

// writeDamage are faults in requests and in their responses. The server checks one of
// two digests first: refused is its error code for it.
func writeDamage(refused string) map[string]damage {
	return map[string]damage{
		"one-first-bit":    {"PutObject", "flip byte=0", refused},
		"one-last-bit":     {"PutObject", "flip byte=-1", refused},
		"one-etag":         {"PutObject", "etag=bad", "the target's ETag is 0bad"},
		"one-reset":        {"PutObject", "reset after=50000", "reset"},
		"two-first-bit":    {"UploadPart", "partNumber=1 flip byte=0", refused},
		"three-middle-bit": {"UploadPart", "partNumber=2 flip byte=2000000", refused},
		"two-last-bit":     {"UploadPart", "partNumber=2 flip byte=-1", refused},
		"two-part-etag":    {"UploadPart", "partNumber=2 etag=bad", "part 2: the server has ETag 0bad"},
		"two-etag":         {"CompleteMultipartUpload", "etag=0bad0bad0bad0bad0bad0bad0bad0bad-2", "the target's ETag is 0bad"},
	}
}

// addDamage adds the rules to a proxy and returns the contents of the objects,
// including two without a fault.
func addDamage(t *testing.T, proxy *faultproxy.Proxy, damaged map[string]damage, forever bool) map[string][]byte {
	t.Helper()
	content := map[string][]byte{}
	for _, key := range append(slices.Collect(maps.Keys(damaged)), "one", "two") {
		size := 100_000
		switch {
		case strings.HasPrefix(key, "two"):
			size += 5 * s3sync.MiB
		case strings.HasPrefix(key, "three"):
			size += 10 * s3sync.MiB
		}
		content[key] = random(key[len(key)-1], size)
	}
	for key, d := range damaged {
		text := d.operation + " " + key + " " + d.fault
		if !forever {
			text += " times=1"
		}
		addRule(t, proxy, text)
	}
	return content
}

// checkDamage compares the outcome with the faults.
func checkDamage(t *testing.T, o *outcome, damaged map[string]damage, forever bool) {
	t.Helper()
	if forever {
		o.failed(t, "")
		if o.Transferred != 2 || o.ETagVerified != 2 || int(o.Failed) != len(damaged) || o.Unverified != 0 {
			t.Errorf("%+v", o.Stats)
		}
	} else {
		o.succeeded(t, len(damaged)+2)
	}
	noticed := map[string]string{}
	for _, ev := range o.eventsOf(s3sync.EventRetry) {
		noticed[ev.Key] += ev.Err.Error()
	}
	for key, d := range damaged {
		if forever {
			o.reports(t, key, key, d.cause)
		}
		if !strings.Contains(noticed[key], d.cause) {
			t.Errorf("%s: %q was not noticed and repeated: %q", key, d.cause, noticed[key])
		}
	}
}

// TestDamagedRead: an object that is damaged once on its way from the source is read
// again, verified, and right. One that is always damaged fails and is not published.
func TestDamagedRead(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		damaged := readDamage()
		source, content := newBucket(t, srv), addDamage(t, proxyWithOptionalRules(t, srv), damaged, false)
		for key, data := range content {
			source.put(t, key, data)
		}
		for name, forever := range map[string]bool{"once": false, "for ever": true} {
			t.Run(name+"/to files", func(t *testing.T) {
				proxy := faultproxy.New(t, srv.Endpoint)
				addDamage(t, proxy, damaged, forever)
				root := filepath.Join(t.TempDir(), "copy")
				checkDamage(t, run(t, withOneRetry(source.at(proxy.URL), local(root))), damaged, forever)
				want := slices.Collect(maps.Keys(content))
				if forever {
					want = []string{"one", "two"}
				}
				hasFiles(t, root, want...)
				for _, key := range want {
					if got, err := os.ReadFile(filepath.Join(root, key)); err != nil || !bytes.Equal(got, content[key]) {
						t.Errorf("%s: %v, or other content", key, err)
					}
				}
			})
			t.Run(name+"/to bucket", func(t *testing.T) {
				proxy, target := faultproxy.New(t, srv.Endpoint), newBucket(t, srv)
				addDamage(t, proxy, damaged, forever)
				checkDamage(t, run(t, withOneRetry(source.at(proxy.URL), target.at(""))), damaged, forever)
				want := slices.Collect(maps.Keys(content))
				if forever {
					want = []string{"one", "two"}
				}
				target.holds(t, want, slices.Collect(maps.Keys(damaged))...)
				target.contains(t, content, want)
			})
		}
	})
}

// withOneRetry returns a run that makes one attempt and one retry of each request. Both
// are visible.
func withOneRetry(source, target s3sync.Endpoint) *s3sync.Config {
	cfg := smallParts(config(source, target))
	cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 1
	return cfg
}

// TestDamagedWrite: a server refuses bytes that were damaged on the way to it. They are
// sent again; if they are always damaged, the object fails with the server's error. A
// response with another ETag than that of the bytes is not a success.
func TestDamagedWrite(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, source := t.TempDir(), newBucket(t, srv)
		content := addDamage(t, proxyWithOptionalRules(t, srv), writeDamage(""), false)
		for key, data := range content {
			write(t, root, key, data)
			source.put(t, key, data)
		}
		for name, forever := range map[string]bool{"once": false, "for ever": true} {
			for from, side := range map[string]s3sync.Endpoint{"/from files": local(root), "/from bucket": source.at("")} {
				t.Run(name+from, func(t *testing.T) {
					proxy, target := faultproxy.New(t, srv.Endpoint), newBucket(t, srv)
					cfg := withOneRetry(side, target.at(proxy.URL))
					damaged := writeDamage("XAmzContentSHA256Mismatch")
					if srv.Kind == s3server.MinIO {
						damaged = writeDamage("BadDigest")
					}
					if cfg.Source.EndpointURL != "" {
						cfg.AWS.UnsignedPayload = true // it removes Content-MD5
						damaged = writeDamage("BadDigest")
					}
					addDamage(t, proxy, damaged, forever)
					checkDamage(t, run(t, cfg), damaged, forever)
					want := slices.Collect(maps.Keys(content))
					if forever {
						// A response can be wrong although the object is right.
						want = []string{"one", "two", "one-etag", "two-etag"}
					}
					target.holds(t, want, slices.Collect(maps.Keys(damaged))...)
					target.contains(t, content, want)
				})
			}
		}
	})
}

// proxyWithOptionalRules returns a proxy whose rules need not apply.
func proxyWithOptionalRules(t *testing.T, srv *s3server.Server) *faultproxy.Proxy {
	t.Helper()
	proxy, err := faultproxy.Start(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(proxy.Close)
	return proxy
}
