package integration_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/faultproxy"
)

// TestHostileSessions: an invalid session of a directory bucket ends the run soon, the
// run is not a success, and the target stays unchanged.
func TestHostileSessions(t *testing.T) {
	for name, lie := range nonsense() {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // some servers let it wait
			srv, honest := newDirectories(t)
			root := t.TempDir()
			write(t, root, "a", []byte("new"))
			sync(t, config(local(root), inDirectory(honest, directoryA)))
			proxy := faultproxy.New(t, srv.URL, "CreateSession "+lie+" maybe")

			target := t.TempDir()
			write(t, target, "a", []byte(oldData))
			write(t, target, "x", []byte("extraneous"))
			cfg := config(inDirectory(proxy, directoryA), local(target))
			cfg.Check.Mode, cfg.Delete.Enable = s3sync.CheckOverwrite, true
			cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 1
			cfg.Timeout.Read = 10 * time.Second
			if strings.HasSuffix(name, "for ever") {
				cfg.Timeout.Read = 150 * time.Millisecond
			}
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errTooLong)
			defer cancel()
			o := runIn(ctx, t, cfg)
			if errors.Is(o.err, errTooLong) {
				t.Errorf("it does not end\n%s", o.log)
			}
			got, err := os.ReadFile(filepath.Join(target, "a"))
			if err != nil {
				t.Fatal(err)
			}
			_, gone := os.Stat(filepath.Join(target, "x"))
			switch {
			case o.err == nil && (string(got) != "new" || gone == nil):
				t.Errorf("it tells of a success: %q, %v", got, gone)
			case o.err != nil && (!bytes.Equal(got, []byte(oldData)) || gone != nil):
				t.Errorf("it fails, and has changed the target: %q, %v", got, gone)
			case o.err != nil:
				oneLine(t, o.err)
			}
			if told := proxy.Hits("CreateSession "+lie+" maybe") > 0; o.err != nil && !told {
				t.Errorf("without any nonsense: %v", o.err)
			}
			t.Log(o.err)
		})
	}
}
