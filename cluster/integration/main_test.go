// Package integration_test runs jobs on a real Temporal server, with workers that are
// processes of the built s3sync-cluster, and with S3 servers of which some are real and some
// are made up.
//
// The tests need the program temporal-server, which `make test-full` builds, and skip in a
// short run or if it is missing: S3SYNC_TEST_MUST_RUN=temporal-server does not let them.
// S3SYNC_SOAK=1 has longer outages, more kills and PostgreSQL: `make soak`.
package integration_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"s3sync/cluster/internal/temporalserver"
	"s3sync/internal/s3server"
)

func TestMain(m *testing.M) { os.Exit(shared.main(m)) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func soaks() bool { return os.Getenv("S3SYNC_SOAK") != "" }

// shared is what all tests use. Nothing else lives as long as the process.
var shared fixtures

type fixtures struct {
	once    sync.Once
	dir     string
	program string // s3sync-cluster
	engine  *temporalserver.Server
	err     error
}

// main runs the tests, and ends what they share.
func (f *fixtures) main(m *testing.M) int {
	defer func() {
		if f.engine != nil {
			f.engine.Kill()
		}
		_ = os.RemoveAll(f.dir) // the system removes it some time
	}()
	return s3server.Main(m)
}

// need builds the programs and starts the engine that tests share which do no harm to it.
func (f *fixtures) need(t *testing.T) {
	t.Helper()
	s3server.Tool(t, temporalserver.Name)
	f.once.Do(func() { f.err = f.start(context.WithoutCancel(t.Context())) })
	if f.err != nil {
		t.Fatal(f.err)
	}
}

func (f *fixtures) start(ctx context.Context) (err error) {
	if f.dir, err = os.MkdirTemp("", "s3sync-cluster-test-"); err != nil {
		return err
	}
	if f.program, err = build(ctx, f.dir, "s3sync-cluster", "s3sync/cluster/cmd/s3sync-cluster"); err != nil {
		return err
	}
	f.engine, err = temporalserver.Start(ctx, temporalserver.Options{Dir: f.dir})
	return err
}

// build builds a program of the module.
func build(ctx context.Context, dir, name, pkg string) (string, error) {
	program := filepath.Join(dir, name+".exe") // Windows runs nothing that is named otherwise
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, pkg).CombinedOutput(); err != nil {
		return "", errors.Join(fmt.Errorf("go build %s: %w", pkg, err), errors.New(string(out)))
	}
	return program, nil
}

// ownEngine starts an engine for one test, which may do harm to it.
func ownEngine(t *testing.T, opts temporalserver.Options) *temporalserver.Server {
	t.Helper()
	shared.need(t)
	opts.Dir = t.TempDir()
	engine, err := temporalserver.Start(context.WithoutCancel(t.Context()), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(engine.Kill)
	return engine
}

// sharedEngine returns the engine of all tests.
func sharedEngine(t *testing.T) *temporalserver.Server {
	t.Helper()
	shared.need(t)
	return shared.engine
}
