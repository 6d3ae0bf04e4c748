package checksum

import "golang.org/x/sys/cpu"

// md5x8 digests the next blocks of 64 bytes of 8 streams with AVX2. Each stream has that
// many at its pointer. The words of stream i are in element i of the rows of state.
//
//go:noescape
func md5x8(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)

// md5x16 does the same for 16 streams with AVX-512F.
//
//go:noescape
func md5x16(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)

// sha256x16 does the same with SHA-256.
//
//go:noescape
func sha256x16(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)

// multiMD5s returns what this processor can execute, the best first.
func multiMD5s() (can []multi) {
	if cpu.X86.HasAVX512F {
		can = append(can, multi{function: md5Function(), streams: 16, least: 2, advance: md5x16})
	}
	if cpu.X86.HasAVX2 {
		can = append(can, multi{function: md5Function(), streams: 8, least: 2, advance: md5x8})
	}
	return can
}

// multiSHA256s does the same for SHA-256.
func multiSHA256s() (can []multi) {
	if cpu.X86.HasAVX512F {
		can = append(can, multi{function: sha256Function(), streams: 16, advance: sha256x16})
	}
	return can
}
