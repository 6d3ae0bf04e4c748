package main

import (
	"bytes"
	"os/exec"
	"strconv"
	"testing"

	"s3sync/internal/listserver"
)

// TestHeldHeap: a run over ten thousand pairs ends before the collector would come for its
// garbage, and nobody who limits the memory of the heap gets more than that.
func TestHeldHeap(t *testing.T) {
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
	held, limited := collections(), collections("GOMEMLIMIT="+strconv.Itoa(1<<40))
	t.Logf("%d collections, %d with a limit", held, limited)
	if held > 5 || limited <= held {
		t.Errorf("%d collections, and %d with a limit of the heap", held, limited)
	}
}
