package extsort

import (
	"iter"

	"s3sync/storage"
)

// Lines sorts texts by their keys, as a Sorter sorts objects. It is not for concurrent
// use.
type Lines struct{ sorter *Sorter }

// NewLines returns an empty Lines. limit is that of New.
func NewLines(limit int64) *Lines { return &Lines{New(limit)} }

// Add adds a text of at most a MiB. It fails like Sorter.Add. It does not keep text.
func (l *Lines) Add(key string, text []byte) error {
	return l.sorter.Add(storage.Object{Key: key, ETag: string(text)}) // the field for any text
}

// Sorted yields all texts in ascending byte order of their keys, like Sorter.Sorted.
// A text is valid until the next one.
func (l *Lines) Sorted() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var buf []byte
		for o, err := range l.sorter.Sorted() {
			buf = append(buf[:0], o.ETag...)
			if !yield(buf, err) || err != nil {
				return
			}
		}
	}
}

// Close removes the temporary file, if there is one. No other method may follow.
func (l *Lines) Close() error { return l.sorter.Close() }
