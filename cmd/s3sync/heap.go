package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// leastHeap is the size in bytes up to which the heap may grow before it is collected.
	leastHeap = 20 << 20
	// mostPercent bounds how much of the heap may be garbage, so that a heap that grows fast
	// is not collected much too late once.
	mostPercent = 300
)

// collectLessOften makes the garbage collector come less often while the heap is small:
// else it would come every 4 MiB, which takes a tenth of the CPU time of small objects.
// Larger heaps are collected as ever. A user who sets GOMEMLIMIT, or GOGC to anything but
// the usual 100, decides alone.
func collectLessOften() {
	const usual = 100 // https://pkg.go.dev/runtime#hdr-Environment_Variables
	if given := debug.SetGCPercent(usual); given != usual || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		debug.SetGCPercent(given)
		return
	}
	// What the collector scans, of which the percentage is taken.
	scanned := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	percent := usual
	// The collector calls the finalizer of something unreachable after each collection.
	type unreachable [64]byte
	var after func(*unreachable)
	after = func(u *unreachable) {
		metrics.Read(scanned)
		var live uint64
		for _, s := range scanned {
			live += s.Value.Uint64()
		}
		if wanted := gcPercent(live); wanted != percent {
			debug.SetGCPercent(wanted)
			percent = wanted
		}
		runtime.SetFinalizer(u, after)
	}
	after(new(unreachable))
}

// gcPercent returns how much may be allocated until the next collection, in percent of what
// is live, in bytes.
func gcPercent(live uint64) int {
	if live >= leastHeap/2 {
		return 100
	}
	return int(min(100*(leastHeap-live)/max(live, 1), mostPercent))
}
