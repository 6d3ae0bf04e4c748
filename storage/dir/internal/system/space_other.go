//go:build !linux && !darwin && !windows

package system

import "errors"

// Free is not known here.
func Free(string) (int64, error) { return 0, errors.ErrUnsupported }

// CheckWritable does nothing here.
func CheckWritable(string) error { return nil }
