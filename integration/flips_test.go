package integration_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// flipPart is the threshold and the part size: the minimum of S3.
const flipPart = 5 * s3sync.MiB

// A detector is the only digest that can detect a flip: the ETag, without an algorithm,
// or an additional checksum while ETags are not compared.
type detector struct {
	algorithm string
	full      bool
}

func (d detector) String() string {
	switch {
	case d.algorithm == "":
		return "ETag"
	case d.full:
		return d.algorithm + " of all bytes"
	}
	return d.algorithm + " of parts"
}

// flipDetectors are the ETag and the checksums that both servers have.
func flipDetectors() []detector {
	return []detector{
		{},
		{"SHA256", false},
		{"SHA1", false},
		{"CRC32", false},
		{"CRC32", true},
		{"CRC32C", false},
		{"CRC32C", true},
		{"CRC64NVME", true},
	}
}

// A flipWay says on which way bytes are damaged, and what must be reported.
type flipWay struct {
	name   string
	method string // of the damaged requests
	bucket bool   // both sides are buckets
	// unchecked: the damaged bytes reach a server that does not compare digests, so
	// s3sync must detect the damage.
	unchecked bool
}

func flipWays() []flipWay {
	return []flipWay{
		{name: "up, refused", method: "PUT"},
		{name: "up", method: "PUT", unchecked: true},
		{name: "down", method: "GET"},
		{name: "between buckets, read", method: "GET", bucket: true},
		{name: "between buckets, refused", method: "PUT", bucket: true},
		{name: "between buckets, written", method: "PUT", bucket: true, unchecked: true},
	}
}

// finds returns texts; a failure must consist of one of them and the key.
func (w flipWay) finds(d detector) []string {
	sum := "ETag"
	if d.algorithm != "" {
		sum = d.algorithm + " checksum"
	}
	switch {
	case w.method == "GET":
		return []string{"does not match its digest: the source's " + sum}
	case w.unchecked:
		return []string{
			"does not match its digest: the target's " + sum,
			"the server has the " + sum, "the server has " + sum, // of a part
		}
	}
	return []string{"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
}

// TestRandomBitFlips: one bit, anywhere in any body on any way, of objects of all sizes
// around the threshold. Each of 200 flips is detected by the only digest that can
// detect it: by the server, or else by s3sync. Nothing damaged is published in a
// directory, or counted as transferred or verified. The damage to one object does not
// prevent others from arriving.
func TestRandomBitFlips(t *testing.T) {
	t.Parallel()
	flips, kinds := 0, 0
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		kinds++
		for i, d := range flipDetectors() {
			f := newFlips(t, srv, d, uint64(i))
			for j, way := range flipWays() {
				if (i+j)%2 != slices.Index(s3server.Kinds(), srv.Kind) {
					continue // each way is tested with one of the servers
				}
				t.Run(d.String()+"/"+way.name, func(t *testing.T) { flips += f.flip(t, way) })
			}
		}
	})
	if kinds == len(s3server.Kinds()) && !t.Failed() && flips != 200 {
		t.Errorf("%d flips, want 200", flips)
	}
}

// flips are the objects to be damaged, in a directory and in a bucket.
type flips struct {
	detector

	r       *rand.Rand
	root    string
	source  bucket
	content map[string][]byte
}

func newFlips(t *testing.T, srv *s3server.Server, d detector, seed uint64) *flips {
	t.Helper()
	f := &flips{detector: d, r: rand.New(rand.NewPCG(seed, seed)), root: t.TempDir(), source: newBucket(t, srv)}
	f.content = map[string][]byte{
		"one-byte":  random(1, 1),
		"small":     random(2, 2+f.r.IntN(100_000)),
		"threshold": random(3, flipPart-1+int(seed%3)),
		"parts":     random(4, flipPart+1+f.r.IntN(100_000)),
		"more":      random(5, 1000),
		"untouched": random(6, 1000),
	}
	for key, data := range f.content {
		write(t, f.root, key, data)
	}
	cfg := smallParts(config(local(f.root), f.source.at("")))
	cfg.Verify.Algorithm, cfg.Verify.FullObject = d.algorithm, d.full
	sync(t, cfg)
	return f
}

// flip damages all objects except one on a way, and returns their number.
func (f *flips) flip(t *testing.T, way flipWay) int {
	t.Helper()
	target, endpoint := newBucket(t, f.source.Server), f.source.Endpoint
	if way.unchecked {
		endpoint = newUncheckedServer(t, f.source.Server).URL
	}
	proxy := faultproxy.New(t, endpoint)
	cfg := f.config(t, way, target, proxy.URL)
	damaged := slices.Sorted(maps.Keys(f.content))
	damaged = slices.DeleteFunc(damaged, func(key string) bool {
		return key == "untouched" || key == "more" && way.name != "down"
	})
	for _, key := range damaged {
		addRule(t, proxy, f.rule(way.method, key))
	}
	whole := len(f.content) - len(damaged)
	o := run(t, cfg)
	o.failed(t, "")
	if int(o.Failed) != len(damaged) || int(o.Transferred) != whole || o.Unverified+o.Warnings != 0 ||
		o.ETagVerified+o.ChecksumVerified != o.Transferred {
		t.Errorf("%+v\n%s", o.Stats, o.log)
	}
	for _, key := range damaged {
		o.reports(t, key, key)
		found := o.eventsOf(s3sync.EventFailed)
		i := slices.IndexFunc(found, func(ev s3sync.Event) bool { return ev.Key == key })
		if i < 0 || !slices.ContainsFunc(way.finds(f.detector), func(s string) bool { return strings.Contains(found[i].Err.Error(), s) }) {
			t.Errorf("%s: want one of %q, got %+v", key, way.finds(f.detector), found)
		}
	}
	f.repaired(t, way, cfg, target, damaged)
	return len(damaged)
}

// config returns a run in which only one digest can detect damage.
func (f *flips) config(t *testing.T, way flipWay, target bucket, endpoint string) *s3sync.Config {
	t.Helper()
	var cfg *s3sync.Config
	switch {
	case way.method == "GET" && way.bucket:
		cfg = config(f.source.at(endpoint), target.at(""))
	case way.method == "GET":
		cfg = config(f.source.at(endpoint), local(t.TempDir()))
	case way.bucket:
		cfg = config(f.source.at(""), target.at(endpoint))
	default:
		cfg = config(local(f.root), target.at(endpoint))
	}
	cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 0
	cfg.Verify.ETag = f.algorithm == ""
	cfg.Verify.ReadChecksum = f.algorithm != "" && (way.method == "GET" || way.bucket)
	if way.method == "PUT" || way.bucket {
		cfg.Verify.Algorithm, cfg.Verify.FullObject = f.algorithm, f.full
		// The server receives the digest of the detector, and no other.
		cfg.AWS.UnsignedPayload = f.algorithm != "" || way.bucket
		cfg.AWS.NoContentMD5 = f.algorithm != ""
	}
	return smallParts(cfg)
}

// rule flips any bit of an object, in the part that has it.
func (f *flips) rule(method, key string) string {
	size := len(f.content[key])
	at := f.r.IntN(size)
	fault := fmt.Sprintf("times=1 flip byte=%d bit=%d", at%flipPart, f.r.IntN(8))
	switch first := at / flipPart * flipPart; {
	case method == "PUT" && size < flipPart:
		return fmt.Sprintf("PutObject %s %s", key, fault)
	case method == "PUT":
		return fmt.Sprintf("UploadPart %s partNumber=%d %s", key, at/flipPart+1, fault)
	case size < flipPart:
		return fmt.Sprintf("GetObject %s %s", key, fault)
	default:
		return fmt.Sprintf("GetObject %s header.Range=bytes=%d-%d %s", key, first, min(first+flipPart, size)-1, fault)
	}
}

// repaired checks that nothing damaged is published. An unchecked server is the
// exception, because its objects cannot be taken back: but an update check by ETag
// finds the damage, and another run repairs it.
func (f *flips) repaired(t *testing.T, way flipWay, cfg *s3sync.Config, target bucket, damaged []string) {
	t.Helper()
	whole := slices.DeleteFunc(slices.Sorted(maps.Keys(f.content)), func(key string) bool { return slices.Contains(damaged, key) })
	if cfg.Target.EndpointURL == "" {
		hasFiles(t, cfg.Target.URL, whole...)
		for _, key := range whole {
			if got, err := os.ReadFile(filepath.Join(cfg.Target.URL, key)); err != nil || !bytes.Equal(got, f.content[key]) {
				t.Errorf("%s: %v, or other content", key, err)
			}
		}
	} else if !way.unchecked {
		target.holds(t, whole, damaged...)
		target.contains(t, f.content, whole)
	}
	if f.algorithm != "" && !way.unchecked {
		return
	}
	again := config(cfg.Source, cfg.Target)
	again.Check.Mode = s3sync.CheckETag
	if o := run(t, smallParts(again)); o.err != nil || int(o.Transferred) != len(damaged) || o.ETagVerified != o.Transferred {
		t.Errorf("the next run: %v, %+v", o.err, o.Stats)
	}
	if cfg.Target.EndpointURL != "" {
		target.contains(t, f.content, slices.Collect(maps.Keys(f.content)))
	}
}
