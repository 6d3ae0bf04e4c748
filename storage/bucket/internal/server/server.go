// Package server remembers what was seen of a server. Not every one knows every call
// of S3, or every header. What a server lacks is found out at the first need,
// remembered, and done without. The user is told once.
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
)

// A Server is what was seen of one. Its methods may be called concurrently.
type Server struct {
	tell    func(storage.Notice)
	noticed sync.Map // texts of notices that were told

	mu sync.Mutex

	missing, known map[string]bool
}

// New returns a server of which nothing was seen yet. tell may be nil.
func New(tell func(storage.Notice)) *Server { return &Server{tell: tell} }

// Notice tells the user something of the server, once.
func (s *Server) Notice(n storage.Notice) {
	if s.tell == nil {
		return
	}
	if _, told := s.noticed.LoadOrStore(n.Text, true); !told {
		s.tell(n)
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

// OrWithout makes a request with something that the server may lack, and without it
// if it is refused for what may be that reason. If it succeeds then, the rest of the
// run goes without.
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
