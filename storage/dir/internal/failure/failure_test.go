package failure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"s3sync/storage"
)

func TestWriteError(t *testing.T) {
	for name, tt := range map[string]struct {
		err       error
		want      error
		retryable bool
	}{
		"disk full":            {&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, storage.ErrFull, false},
		"quota":                {syscall.EDQUOT, storage.ErrFull, false},
		"read-only":            {syscall.EROFS, storage.ErrUnusable, false},
		"permission":           {&fs.PathError{Err: syscall.EACCES}, fs.ErrPermission, false},
		"not permitted":        {syscall.EPERM, fs.ErrPermission, false},
		"too many files":       {syscall.EMFILE, storage.ErrTransient, true},
		"name too long":        {syscall.ENAMETOOLONG, storage.ErrUnstorable, false},
		"name not allowed":     {syscall.EINVAL, storage.ErrUnstorable, false},
		"file in the way":      {&os.LinkError{Err: syscall.ENOTDIR}, storage.ErrUnstorable, false},
		"directory in the way": {&os.LinkError{Err: syscall.EEXIST}, storage.ErrUnstorable, false},
		"same, elsewhere":      {&os.LinkError{Err: syscall.EISDIR}, storage.ErrUnstorable, false},
		"file too large":       {syscall.EFBIG, storage.ErrUnstorable, false},
		"vanished":             {syscall.ENOENT, storage.ErrTransient, true},
		"vanished, no number":  {fmt.Errorf("find: %w", fs.ErrNotExist), storage.ErrTransient, true},
		"has a kind":           {Unusable(syscall.EACCES), storage.ErrUnusable, false},
		"has another kind":     {fmt.Errorf("%w: %w", storage.ErrUnstorable, syscall.EMFILE), storage.ErrUnstorable, false},
		"cancelled":            {context.Canceled, context.Canceled, false},
		"input and output":     {syscall.EIO, syscall.EIO, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Write(tt.err)
			if !errors.Is(err, tt.want) {
				t.Errorf("%v is not %v", err, tt.want)
			}
			if full := errors.Is(tt.want, storage.ErrFull); errors.Is(err, storage.ErrFull) != full {
				t.Errorf("%v is storage.ErrFull: %t, want %t", err, !full, full)
			}
			if storage.Gone(err) {
				t.Errorf("%v is fs.ErrNotExist: a source that vanished looks like that", err)
			}
			if got := storage.Retryable(err); got != tt.retryable {
				t.Errorf("Retryable(%v) = %v, want %v", err, got, tt.retryable)
			}
		})
	}
	for name, err := range map[string]error{"write": Write(syscall.ENAMETOOLONG), "read": Read(syscall.ENAMETOOLONG)} {
		if !strings.Contains(err.Error(), "too long") || storage.Gone(err) {
			t.Errorf("%s: %v; want that the name is too long", name, err)
		}
	}
	if err := Write(nil); err != nil {
		t.Errorf("Write(nil) = %v", err)
	}
}
