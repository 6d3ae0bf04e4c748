package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"s3sync/internal/listserver"
)

// TestMemoryDoesNotGrowWithObjects: a run over a million objects needs as much memory
// as one over ten thousand, even if all of them wait to be deleted. Listings that are
// made in several parts at once have pages on their way, which ten thousand objects do not
// fill, but two hundred thousand do. The binary is built without the race detector, which
// needs memory itself.
func TestMemoryDoesNotGrowWithObjects(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes a minute and reads /proc")
	}
	const many, most = 1_000_000, 64 << 20
	serial := []string{"--max-parallel-listings", "1"}
	binary := build(t)
	for name, tt := range map[string]struct {
		few       int
		arguments []string
		source    func(n int) int // number of objects
		summary   string
		// growth is the allowed growth in percent. One object kept in memory needs
		// about 200 bytes, so a million objects would need a thousand percent.
		growth int64
	}{
		"compare":               {200_000, nil, func(n int) int { return n }, "skipped %d objects", 30},
		"compare, page by page": {10_000, serial, func(n int) int { return n }, "skipped %d objects", 30},
		"delete":                {200_000, nil, func(int) int { return 1 }, "deleted %d objects", 50},
		"delete, page by page":  {10_000, serial, func(int) int { return 1 }, "deleted %d objects", 50},
	} {
		t.Run(name, func(t *testing.T) {
			peak := func(n int) int64 {
				source := tt.source(n)
				server := listserver.New(t, map[string]listserver.Bucket{
					"source": {Objects: source, Key: listserver.Deep},
					"target": {Objects: n, Key: listserver.Deep},
				})
				arguments := append(sides(server.URL), "--dry-run", "--delete", "--max-delete-percent", "100", "-q", "s3://source/", "s3://target/")
				out, memory := runMeasured(t, exec.CommandContext(t.Context(), binary, append(arguments, tt.arguments...)...))
				want := n
				if source != n {
					want = n - source
				}
				if text := fmt.Sprintf(tt.summary, want); !bytes.Contains(out, []byte(text)) {
					t.Errorf("%q is not in the output:\n%s", text, out)
				}
				t.Logf("%d objects: peak %d MiB", n, memory>>20)
				return memory
			}
			needed := growsLittle(t, peak, tt.few, many, tt.growth)
			if needed > most { // on a busy machine garbage waits
				needed = min(needed, peak(many))
			}
			if needed > most {
				t.Errorf("%d objects need %d MiB", many, needed>>20)
			}
		})
	}
}

// build builds the command without the race detector.
func build(t *testing.T) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "s3sync.exe") // Windows runs nothing that is named otherwise
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return binary
}

// sides are the arguments for two sides on one server.
func sides(url string) []string {
	var args []string
	for _, side := range []string{"--source-", "--target-"} {
		args = append(args, side+"endpoint-url", url, side+"force-path-style", side+"region", "us-east-1",
			side+"access-key", "k", side+"secret-access-key", "s")
	}
	return args
}

// growsLittle checks that the peak of memory for many is at most growth percent above
// the peak for few. On a busy machine the garbage collector is late, so the smallest of
// several peaks counts. It returns the peak for many.
func growsLittle(t *testing.T, peak func(n int) int64, few, many int, growth int64) int64 {
	t.Helper()
	p, q := peak(few), peak(many)
	for range 2 {
		if q > p+p*growth/100 {
			q = min(q, peak(many))
		}
	}
	if q > p+p*growth/100 {
		t.Errorf("%d need %d MiB, %d need %d MiB", few, p>>20, many, q>>20)
	}
	return q
}

// TestMemoryDoesNotGrowWithVersions: a hundred thousand versions of one object need
// little more memory than a thousand, which are all kept in memory. The target has half
// of the versions.
func TestMemoryDoesNotGrowWithVersions(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes some seconds and reads /proc")
	}
	const few, many = 1_000, 100_000
	binary := build(t)
	for name, tt := range map[string]struct {
		arguments []string
		want      func(n int) int // number of transferred versions
	}{
		"versions":      {[]string{"--enable-versioning"}, func(n int) int { return n - n/2 }},
		"point in time": {[]string{"--point-in-time", "2025-01-01T00:00:00Z"}, func(int) int { return 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			peak := func(n int) int64 {
				server := listserver.New(t, map[string]listserver.Bucket{
					"source": {Objects: 1, Versions: n}, "target": {Objects: 1, Versions: n / 2},
				})
				args := append([]string{"--dry-run", "-q"}, tt.arguments...)
				args = append(append(args, sides(server.URL)...), "s3://source/", "s3://target/")
				out, memory := runMeasured(t, exec.CommandContext(t.Context(), binary, args...))
				text := fmt.Sprintf("transferred %3d objects", tt.want(n))
				if !bytes.Contains(out, []byte(text)) {
					t.Errorf("%q is not in the output:\n%s", text, out)
				}
				t.Logf("%d versions: peak %d MiB", n, memory>>20)
				return memory
			}
			growsLittle(t, peak, few, many, 50)
		})
	}
}

// TestMemoryDoesNotGrowWithFilters: the same for a run whose filter requests the tags
// of 2,000 objects, which are all that the update check selects of a million.
func TestMemoryDoesNotGrowWithFilters(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes half a minute and reads /proc")
	}
	const few, many, asked = 10_000, 1_000_000, 2000
	binary := build(t)
	growsLittle(t, func(n int) int64 {
		server := listserver.New(t, map[string]listserver.Bucket{
			"source": {Objects: n, Key: listserver.Deep, Tag: "number"}, "target": {Objects: n - asked, Key: listserver.Deep},
		})
		out, memory := runMeasured(t, exec.CommandContext(t.Context(), binary, append(sides(server.URL), "--dry-run", "-q",
			"--filter-include-tag-regex", "^number=.*7$", "s3://source/", "s3://target/")...))
		text := fmt.Sprintf("skipped %d objects", n-asked/10)
		if head, tags := server.Head.Load(), server.Tagging.Load(); !bytes.Contains(out, []byte(text)) || head != asked || tags != asked {
			t.Errorf("%d HEADs, %d times tags; %q is not in the output:\n%s", head, tags, text, out)
		}
		t.Logf("%d objects: peak %d MiB", n, memory>>20)
		return memory
	}, few, many, 30)
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// runMeasured runs a command and returns its output and its observed peak of resident
// memory in bytes. The peak that the kernel reports afterwards would include that of
// this process.
func runMeasured(t *testing.T, cmd *exec.Cmd) (out []byte, peak int64) {
	t.Helper()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	status := fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if data, err := os.ReadFile(status); err == nil {
			if m := highWater.FindSubmatch(data); m != nil {
				kib, _ := strconv.ParseInt(string(m[1]), 10, 64)
				peak = max(peak, kib<<10)
			}
		}
		select {
		case err := <-ended:
			if err != nil || peak == 0 {
				t.Fatalf("%v: %v, peak %d\n%s", cmd, err, peak, output.Bytes())
			}
			return output.Bytes(), peak
		case <-tick.C:
		}
	}
}
