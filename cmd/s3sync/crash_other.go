//go:build !unix

package main

// disableCoreDumps does nothing: there are no core dumps.
func disableCoreDumps() {}
