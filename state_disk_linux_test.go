package s3sync_test

import (
	"bytes"
	"os"
	"syscall"
	"testing"
)

// On a full disk, and on one that cannot be written, a run does what it does without state.
func TestStateOnBadDisk(t *testing.T) {
	for name, tt := range map[string]struct {
		size  string
		flags uintptr
		fill  bool
	}{
		"no room for a file": {size: "size=4k", fill: true},
		"no room to grow":    {size: "size=64k"},
		"read-only":          {size: "size=1m", flags: syscall.MS_RDONLY},
	} {
		t.Run(name, func(t *testing.T) {
			r := newDamagedRuns(t, 300)
			dir := t.TempDir()
			if err := syscall.Mount("tmpfs", dir, "tmpfs", tt.flags, tt.size); err != nil {
				t.Skipf("a file system cannot be mounted: %v", err)
			}
			t.Cleanup(func() {
				if err := syscall.Unmount(dir, 0); err != nil {
					t.Error(err)
				}
			})
			if tt.fill {
				_ = os.WriteFile(dir+"/full", bytes.Repeat([]byte("x"), 8<<10), 0o600) // until it is full
			}
			r.cfg.State.Dir = dir
			for range 2 {
				r.check(name, 1)
			}
		})
	}
}
