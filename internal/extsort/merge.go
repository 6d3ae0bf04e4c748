package extsort

import (
	"errors"
	"io"

	"s3sync/internal/record"
	"s3sync/storage"
)

// A merge reads several runs as one. It is a binary heap of the runs by their next
// object. Runs with the same key are in the order they were written.
type merge struct{ heap []source }

// A source is one run and its next object.
type source struct {
	object storage.Object
	order  int
	reader *record.Reader
}

func (s *source) before(t *source) bool {
	if s.object.Key != t.object.Key {
		return s.object.Key < t.object.Key
	}
	return s.order < t.order
}

func newMerge(f *runFile, runs []run) (*merge, error) {
	m := &merge{heap: make([]source, 0, len(runs))}
	for i, r := range runs {
		s := source{order: i, reader: f.reader(r)}
		var err error
		if s.object, err = s.reader.Next(); err != nil {
			return nil, err // no run is empty, so io.EOF does not come here
		}
		m.heap = append(m.heap, s)
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

// next returns the smallest object that is left, or io.EOF.
func (m *merge) next() (storage.Object, error) {
	if len(m.heap) == 0 {
		return storage.Object{}, io.EOF
	}
	top := &m.heap[0]
	least := top.object
	o, err := top.reader.Next()
	switch {
	case err == nil:
		top.object = o
	case errors.Is(err, io.EOF):
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap[last] = source{}
		m.heap = m.heap[:last]
	default:
		return storage.Object{}, err
	}
	m.down(0)
	return least, nil
}

// down moves element i down to its place.
func (m *merge) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(m.heap) {
			return
		}
		if right := child + 1; right < len(m.heap) && m.heap[right].before(&m.heap[child]) {
			child = right
		}
		if !m.heap[child].before(&m.heap[i]) {
			return
		}
		m.heap[i], m.heap[child] = m.heap[child], m.heap[i]
		i = child
	}
}
