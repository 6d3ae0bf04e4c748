package checksum

import (
	"crypto/md5"
	"sync/atomic"

	md5simd "github.com/minio/md5-simd"
)

// fewBlocks is the smallest number of blocks at once that uses the wide registers.
// Fewer blocks are digested one by one, as the registers would be too empty. It is low
// because a block that is digested alone keeps a processor busy, so that on a small
// machine there would never be many at once.
const fewBlocks = 2

// A Hasher computes the MD5 digests of blocks. MD5 cannot use more than a
// fraction of a core for one block; where the processor has wide registers, a
// Hasher works on up to 16 blocks at once, in about a third of the time in all.
// It may be used concurrently.
type Hasher struct {
	server md5simd.Server
	active atomic.Int32 // blocks that are being digested
}

// NewHasher returns a Hasher, which runs a goroutine until Close.
func NewHasher() *Hasher { return &Hasher{server: md5simd.NewServer()} }

// MD5 returns the digest of p.
func (h *Hasher) MD5(p []byte) (sum [md5.Size]byte) {
	defer h.active.Add(-1)
	if h.active.Add(1) < fewBlocks {
		return md5.Sum(p)
	}
	hash := h.server.NewHash()
	defer hash.Close()
	_, _ = hash.Write(p) // never fails, see hash.Hash
	hash.Sum(sum[:0])
	return sum
}

// Close ends the Hasher. No MD5 may be running, and none may follow.
func (h *Hasher) Close() { h.server.Close() }
