package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	perWorker = 400 // objects a second
	scaleTime = 12  // seconds that a run takes
	scaleSize = 16  // prefixes
)

// TestWorkersAddUp copies on one worker and on several, each with a limit of 400 objects a
// second: n workers do at least 0.9 n times what one does. The model answers after 5 ms, and
// takes 500 requests a second for each of 16 prefixes. S3SYNC_SOAK=1 has four workers, too.
func TestWorkersAddUp(t *testing.T) {
	counts := []int{2}
	if soaks() {
		counts = append(counts, 4)
	}
	one := objectsPerSecond(t, 1)
	for _, n := range counts {
		rate := objectsPerSecond(t, n)
		t.Logf("%d workers: %.0f objects/s, %.2f times one worker (%.0f)", n, rate, rate/one, one)
		if rate < 0.9*float64(n)*one {
			t.Errorf("%d workers do %.0f objects/s, and one does %.0f", n, rate, one)
		}
	}
}

// objectsPerSecond measures n workers with four slots each, from the first object to the last
// one.
func objectsPerSecond(t *testing.T, n int) float64 {
	t.Helper()
	objects := n * perWorker * scaleTime
	m := newModel(t, objects, map[string]func(i int) state{
		"source": func(int) state { return current },
		"target": func(int) state { return absent },
	})
	m.delay, m.perPrefix = 5*time.Millisecond, 500
	l := newLab(t, sharedEngine(t), fmt.Sprintf("scale-%d", n), ofModel(m)...)
	for i := range n {
		l.worker(fmt.Sprintf("w%d", i), "--slots", "4")
	}
	ranges := 4 * n
	var splits strings.Builder
	for i := 1; i < ranges; i++ {
		splits.WriteString(m.keys[i*objects/ranges] + "\n")
	}
	file := filepath.Join(l.dir, "splits")
	if err := os.WriteFile(file, []byte(splits.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	l.submit("source", "target", "--splits", file, "--in-flight", strconv.Itoa(ranges), "--rate-limit-objects", strconv.Itoa(n*perWorker))
	r := l.end()
	m.same(t, "source", "target")
	c := m.now()
	if r.Counters.Transferred != int64(objects) || c.Puts != int64(objects) || c.SlowDown > 0 {
		t.Errorf("%d objects transferred by %d requests, %d throttled, want %d", r.Counters.Transferred, c.Puts, c.SlowDown, objects)
	}
	return float64(objects) / c.Ended.Sub(c.Began).Seconds()
}

// TestLeasesAreFew counts the leases of a job whose leases are short, so that the number for
// many objects can be computed: docs/cluster.md does that.
func TestLeasesAreFew(t *testing.T) {
	t.Parallel()
	const leaseKeys = 2000
	same := func(int) state { return current }
	m := newModel(t, madeUp, map[string]func(i int) state{"source": same, "target": same})
	l := newLab(t, sharedEngine(t), "leases", ofModel(m)...)
	l.worker("w1")
	l.worker("w2")
	began := time.Now()
	l.submit("source", "target", "--check-size", "--ranges", "16", "--in-flight", "8", "--lease-keys", strconv.Itoa(leaseKeys), "--checkpoint-keys", "1000")
	r := l.end()
	took := time.Since(began)
	keys := r.Counters.Listed + r.Counters.Held
	most := keys/leaseKeys + int64(2*r.Ranges)
	if keys != 2*madeUp || r.Leases > most {
		t.Errorf("%d leases for %d keys in %d ranges, more than %d", r.Leases, keys, r.Ranges, most)
	}
	t.Logf("%d leases of %d keys for %d keys in %d ranges: %.2f for each full lease; %.0f leases/s in %s",
		r.Leases, leaseKeys, keys, r.Ranges, float64(r.Leases)*leaseKeys/float64(keys), float64(r.Leases)/took.Seconds(), took.Round(time.Millisecond))
}
