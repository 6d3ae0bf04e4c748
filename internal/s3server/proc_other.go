//go:build !linux

package s3server

import "syscall"

// ProcessAttributes lets a process be as any other: it does not die with this one.
func ProcessAttributes() *syscall.SysProcAttr { return nil }

func keepsAttributes(string) bool { return false }
