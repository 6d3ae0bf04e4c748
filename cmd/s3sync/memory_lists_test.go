package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"s3sync/internal/inventorytest"
	"s3sync/internal/listserver"
	"s3sync/storage"
)

// TestMemoryDoesNotGrowWithManifests: a manifest of a million objects is written and
// verified with as much memory as one of a hundred thousand. S3SYNC_SOAK=1 takes ten million.
func TestMemoryDoesNotGrowWithManifests(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes a minute and reads /proc")
	}
	few, many := 100_000, 1_000_000
	if os.Getenv("S3SYNC_SOAK") != "" {
		many = 10_000_000
	}
	binary, dir := build(t), t.TempDir()
	measure := func(args ...string) (string, int64) {
		began := time.Now()
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Env = append(os.Environ(), "TMPDIR="+dir, "XDG_STATE_HOME="+dir)
		out, memory := runMeasured(t, cmd)
		t.Logf("%s: peak %d MiB, %.1f s", args[0], memory>>20, time.Since(began).Seconds())
		return string(out), memory
	}
	tries := 0
	name := func(n int) string { return filepath.Join(dir, fmt.Sprint(n, "-", tries, ".zst")) }
	serve := func(n int) *listserver.Server {
		return listserver.New(t, map[string]listserver.Bucket{"source": {Objects: n, Key: listserver.Deep}, "target": {Objects: n, Key: listserver.Deep}})
	}
	growsLittle(t, func(n int) int64 {
		tries++
		server := serve(n)
		defer server.Close()
		_, memory := measure(append([]string{"s3://source/", "s3://target/", "-q", "--manifest", name(n)}, sides(server.URL)...)...)
		return memory
	}, few, many, 40)
	written := tries
	growsLittle(t, func(n int) int64 {
		tries = written
		if n == few {
			tries = 1
		}
		server := serve(n)
		defer server.Close()
		out, memory := measure("verify", "--manifest", name(n), "--target-endpoint-url", server.URL, "--target-force-path-style",
			"--target-region", "us-east-1", "--target-access-key", "k", "--target-secret-access-key", "s")
		if text := fmt.Sprintf("\n%d as recorded ", n); !strings.Contains(out, text) {
			t.Errorf("%q is not in the output:\n%s", text, out)
		}
		return memory
	}, few, many, 40)
	growsLittle(t, func(n int) int64 {
		tries = written
		if n == few {
			tries = 1
		}
		out, memory := measure("verify", "--manifest", name(n), "--key", listserver.Deep(n/2))
		if !strings.Contains(out, `"s3sync-proof"`) {
			t.Errorf("no proof:\n%s", out)
		}
		return memory
	}, few, many, 40)
}

// TestMemoryDoesNotGrowWithInventories: an inventory of a million objects, not in order, leads
// to the decisions that their listing leads to, with as much memory as one of three hundred
// thousand.
func TestMemoryDoesNotGrowWithInventories(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("takes a minute and reads /proc")
	}
	const few, many = 300_000, 1_000_000
	binary, dir := build(t), t.TempDir()
	for _, parquet := range []bool{false, true} {
		t.Run(map[bool]string{false: "CSV", true: "Parquet"}[parquet], func(t *testing.T) {
			growsLittle(t, func(n int) int64 {
				o := inventorytest.Options{Bucket: "source", Folder: "f", Parquet: parquet, PerFile: 200_000}
				files, err := inventorytest.Write(func(yield func(storage.Object) bool) {
					for i := range n {
						if !yield(storage.Object{Key: listserver.Deep(i * 7919 % n), ModTime: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), ETag: "d41d8cd98f00b204e9800998ecf8427e"}) {
							return
						}
					}
				}, o)
				if err != nil {
					t.Fatal(err)
				}
				server := listserver.New(t, map[string]listserver.Bucket{
					"source": {Objects: n, Key: listserver.Deep}, "inventories": {Files: maps.Clone(files)},
					"target": {Objects: n / 3, Key: func(i int) string { return listserver.Deep(3 * i) }},
				})
				defer server.Close()
				var decisions [2]string
				var peak int64
				for i, list := range [][]string{nil, {"--source-inventory", "s3://inventories/" + o.Manifest()}} {
					began := time.Now()
					cmd := exec.CommandContext(t.Context(), binary, append(append(sides(server.URL), list...), "--dry-run", "-v", "s3://source/", "s3://target/")...)
					cmd.Env = append(os.Environ(), "TMPDIR="+dir)
					out, memory := runMeasured(t, cmd)
					copies, skips, digest := decided(out)
					if copies != n-n/3 || skips != n/3 {
						t.Errorf("%d copies, %d skipped", copies, skips)
					}
					decisions[i], peak = digest, memory
					t.Logf("%d objects %q: peak %d MiB, %.1f s", n, list, memory>>20, time.Since(began).Seconds())
				}
				if decisions[0] != decisions[1] {
					t.Error("the decisions differ")
				}
				return peak
			}, few, many, 40)
		})
	}
}

// decided counts what a dry run would do with objects, and returns a digest of these lines.
func decided(out []byte) (copies, skips int, digest string) {
	sum := sha256.New()
	for line := range bytes.Lines(out) {
		switch {
		case bytes.HasPrefix(line, []byte("copy ")):
			copies++
		case bytes.HasPrefix(line, []byte("skip ")):
			skips++
		default:
			continue
		}
		sum.Write(line)
	}
	return copies, skips, fmt.Sprintf("%x", sum.Sum(nil))
}
