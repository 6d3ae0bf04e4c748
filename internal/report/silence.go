package report

import (
	"fmt"
	"strings"
	"time"

	"s3sync/storage"
)

// silenceTime is the time without progress after which the user learns what the run
// waits for.
const silenceTime = 30 * time.Second

// A waitingSide is a side that can report what it waits for.
type waitingSide struct {
	name string
	storage.Waiter
}

// waitingSides returns the sides whose stores can report that. Either store may be nil.
func waitingSides(source, target storage.Store) []waitingSide {
	var sides []waitingSide
	if w, ok := storage.As[storage.Waiter](source); ok {
		sides = append(sides, waitingSide{"source", w})
	}
	if w, ok := storage.As[storage.Waiter](target); ok {
		sides = append(sides, waitingSide{"target", w})
	}
	return sides
}

// A silence is a time in which nothing happens in a run: no event, no byte read, no
// traffic on either side.
type silence struct {
	since  time.Time // of events and bytes
	events uint64
	bytes  int64
	next   time.Duration // the length at which the next note is due
}

// note returns the text for the user, or an empty text: there is a note after
// silenceTime, and each time that the silence has doubled. events and bytes are the
// totals until now.
func (s *silence) note(now time.Time, events uint64, bytes int64, sides []waitingSide) string {
	if events != s.events || bytes != s.bytes {
		s.events, s.bytes, s.since = events, bytes, now
	}
	quiet := now.Sub(s.since)
	var waiting []string
	for _, side := range sides {
		q, what := side.Waiting()
		quiet = min(quiet, q)
		if what != "" {
			waiting = append(waiting, "the "+side.name+": "+what)
		}
	}
	if quiet < silenceTime {
		s.next = silenceTime
		return ""
	}
	if quiet < s.next || len(waiting) == 0 {
		return ""
	}
	s.next = 2 * quiet
	return fmt.Sprintf("nothing has moved for %v; waiting for %s", quiet.Round(time.Second), strings.Join(waiting, "; "))
}
