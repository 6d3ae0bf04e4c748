package checksum

import "golang.org/x/sys/cpu"

// md5x8 digests the next blocks of 64 bytes of 8 streams with AVX2. Each stream has that
// many at its pointer. The words of stream i are in element i of the rows of state.
//
//go:noescape
func md5x8(state *md5State, at *[maxStreams]*byte, blocks int, k *[64]uint32)

// md5x16 does the same for 16 streams with AVX-512F.
//
//go:noescape
func md5x16(state *md5State, at *[maxStreams]*byte, blocks int, k *[64]uint32)

// multiMD5s returns what this processor can execute, the best first.
func multiMD5s() (can []multiMD5) {
	if cpu.X86.HasAVX512F {
		can = append(can, multiMD5{16, md5x16})
	}
	if cpu.X86.HasAVX2 {
		can = append(can, multiMD5{8, md5x8})
	}
	return can
}
