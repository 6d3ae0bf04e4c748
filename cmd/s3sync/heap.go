package main

import (
	"math"
	"runtime/debug"
)

// leastHeap is how many bytes are allocated between two collections at least, and half of
// that is the memory that it may take. Little of a run lives for long: without this, the
// collector would come each 4 MiB, which takes a tenth of the CPU time of small objects.
const leastHeap = 32 << 20

// holdHeap makes the collector come less often while the heap is small. It reserves memory
// that nothing is ever written to, so that it takes address space alone. The caller keeps it
// until the end. There is none if the user limits the memory of the heap, because it would
// count.
func holdHeap() []byte {
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return nil
	}
	return make([]byte, leastHeap/2)
}
