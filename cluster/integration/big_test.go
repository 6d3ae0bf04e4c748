package integration_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// TestPartsOutliveTheirWorker kills a worker in the middle of an object in parts. Others go on
// with its upload, alone or sharing the object: no part is sent again but those under way.
func TestPartsOutliveTheirWorker(t *testing.T) {
	t.Parallel()
	engine := sharedEngine(t)
	server := s3server.Shared(t, s3server.VersityGW)
	for name, options := range map[string][]string{"by-one": nil, "shared": {"--big-object-size", "20MiB"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const parts, slots = 12, 2
			source, target, copied := server.Bucket(t), server.Bucket(t), server.Bucket(t)
			tree := tree{dir: t.TempDir(), random: rand.NewChaCha8([32]byte{2})}
			tree.write(t, "big.bin", parts*5<<20-77)
			tree.write(t, "small.bin", 100)
			tree.upload(t, server, source)
			proxy := faultproxy.New(t, server.Endpoint, "UploadPart delay=300ms")
			l := newLab(t, engine, "parts-"+name, ofServer(server, proxy.URL)...)
			l.lostAfter = 5 * time.Second
			sent := func() int { return proxy.Count("UploadPart bucket=" + target) }

			w1 := l.worker("w1", "--slots", fmt.Sprint(slots))
			l.submit(source, target, append(options, "--ranges", "1", "--in-flight", "4", "--max-parallel-uploads", "1",
				"--multipart-threshold", "5MiB", "--multipart-chunksize", "5MiB")...)
			for end := time.Now().Add(patience); sent() < 5; time.Sleep(lookAgain) {
				if time.Now().After(end) {
					t.Fatalf("%d parts were sent within %s", sent(), patience)
				}
			}
			w1.kill()
			before := sent()
			l.worker("w2", "--slots", fmt.Sprint(slots))
			l.worker("w3", "--slots", fmt.Sprint(slots))
			got := l.end()

			if again := sent() - parts; before >= parts || again > slots {
				t.Errorf("%d parts were sent until the worker was killed, and %d twice", before, again)
			}
			if n := proxy.Count("CreateMultipartUpload bucket=" + target); n != 1 {
				t.Errorf("%d uploads began", n)
			}
			cfg := s3sync.DefaultConfig()
			cfg.Source, cfg.Target = bucketOf(server, source), bucketOf(server, copied)
			cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5<<20, 5<<20
			want, err := s3sync.Sync(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			// What arrived before the kill is skipped, which can only be the small object.
			if s := got.Report.Stats; s.Transferred+s.Skipped != want.Transferred || s.Skipped > 1 || s.Failed+s.Warnings != 0 {
				t.Errorf("one machine did %+v, the job %+v", want.Stats, s)
			}
			if diff := cmp.Diff(contents(t, server, copied), contents(t, server, target)); diff != "" {
				t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
			}
			cfg.Target = bucketOf(server, target)
			store, err := cfg.OpenTarget(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			resumer, _ := storage.As[storage.Resumer](store) // buckets are
			for left, err := range resumer.Leftovers(t.Context()) {
				t.Errorf("an upload is left: %+v, %v", left, err)
			}
			records, err := filepath.Glob(filepath.Join(l.state[1], l.job, "unfinished", "*", "*.json"))
			if err != nil || len(records) != 0 {
				t.Errorf("records are left: %q, %v", records, err)
			}
		})
	}
}
