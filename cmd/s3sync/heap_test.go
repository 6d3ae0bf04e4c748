package main

import (
	"bytes"
	"os/exec"
	"testing"

	"s3sync/internal/listserver"
)

// TestGCPercent: a heap is collected when it has leastHeap, but not much too late, and a
// large one as ever.
func TestGCPercent(t *testing.T) {
	const mib = 1 << 20
	for live, want := range map[uint64]int{0: 300, mib: 300, 5 * mib: 300, 8 * mib: 150, 10 * mib: 100, 100 * mib: 100} {
		if got := gcPercent(live); got != want {
			t.Errorf("%d MiB: %d%%, want %d%%", live/mib, got, want)
		}
	}
}

// TestCollectLessOften: a run over ten thousand pairs needs fewer collections than usual,
// unless the user sets another rule.
func TestCollectLessOften(t *testing.T) {
	const n = 10_000
	binary := build(t)
	server := listserver.New(t, map[string]listserver.Bucket{
		"source": {Objects: n, Key: listserver.Deep}, "target": {Objects: n, Key: listserver.Deep},
	})
	collections := func(env ...string) int {
		cmd := exec.CommandContext(t.Context(), binary, append(sides(server.URL), "-q", "s3://source/", "s3://target/")...)
		cmd.Env = append(append(cmd.Environ(), "GODEBUG=gctrace=1"), env...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return bytes.Count(out, []byte("\ngc ")) + 1
	}
	fewer, limited, usual := collections(), collections("GOMEMLIMIT=1TiB"), collections("GOGC=99")
	if fewer*2 > usual || fewer*2 > limited {
		t.Errorf("%d collections, and %d with a limit of the heap, %d by the usual rule", fewer, limited, usual)
	}
}
