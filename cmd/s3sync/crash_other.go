//go:build !unix

package main

// disableCoreDumps does nothing: there are none.
func disableCoreDumps() {}
