package integration_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// One bit, anywhere in any body on any way: each of 200 is detected, nothing
// damaged is published or counted as transferred, and the damage to one object
// does not keep others from arriving.
func TestRandomBitFlips(t *testing.T) {
	const flips, seed = 200, 1
	r := rand.New(rand.NewPCG(seed, seed))
	srv := s3server.Shared(t, s3server.VersityGW)
	proxy, err := faultproxy.Start(srv.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	bucket, directions := srv.Bucket(t), []string{"up", "down", "copy: source", "copy: target"}
	for i := range flips {
		size := flipSize(r)
		data := random(byte(i), size)
		direction, byteAt := directions[i%len(directions)], r.IntN(size)
		t.Run(fmt.Sprintf("%d %s, byte %d of %d", i, direction, byteAt, size), func(t *testing.T) {
			key := fmt.Sprintf("k%03d", i)
			root, source := t.TempDir(), fmt.Sprintf("s3://%s/%03d/source/", bucket, i)
			target := fmt.Sprintf("s3://%s/%03d/target/", bucket, i)
			write(t, root, key, data)
			if direction != "up" {
				sync(t, config(local(root), at(srv, "", source)))
			}
			var cfg *s3sync.Config
			method := "GET"
			switch direction {
			case "up":
				method = "PUT"
				cfg = config(local(root), at(srv, proxy.URL, target))
			case "down":
				cfg = config(at(srv, proxy.URL, source), local(t.TempDir()))
			case "copy: source":
				cfg = config(at(srv, proxy.URL, source), at(srv, "", target))
			case "copy: target":
				method = "PUT"
				cfg = config(at(srv, "", source), at(srv, proxy.URL, target))
			}
			cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 0
			rule := flipRule(method, key, i, byteAt, size)
			if err := proxy.Add(rule); err != nil {
				t.Fatal(err)
			}
			report, err := s3sync.Sync(t.Context(), cfg)
			if proxy.Hits(rule) != 1 {
				t.Fatalf("%q happened %d times", rule, proxy.Hits(rule))
			}
			if err == nil || report.Transferred+report.ETagVerified+report.ChecksumVerified != 0 {
				t.Errorf("not detected: %v, %+v", err, report.Stats)
			}
			published(t, srv, cfg, key)
			again := sync(t, cfg)
			if again.ETagVerified != 1 {
				t.Errorf("the next run: %+v", again.Stats)
			}
		})
	}
}

// flipSize favours small objects, and has some in parts.
func flipSize(r *rand.Rand) int {
	switch r.IntN(10) {
	case 0:
		return 8*s3sync.MiB + r.IntN(3) - 1
	case 1:
		return 8*s3sync.MiB + 1 + r.IntN(9*s3sync.MiB)
	default:
		return 1 + r.IntN(100_000)
	}
}

// flipRule damages one byte of one object's body once, in the part that has it.
func flipRule(method, key string, i, byteAt, size int) string {
	const part = 8 * s3sync.MiB
	object := fmt.Sprintf("key=%03d/*%s", i, key)
	switch {
	case size < part:
		return fmt.Sprintf("%s %s times=1 flip byte=%d", method, object, byteAt)
	case method == "PUT":
		return fmt.Sprintf("%s %s partNumber=%d times=1 flip byte=%d", method, object, byteAt/part+1, byteAt%part)
	}
	first := byteAt / part * part
	return fmt.Sprintf("%s %s header.Range=bytes=%d-%d times=1 flip byte=%d",
		method, object, first, min(first+part, size)-1, byteAt%part)
}

// published fails the test if the target of a run has the object.
func published(t *testing.T, srv *s3server.Server, cfg *s3sync.Config, key string) {
	t.Helper()
	if len(cfg.Target.URL) < 5 || cfg.Target.URL[:5] != "s3://" {
		if left := tree(t, cfg.Target.URL); len(left) != 0 {
			t.Errorf("published: %v", left)
		}
		return
	}
	check := config(at(srv, "", cfg.Target.URL), local(t.TempDir()))
	if report := sync(t, check); report.Transferred != 0 {
		t.Errorf("%s was published", key)
	}
}
