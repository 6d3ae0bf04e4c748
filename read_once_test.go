package s3sync_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// Every byte of the source is read once and no byte of the target, in every direction,
// however the object is cut and verified.
func TestEveryByteIsReadOnce(t *testing.T) {
	const mib = s3sync.MiB
	const kib = 1 << 10
	sizes := map[string]int{"empty": 0, "byte": 1, "small": 1000, "threshold": 5 * kib, "parts": 19*kib + 7}
	verifications := map[string]s3sync.Verify{
		"nothing":       {Checksum: true},
		"ETag":          {ETag: true, Multipart: true, Checksum: true},
		"checksum":      {Algorithm: "SHA256", ReadChecksum: true, Checksum: true, Multipart: true},
		"both":          {ETag: true, Multipart: true, Algorithm: "SHA256", ReadChecksum: true, Checksum: true},
		"both, another": {ETag: true, Multipart: true, Algorithm: "CRC64NVME", ReadChecksum: true, Checksum: true},
	}
	total := 0
	from := mem.New()
	root := t.TempDir()
	for name, size := range sizes {
		o := object{Data: storagetest.Text(name[0], size)}.With("SHA256", false)
		if size > 9*kib {
			o = o.In(9*kib, size-9*kib) // other parts than those to be written
		}
		o.Write(t, from, name)
		if err := os.WriteFile(filepath.Join(root, name), []byte(o.Data), 0o600); err != nil {
			t.Fatal(err)
		}
		total += size
	}
	for _, way := range []string{"up", "down", "across", "across, as it is", "across, streamed"} {
		for name, verify := range verifications {
			t.Run(fmt.Sprint(way, "/", name), func(t *testing.T) {
				source, target := &faulty{Store: from}, &faulty{Store: mem.New()}
				cfg := config(source, target)
				cfg.Verify = verify
				if way == "up" || way == "down" || way == "across" {
					cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5*mib, 5*mib
				}
				switch way {
				case "up":
					source.Store = openDir(t, root)
					cfg.Verify.ReadChecksum = false
				case "down":
					target.Store = openDir(t, t.TempDir())
					cfg.Verify.Algorithm = ""
				case "across, as it is":
					cfg.Transfer.AutoChunkSize = true
				case "across, streamed":
					cfg.Transfer.AutoChunkSize = true
					cfg.Transfer.MaxMemory = 16 * mib
					cfg.Verify.Algorithm = ""
				}
				var read atomic.Int64
				source.read = func(_ string, p []byte, _ int64) error {
					read.Add(int64(len(p)))
					return nil
				}
				report := runSmall(t, cfg)
				if int(report.Transferred) != len(sizes) || report.Warnings != 0 {
					t.Errorf("%+v", report.Stats)
				}
				if got := read.Load(); got != int64(total) || report.TransferredBytes != got || target.called("open") > 0 {
					t.Errorf("%d bytes read of %d, the target opened %d times", got, total, target.called("open"))
				}
			})
		}
	}
}

func openDir(t *testing.T, root string) storage.Store {
	t.Helper()
	s, err := dir.Open(root, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
