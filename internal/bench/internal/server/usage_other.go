//go:build !unix

package server

import "time"

func ownCPU() time.Duration { return 0 }
