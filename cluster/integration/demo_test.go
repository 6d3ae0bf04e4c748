package integration_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"s3sync/cluster/internal/temporalserver"
	"s3sync/internal/s3server"
)

// TestDemo runs what `make cluster-demo` runs. It checks by itself what it shows.
func TestDemo(t *testing.T) {
	t.Parallel()
	shared.need(t)
	s3server.Tool(t, string(s3server.VersityGW))
	dir := t.TempDir()
	demo, err := build(t.Context(), dir, "demo", "s3sync/cluster/internal/demo")
	if err != nil {
		t.Fatal(err)
	}
	name := "s3sync-cluster"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if err := os.Link(shared.program, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
	engine, err := s3server.Program(temporalserver.Name)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), demo)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "S3SYNC_TOOLS="+filepath.Dir(engine))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "All 3000 objects are in the new bucket, and none was counted twice.") {
		t.Errorf("%v\n%s", err, out)
	}
}
