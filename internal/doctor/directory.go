package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"s3sync/storage"
)

// readable lists the beginning of a source directory.
func (d *doctor) readable(ctx context.Context, s *side) finding {
	for _, err := range s.store.List(ctx, storage.ListOptions{}) {
		if err != nil {
			return found(Failure, "%v", reason(err))
		}
		return found(OK, "can be read")
	}
	return found(OK, "has no files")
}

// writable asks the system whether the target may be written.
func (d *doctor) writable(ctx context.Context, s *side) finding {
	if err := s.folder.CheckWritable(); err != nil {
		return unless(d.writes(), fmt.Errorf("files cannot be made there: %w", err))
	}
	for _, err := range s.store.List(ctx, storage.ListOptions{}) {
		if err != nil {
			return found(Failure, "%v", reason(err))
		}
		return found(OK, "can be written")
	}
	return found(OK, "can be written, and has no files yet")
}

// little is what free space is called little.
const little = 1 << 30

// space tells how much can be written. How much is needed only the run finds out.
func (d *doctor) space(_ context.Context, s *side) finding {
	free, err := s.folder.Free()
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return found(NotChecked, "the system does not tell")
	case err != nil:
		return found(NotChecked, "%v", reason(err))
	case free < little && d.writes():
		return found(Warning, "only %s", bytesOf(free))
	}
	return found(OK, "%s", bytesOf(free))
}

// letterCase tells whether keys that differ only in case can both be stored.
func (d *doctor) letterCase(_ context.Context, s *side) finding {
	folds, known, err := s.folder.FoldsCase()
	switch {
	case err != nil && !errors.Is(err, fs.ErrPermission):
		return found(NotChecked, "%v", reason(err))
	case err != nil, !known:
		return found(NotChecked, "there is no name by which to find out")
	case folds:
		return found(Warning, "names that differ only in case are one file").
			hint("of such keys only one is written, and each other one is a warning of the run")
	}
	return found(OK, "names that differ only in case are different files")
}

// bytesOf returns a size for people.
func bytesOf(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	size := float64(n)
	for _, unit := range units {
		if size < 1024 {
			if unit == "B" || size == float64(int64(size)) {
				return fmt.Sprintf("%.0f %s", size, unit)
			}
			return fmt.Sprintf("%.1f %s", size, unit)
		}
		size /= 1024
	}
	return fmt.Sprintf("%.0f EiB", size)
}
