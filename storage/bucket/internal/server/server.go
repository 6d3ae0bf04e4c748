// Package server remembers what a server supports. Some servers do not know all calls
// and headers of S3. What a server lacks is detected at the first use and remembered.
// Later requests are made without it. The user is notified once.
package server

import (
	"sync"

	"s3sync/storage"
)

// What servers may lack, beside what writes carry.
const (
	RestoreStatus = "optional attributes of listings"
	Batches       = "DeleteObjects"
	DeleteIfMatch = "conditions of DELETE"
	ChecksumMode  = "checksums in answers"
	Tags          = "tags"
	IfMatch       = "If-Match"
	IfNoneMatch   = "If-None-Match"
)

// A Server is what is known of a server. Its methods may be called concurrently.
type Server struct {
	notify  func(storage.Notice)
	noticed sync.Map // texts of notices that were passed on

	mu sync.Mutex

	missing, known map[string]bool
}

// New returns a Server of which nothing is known yet. notify may be nil.
func New(notify func(storage.Notice)) *Server { return &Server{notify: notify} }

// Notice passes a notice on to the user. Each text is passed on once.
func (s *Server) Notice(n storage.Notice) {
	if s.notify == nil {
		return
	}
	if _, again := s.noticed.LoadOrStore(n.Text, true); !again {
		s.notify(n)
	}
}

// Lacks reports whether the server was seen not to know something.
func (s *Server) Lacks(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.missing[name]
}

// Knows reports whether the server was seen to know something.
func (s *Server) Knows(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[name]
}

// SetMissing remembers that the server does not know something.
func (s *Server) SetMissing(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.missing == nil {
		s.missing = map[string]bool{}
	}
	s.missing[name] = true
}

// SetKnown remembers that the server knows something.
func (s *Server) SetKnown(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil {
		s.known = map[string]bool{}
	}
	for _, name := range names {
		s.known[name] = true
	}
}

// OrWithout makes a request with something that the server may lack. If the request is
// refused and that may be the reason, OrWithout makes it without. If that succeeds, later
// requests of the run are made without, too.
func OrWithout[T any](s *Server, name string, refused func(error) bool, request func(with bool) (T, error)) (T, error) {
	if s.Lacks(name) {
		return request(false)
	}
	result, err := request(true)
	if err == nil || !refused(err) {
		return result, err
	}
	less, lessErr := request(false)
	switch {
	case lessErr == nil:
		s.SetMissing(name)
		return less, nil
	case storage.Retryable(lessErr):
		return less, lessErr
	}
	return result, err
}
