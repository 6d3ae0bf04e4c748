//go:build !linux

package s3server

import "syscall"

func processAttributes() *syscall.SysProcAttr { return nil }

func keepsAttributes(string) bool { return false }
