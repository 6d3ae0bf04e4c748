// Package spool keeps a list of objects that may exceed the memory: the objects to be
// deleted, until the run has shown that they may be deleted.
package spool

import (
	"bytes"
	"errors"
	"io"
	"iter"

	"s3sync/internal/record"
	"s3sync/storage"
)

// DefaultMemory is the number of bytes that a Spool keeps before it uses a file: about
// 15,000 objects.
const DefaultMemory = 1 << 20

// A Spool is a list of objects in the order in which they were appended. It is not safe
// for concurrent use.
type Spool struct {
	limit   int64
	memory  [][]byte // all data, in blocks, until there is a file
	size    int64    // bytes in memory
	file    *record.TempFile
	records *record.Writer
	err     error // of a write; the list is incomplete then
}

// New returns an empty list. Once it needs more than about limit bytes of memory, it
// uses a temporary file and little memory. limit <= 0 means [DefaultMemory].
func New(limit int64) *Spool {
	if limit <= 0 {
		limit = DefaultMemory
	}
	s := &Spool{limit: limit}
	s.records = record.NewWriter(writer{s})
	return s
}

// Append adds an object at the end. The error is that of the temporary file, or says
// that the object is too long. After an error every later call fails.
func (s *Spool) Append(o storage.Object) error {
	if s.err == nil {
		s.err = s.records.Append(o)
	}
	return s.err
}

// Len returns how many objects were appended.
func (s *Spool) Len() int64 { return s.records.Count() }

// All yields all objects in order, with their times in UTC. It may be repeated. Nothing
// may be appended while it runs. If the file is damaged or shortened, the last element
// is an error.
func (s *Spool) All() iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if s.err == nil {
			s.err = s.records.Flush()
		}
		if s.err != nil {
			yield(storage.Object{}, s.err)
			return
		}
		r := record.NewReader(s.content(), s.Len())
		for {
			o, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// content returns a reader of all written data.
func (s *Spool) content() io.Reader {
	if s.file == nil {
		blocks := make([]io.Reader, len(s.memory))
		for i, b := range s.memory {
			blocks[i] = bytes.NewReader(b)
		}
		return io.MultiReader(blocks...)
	}
	// Read one byte more than expected to detect a longer file.
	return io.NewSectionReader(s.file, 0, s.records.Size()+1)
}

// Close removes the temporary file, if there is one. Only Len may be called after it.
func (s *Spool) Close() error {
	s.err = errClosed
	s.memory = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.Close()
}

var errClosed = errors.New("spool is closed")

// writer receives whole blocks: it keeps them in memory first, then writes them to the
// file.
type writer struct{ s *Spool }

func (w writer) Write(p []byte) (int, error) {
	s := w.s
	if s.file == nil && s.size+int64(len(p)) > s.limit {
		if err := s.spill(); err != nil {
			return 0, err
		}
	}
	if s.file == nil {
		s.memory = append(s.memory, bytes.Clone(p))
		s.size += int64(len(p))
		return len(p), nil
	}
	return s.file.Write(p)
}

// spill moves the blocks in memory to a new file.
func (s *Spool) spill() error {
	f, err := record.CreateTemp()
	if err != nil {
		return err
	}
	s.file = f
	for _, b := range s.memory {
		if _, err := f.Write(b); err != nil {
			return err
		}
	}
	s.memory = nil
	return nil
}
