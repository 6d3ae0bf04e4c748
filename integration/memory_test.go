package integration_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/listserver"
)

// childVariable turns another process of this test binary into a server for a
// measurement, or into the measured run.
const childVariable = "S3SYNC_INTEGRATION_CHILD"

// A comparison is one measurement, as the processes receive it.
type comparison struct {
	Role string // "server" or "run"
	URL  string // of the server
	// Common objects are on both sides, Doomed ones only in the target.
	Common, Doomed int
}

// A measured is the result of a measured run.
type measured struct {
	Heap             uint64 // peak of memory in use for objects, in bytes
	Seconds          float64
	Skipped, Deleted int64
}

// TestMemoryOfComparison: a comparison of a million objects in two buckets, with a
// deletion of 100,000 more, needs as much heap as one of 10,000.
func TestMemoryOfComparison(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	// Without the race detector, which needs memory itself.
	binary := filepath.Join(t.TempDir(), "integration.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-race=false", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const few, many, doomed = 10_000, 1_000_000, 100_000
	peak := map[int]uint64{}
	for _, n := range []int{few, many} {
		c := comparison{Role: "server", Common: n, Doomed: doomed}
		server, stdin, stdout := child(t, binary, c)
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		c.Role, c.URL = "run", strings.TrimSpace(line)
		measuring, _, out := child(t, binary, c)
		var m measured
		if err := json.NewDecoder(out).Decode(&m); err != nil {
			t.Fatal(err)
		}
		if err := measuring.Wait(); err != nil {
			t.Fatal(err)
		}
		_ = stdin.Close() // ends the server
		if err := server.Wait(); err != nil {
			t.Fatal(err)
		}
		t.Logf("%d objects on both sides, %d only in the target: peak heap %.1f MiB, %.1f s", n, doomed, float64(m.Heap)/(1<<20), m.Seconds)
		if m.Skipped != int64(n) || m.Deleted != doomed {
			t.Errorf("skipped %d, deleted %d", m.Skipped, m.Deleted)
		}
		peak[n] = m.Heap
	}
	if peak[many] > peak[few]+peak[few]*3/10 {
		t.Errorf("%d objects need %d bytes of heap, %d need %d", many, peak[many], few, peak[few])
	}
}

func child(t *testing.T, binary string, c comparison) (*exec.Cmd, io.Closer, io.Reader) {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = append(os.Environ(), childVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdin, stdout
}

// beChild is the main function of a child process.
func beChild(text string) error {
	var c comparison
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if c.Role == "run" {
		return json.NewEncoder(os.Stdout).Encode(c.measure())
	}
	total := c.Common + c.Doomed
	server, err := listserver.Start(map[string]listserver.Bucket{
		"source": {Objects: c.Common, Key: func(i int) string { return listserver.Deep(i * total / c.Common) }},
		"target": {Objects: total, Key: listserver.Deep},
	})
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(server.URL)
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent has ended
	return err
}

// measure runs the comparison and watches the heap.
func (c *comparison) measure() measured {
	side := s3sync.Endpoint{EndpointURL: c.URL, PathStyle: true, Region: "us-east-1", AccessKey: "access", SecretKey: "secret"}
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = side, side
	cfg.Source.URL, cfg.Target.URL = "s3://source", "s3://target"
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	cfg.Check.Mode = s3sync.CheckMtimeAndSize

	ctx, stop := context.WithCancel(context.Background())
	peak := make(chan uint64)
	go func() { peak <- watchHeap(ctx) }()
	began := time.Now()
	report, err := s3sync.Sync(context.Background(), cfg)
	took := time.Since(began).Seconds()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return measured{Heap: <-peak, Seconds: took, Skipped: report.Skipped, Deleted: report.Deleted}
}

// watchHeap returns the largest heap in use that it observed until ctx ended.
func watchHeap(ctx context.Context) (peak uint64) {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		metrics.Read(samples)
		peak = max(peak, samples[0].Value.Uint64()+samples[1].Value.Uint64())
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return peak
}
