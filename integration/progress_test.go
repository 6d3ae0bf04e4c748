package integration_test

import (
	"path/filepath"
	"testing"

	"s3sync"
)

// TestProgressOnTheWire: the bytes of an object that is sent or received slowly count while
// they pass, not when all of them have.
func TestProgressOnTheWire(t *testing.T) {
	const size = 1 << 20
	s := startFrugal(t, size, 1)
	for name, tt := range map[string]struct {
		source, target s3sync.Endpoint
	}{
		"up":   {s.files(t, 1), s.bucket(0)},
		"down": {s.bucket(1), local(filepath.Join(t.TempDir(), "new"))},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(tt.source, tt.target)
			cfg.Transfer.BytesPerSecond = size
			var all []s3sync.Progress
			cfg.OnProgress = func(p s3sync.Progress) { all = append(all, p) }
			if _, err := s3sync.Sync(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			last := all[len(all)-1]
			if last.Done != 1 || last.Found != 1 || last.DoneBytes != size || last.FoundBytes != size || !last.Listed || last.Active != 0 {
				t.Errorf("at the end: %+v", last)
			}
			partly := 0
			for i, p := range all {
				if p.DoneBytes > 0 && p.DoneBytes < size && len(p.InFlight) == 1 && p.InFlight[0].Bytes == p.DoneBytes {
					partly++
				}
				if p.DoneBytes > p.FoundBytes || i > 0 && p.DoneBytes < all[i-1].DoneBytes {
					t.Errorf("%d of %d bytes", p.DoneBytes, p.FoundBytes)
				}
			}
			if partly < 2 {
				t.Errorf("%d of %d calls saw the object on its way", partly, len(all))
			}
		})
	}
}
