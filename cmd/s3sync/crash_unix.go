//go:build unix

package main

import "syscall"

// disableCoreDumps keeps the memory of a crash, with the keys in it, from being
// written to a file. Where that fails the system's own rule holds.
func disableCoreDumps() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
}
