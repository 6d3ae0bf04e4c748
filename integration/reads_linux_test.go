package integration_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
)

// TestBytesReadByTheProcess: the operating system counts the bytes that the process
// reads from files and connections. They are the data once and little more, even if
// ETags and additional checksums of both sides are verified.
// proc_pid_io(5), rchar.
func TestBytesReadByTheProcess(t *testing.T) {
	srv := s3server.Shared(t, s3server.VersityGW)
	root, source, target := t.TempDir(), newBucket(t, srv), newBucket(t, srv)
	const large, small, count = 100 * s3sync.MiB, 10_000, 50
	write(t, root, "large", random(1, large))
	for i := range count {
		write(t, root, fmt.Sprint("small-", i), random(byte(i), small))
	}
	const size = large + count*small
	for _, way := range []struct {
		name     string
		from, to s3sync.Endpoint
	}{
		{"up", local(root), source.at("")},
		{"between buckets", source.at(""), target.at("")},
		{"down", source.at(""), local(t.TempDir())},
	} {
		t.Run(way.name, func(t *testing.T) {
			cfg := config(way.from, way.to)
			cfg.Verify.ReadChecksum = way.name != "up"
			if way.name != "down" {
				cfg.Verify.Algorithm = "SHA256"
			}
			before := readSoFar(t)
			report := sync(t, cfg)
			got := readSoFar(t) - before
			t.Logf("%d bytes were read of %d: %.4f times", got, size, float64(got)/size)
			if report.ETagVerified != count+1 || report.ChecksumVerified != count+1 {
				t.Errorf("%+v", report.Stats)
			}
			// Headers and listings come on top.
			if got < size || got > size*102/100+s3sync.MiB/2 {
				t.Errorf("%d bytes were read of %d", got, size)
			}
		})
	}
}

// readSoFar returns the bytes that this process has read since it started.
func readSoFar(t *testing.T) int64 {
	t.Helper()
	data, err := os.ReadFile("/proc/self/io")
	if err != nil {
		t.Skip(err)
	}
	var n int64
	if _, err := fmt.Sscanf(strings.TrimSpace(string(data)), "rchar: %d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}
