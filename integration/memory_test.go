package integration_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
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
	Role string // "server", or what is measured: "sync" or "plan"
	URL  string // of the server
	// New objects are only in the source, Common ones on both sides, Doomed ones only in
	// the target.
	New, Common, Doomed int
}

// A measured is the result of a measured run.
type measured struct {
	Heap                          uint64 // peak of memory in use for objects, in bytes
	Seconds                       float64
	Transferred, Skipped, Deleted int64
	// Planned is how many actions a plan has, and PlanBytes its size.
	Planned, PlanBytes int64
	// ApplyHeap and ApplySeconds are those of the application of a plan as a dry run.
	ApplyHeap    uint64
	ApplySeconds float64
}

// TestMemoryOfComparison: a comparison of a million objects in two buckets, with a
// deletion of 100,000 more, needs as much heap as one of 10,000.
func TestMemoryOfComparison(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	binary := measuringBinary(t)
	const few, many, doomed = 10_000, 1_000_000, 100_000
	peak := map[int]uint64{}
	for _, n := range []int{few, many, many} {
		if peak[n] != 0 && isFlat(peak, few, many) {
			continue
		}
		m := measureIn(t, binary, comparison{Role: "sync", Common: n, Doomed: doomed})
		t.Logf("%d objects on both sides, %d only in the target: peak heap %.1f MiB, %.1f s", n, doomed, mib(m.Heap), m.Seconds)
		if m.Skipped != int64(n) || m.Deleted != doomed {
			t.Errorf("skipped %d, deleted %d", m.Skipped, m.Deleted)
		}
		least(peak, n, m.Heap)
	}
	flat(t, "a sync", peak, few, many)
}

// TestMemoryOfPlan: a plan of many actions is written and applied, as a dry run, with as
// much heap as one of few. S3SYNC_SOAK=1 plans ten million.
func TestMemoryOfPlan(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	few, many := 50_000, 250_000
	if os.Getenv("S3SYNC_SOAK") != "" {
		many = 10_000_000
	}
	binary := measuringBinary(t)
	planning, applying := map[int]uint64{}, map[int]uint64{}
	for _, n := range []int{few, many, many} {
		if planning[n] != 0 && isFlat(planning, few, many) && isFlat(applying, few, many) {
			continue
		}
		doomed := n / 10
		m := measureIn(t, binary, comparison{Role: "plan", New: n - doomed, Common: 1000, Doomed: doomed})
		t.Logf("a plan of %d actions has %.1f MiB; planning: peak heap %.1f MiB, %.1f s; applying as a dry run: %.1f MiB, %.1f s",
			n, float64(m.PlanBytes)/(1<<20), mib(m.Heap), m.Seconds, mib(m.ApplyHeap), m.ApplySeconds)
		if m.Planned != int64(n) || m.Transferred != int64(n-doomed) || m.Deleted != int64(doomed) {
			t.Errorf("of %d actions %d are planned; applied: %d transfers, %d deletions", n, m.Planned, m.Transferred, m.Deleted)
		}
		least(planning, n, m.Heap)
		least(applying, n, m.ApplyHeap)
	}
	flat(t, "a plan", planning, few, many)
	flat(t, "its application", applying, few, many)
}

// least keeps the least peak that was measured. On a busy machine garbage waits, so that one
// which is too high is measured again.
func least(peak map[int]uint64, n int, heap uint64) {
	if peak[n] == 0 || heap < peak[n] {
		peak[n] = heap
	}
}

func isFlat(peak map[int]uint64, few, many int) bool { return peak[many] <= peak[few]+peak[few]*3/10 }

// flat checks that many objects need about as much heap as few.
func flat(t *testing.T, what string, peak map[int]uint64, few, many int) {
	t.Helper()
	if !isFlat(peak, few, many) {
		t.Errorf("%s of %d objects needs %d bytes of heap, of %d %d", what, many, peak[many], few, peak[few])
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

// measuringBinary builds the binary of this test without the race detector, which needs
// memory itself.
func measuringBinary(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "integration.test")
	if out, err := exec.CommandContext(t.Context(), "go", "test", "-c", "-race=false", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// measureIn measures a run in a process of its own, against a server in another one.
func measureIn(t *testing.T, binary string, c comparison) (m measured) {
	t.Helper()
	role := c.Role
	c.Role = "server"
	server, stdin, stdout := child(t, binary, c)
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	c.Role, c.URL = role, strings.TrimSpace(line)
	measuring, _, out := child(t, binary, c)
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
	return m
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
	switch c.Role {
	case "sync":
		m, err := c.sync()
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(m))
	case "plan":
		m, err := c.plan()
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(m))
	}
	total := c.Common + c.Doomed
	server, err := listserver.Start(map[string]listserver.Bucket{
		"source": {Objects: c.New + c.Common, Key: func(i int) string {
			if i < c.New {
				return listserver.Deep(i)
			}
			return listserver.Deep(c.New + (i-c.New)*total/c.Common)
		}},
		"target": {Objects: total, Key: func(i int) string { return listserver.Deep(c.New + i) }},
	})
	if err != nil {
		return err
	}
	defer server.Close()
	fmt.Println(server.URL)
	_, err = io.Copy(io.Discard, os.Stdin) // until the parent has ended
	return err
}

// config returns the settings of a measured run.
func (c *comparison) config() *s3sync.Config {
	side := s3sync.Endpoint{EndpointURL: c.URL, PathStyle: true, Region: "us-east-1", AccessKey: "access", SecretKey: "secret"}
	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = side, side
	cfg.Source.URL, cfg.Target.URL = "s3://source", "s3://target"
	cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
	cfg.Check.Mode = s3sync.CheckMtimeAndSize
	return cfg
}

// sync measures a sync.
func (c *comparison) sync() (m measured, err error) {
	var report *s3sync.Report
	m.Heap, m.Seconds = watched(func() { report, err = s3sync.Sync(context.Background(), c.config()) })
	m.Skipped, m.Deleted = report.Skipped, report.Deleted
	return m, err
}

// plan measures how a plan is made, and applied as a dry run.
func (c *comparison) plan() (m measured, err error) {
	file, err := os.CreateTemp("", "plan")
	if err != nil {
		return m, err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	defer file.Close()
	var report *s3sync.Report
	m.Heap, m.Seconds = watched(func() { report, err = s3sync.Plan(context.Background(), c.config(), file) })
	if err != nil {
		return m, err
	}
	m.Planned = report.Transferred + report.Deleted
	info, err := file.Stat()
	if err != nil {
		return m, err
	}
	m.PlanBytes = info.Size()
	own := c.config()
	own.DryRun = true
	m.ApplyHeap, m.ApplySeconds = watched(func() { report, err = s3sync.Apply(context.Background(), own, file) })
	m.Transferred, m.Deleted = report.Transferred, report.Deleted
	return m, err
}

// watched returns the largest heap in use while a function runs, and how long it took.
func watched(run func()) (peak uint64, seconds float64) {
	ctx, stop := context.WithCancel(context.Background())
	watching := make(chan uint64)
	go func() { watching <- watchHeap(ctx) }()
	began := time.Now()
	run()
	seconds = time.Since(began).Seconds()
	stop()
	return <-watching, seconds
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
