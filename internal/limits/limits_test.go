package limits

import (
	"errors"
	"slices"
	"testing"

	"s3sync/internal/buffer"
	"s3sync/internal/setting"
)

// What no bound of memory can hold is an error that names the bound. A bound that
// the user gave stays.
func TestBufferTooLarge(t *testing.T) {
	for _, fixed := range []bool{false, true} {
		l := New(Options{Memory: 1 << 20, FixedMemory: fixed, Workers: 1, ParallelParts: 1})
		_, err := l.Buffer(t.Context(), 2<<20)
		const want = "buffer of 2097152 bytes: larger than the whole budget of memory (1048576 bytes), which Transfer.MaxMemory bounds"
		if !errors.Is(err, buffer.ErrTooLarge) || err.Error() != want || !slices.Equal(setting.Of(err), []string{"Transfer.MaxMemory"}) {
			t.Errorf("got %v, want %s", err, want)
		}
		l.RaiseMemory(2 << 20)
		b, err := l.Buffer(t.Context(), 2<<20)
		if (err != nil) != fixed {
			t.Errorf("fixed: %v, after the bound was raised: %v", fixed, err)
		}
		if err == nil {
			b.Release()
		}
	}
}

func TestDefaultMemory(t *testing.T) {
	const mib = 1 << 20
	for name, tt := range map[string]struct{ chunk, threshold, want int64 }{
		"small parts":   {8 * mib, 8 * mib, 256 * mib},
		"large parts":   {200 * mib, 8 * mib, 400 * mib},
		"large objects": {8 * mib, 500 * mib, 500 * mib},
	} {
		if got := DefaultMemory(tt.chunk, tt.threshold); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
