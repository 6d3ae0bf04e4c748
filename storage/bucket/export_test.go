package bucket

import "time"

// Backoff is the pause after an attempt.
func Backoff(initial time.Duration, attempt int) time.Duration { return backoff(initial, attempt) }

// StartAfter is what a listing of a store with that prefix sends as start-after.
func StartAfter(prefix, from string) string {
	return (&Store{opts: Options{Prefix: prefix}}).startAfter(from)
}

// InXML reports whether XML can hold a text.
func InXML(text string) bool { return inXML(text) }

// ParseContentRange takes a Content-Range header apart.
func ParseContentRange(text string) (begin, end, size int64, ok bool) { return parseContentRange(text) }
