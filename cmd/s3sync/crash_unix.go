//go:build unix

package main

import "syscall"

// disableCoreDumps prevents core dumps, whose memory contains keys. If it fails, the
// settings of the system apply.
func disableCoreDumps() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur = 0
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
}
