package s3sync

import (
	"fmt"
	"sync/atomic"
)

// notes count what a user should know at the end of a run, because it is no
// warning, but may not be what was meant.
type notes struct {
	// sizes: objects skipped by their times although their sizes differ.
	sizes atomic.Int64
	// undecided: objects transferred that may have been the same.
	undecided atomic.Int64
}

// tellNotes emits them.
func (s *syncer) tellNotes() {
	if n := s.notes.sizes.Load(); n > 0 {
		s.report.emit(Event{Type: EventNote, Note: fmt.Sprintf(
			"%s skipped although the sizes differ, because the source is not newer; --check-mtime-and-size transfers such objects", objects(n))})
	}
	if n := s.notes.undecided.Load(); n > 0 {
		s.report.emit(Event{Type: EventNote, Note: fmt.Sprintf(
			"%s of the same size taken for different, because the ETags or checksums were made of other parts and do not tell; "+
				"--read-both compares the bytes of such objects", objects(n))})
	}
}

func objects(n int64) string {
	if n == 1 {
		return "1 object was"
	}
	return fmt.Sprintf("%d objects were", n)
}
