package checksum

import (
	"crypto/md5"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestHasher(t *testing.T) {
	h := NewHasher()
	defer h.Close()
	var blocks sync.WaitGroup
	r := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, 55, 56, 64, 1000, 1 << 16, 5<<16 + 3} {
		for range 20 {
			p := make([]byte, size)
			_, _ = r.Read(p)
			blocks.Go(func() {
				if got, want := h.MD5(p), md5.Sum(p); got != want {
					t.Errorf("%d bytes: %x, want %x", size, got, want)
				}
			})
		}
	}
	blocks.Wait()
}

// BenchmarkHasher digests 16 blocks of 8 MiB at once, as a transfer of one large
// object does.
func BenchmarkHasher(b *testing.B) {
	h := NewHasher()
	defer h.Close()
	for name, f := range map[string]func([]byte) [md5.Size]byte{"crypto": md5.Sum, "simd": h.MD5} {
		b.Run(name, func(b *testing.B) {
			p := make([]byte, 8<<20)
			b.SetBytes(16 * int64(len(p)))
			for b.Loop() {
				var blocks sync.WaitGroup
				for range 16 {
					blocks.Go(func() { f(p) })
				}
				blocks.Wait()
			}
		})
	}
}
