package integration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

const (
	bigObjects = 6
	bigParts   = 5
	// partsAtOnce is how many parts a worker has under way: so many may have to be sent again
	// if it is killed.
	partsAtOnce = 2
)

// TestPartsAreNotSentAgain kills workers in the middle of objects in parts, which are among
// 2,000 real objects: whoever gets the range goes on with the parts that are there. A proxy
// counts the parts. S3SYNC_SOAK=1 kills 21 times. S3SYNC_KILL_SEED repeats a seed.
func TestPartsAreNotSentAgain(t *testing.T) {
	t.Parallel()
	engine := sharedEngine(t)
	server := s3server.Shared(t, s3server.VersityGW)
	source := server.Bucket(t)
	tree := tree{dir: t.TempDir(), random: rand.NewChaCha8([32]byte{2})}
	for i := range 2000 - bigObjects {
		tree.write(t, fmt.Sprintf("%d/small/%04d.txt", i%bigObjects, i), i%7*100)
	}
	for i := range bigObjects {
		tree.write(t, fmt.Sprintf("%d/big.bin", i), bigParts*5<<20-i)
	}
	tree.upload(t, server, source)
	want := contents(t, server, source)
	trials := 1
	if soaks() {
		trials = 7
	}
	random := randomKills(t)
	for i := range trials {
		target := server.Bucket(t)
		proxy := faultproxy.New(t, server.Endpoint, "UploadPart delay=300ms")
		l := newLab(t, engine, fmt.Sprintf("parts-%d", i), ofServer(server, proxy.URL)...)
		killUploads(t, l, proxy, random, source, target)
		if diff := cmp.Diff(want, contents(t, server, target)); diff != "" {
			t.Errorf("source (-), target (+):\n%s", diff)
		}
		if open := server.OpenUploads(t, target, ""); len(open) > 0 {
			t.Errorf("uploads of %q are left", open)
		}
	}
}

func killUploads(t *testing.T, l *lab, proxy *faultproxy.Proxy, random *rand.Rand, source, target string) {
	t.Helper()
	const kills = 3
	start := func(name string) *worker { return l.worker(name, "--slots", "1") }
	workers := []*worker{start("w0"), start("w1"), start("w2")}
	splits := filepath.Join(l.dir, "splits")
	if err := os.WriteFile(splits, []byte("1/\n2/\n3/\n4/\n5/\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.submit(source, target, "--splits", splits, "--checkpoint-keys", "100", "--check-etag", "--multipart-threshold", "5MiB",
		"--multipart-chunksize", "5MiB", "--max-parallel-uploads", fmt.Sprint(partsAtOnce))
	for k := range kills {
		after := proxy.Count("UploadPart") + 1 + random.IntN(bigObjects*bigParts/kills)
		for end := time.Now().Add(patience); proxy.Count("UploadPart") < after && time.Now().Before(end); {
			time.Sleep(lookAgain / 20)
		}
		victim := random.IntN(len(workers))
		workers[victim].kill()
		t.Logf("%s is killed when %d parts were sent", workers[victim].name, after)
		workers[victim] = start(fmt.Sprintf("w%d-%d", victim, k)) // as an orchestrator does
	}
	r := l.end()
	if c := r.Counters; c.Listed != 2000 || c.Transferred+c.Skipped != 2000 || c.Held+c.Added != 2000 || c.Failed != 0 || c.Warnings != 0 {
		t.Errorf("counters %+v", c)
	}
	sent := map[string]int{}
	for _, request := range proxy.Requests() {
		if request.Operation == "UploadPart" {
			sent[request.Key+" "+request.Query.Get("partNumber")]++
		}
	}
	again := 0
	var which []string
	for part, n := range sent {
		if again += n - 1; n > 1 {
			which = append(which, part)
		}
	}
	if len(sent) != bigObjects*bigParts || again > kills*partsAtOnce {
		t.Errorf("of %d parts %d were sent again by %d kills: %s", len(sent), again, kills, strings.Join(which, ", "))
	}
	given := l.givenUp()
	if given == 0 {
		t.Error("no worker lost a lease, so this test shows nothing")
	}
	t.Logf("%d kills: %d leases given up, %d parts sent again of %d", kills, given, again, len(sent))
}
