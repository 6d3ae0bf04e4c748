// Package extsort sorts a listing into ascending byte order of the keys in bounded
// memory: sorted runs go to a temporary file and are merged.
package extsort

import (
	"cmp"
	"errors"
	"io"
	"iter"
	"slices"

	"s3sync/internal/record"
	"s3sync/storage"
)

// DefaultMemory is how many bytes of objects a Sorter keeps before it writes a
// run: about 200,000 objects.
const DefaultMemory = 48 << 20

// objectSize is the memory of an Object in bytes without its strings, and with the
// rounding of their allocations.
const objectSize = 112

// fanIn is how many runs are merged at once; each needs about 64 KiB.
const fanIn = 64

// A Sorter takes objects in any order and gives them back sorted. It is not for
// concurrent use.
type Sorter struct {
	limit   int64
	fanIn   int
	objects []storage.Object // not in a run yet
	size    int64            // bytes that objects take
	file    *runFile         // of all runs; nil while memory is enough
	sorted  bool             // nothing may be added any more
	err     error            // of the file; some added objects are then missing
}

// New returns an empty Sorter that keeps about limit bytes of objects in
// memory, and the rest in a temporary file. limit <= 0 is [DefaultMemory].
func New(limit int64) *Sorter {
	if limit <= 0 {
		limit = DefaultMemory
	}
	return &Sorter{limit: limit, fanIn: fanIn}
}

// Add adds an object. It fails if the temporary file fails or the object is too long.
// After an error every later call fails.
func (s *Sorter) Add(o storage.Object) error {
	if s.err != nil {
		return s.err
	}
	if s.sorted {
		return errors.New("extsort: Add after Sorted")
	}
	s.objects = append(s.objects, o)
	s.size += objectSize + int64(len(o.Key)+len(o.ETag)+len(o.VersionID))
	if s.size >= s.limit {
		s.err = s.writeRun()
	}
	return s.err
}

// Sorted yields all added objects in ascending byte order of the keys. Objects with
// the same key keep the order in which they were added. It may be repeated; nothing
// may be added after it. If a file fails or is damaged, the last element is an error.
func (s *Sorter) Sorted() iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if err := s.finish(); err != nil {
			yield(storage.Object{}, err)
			return
		}
		if s.file == nil {
			for _, o := range s.objects {
				if !yield(o, nil) {
					return
				}
			}
			return
		}
		m, err := newMerge(s.file, s.file.runs)
		for err == nil {
			var o storage.Object
			o, err = m.next()
			if err == nil && !yield(o, nil) {
				return
			}
		}
		if !errors.Is(err, io.EOF) {
			yield(storage.Object{}, err)
		}
	}
}

// Close removes the temporary file, if there is one. No other method may follow.
func (s *Sorter) Close() error {
	s.err = errClosed
	s.objects = nil
	if s.file == nil {
		return nil
	}
	f := s.file
	s.file = nil
	return f.temp.Close()
}

var errClosed = errors.New("sorter is closed")

// finish prepares everything for one merge.
func (s *Sorter) finish() error {
	if s.err != nil || s.sorted {
		return s.err
	}
	if s.file == nil {
		sortObjects(s.objects)
		s.sorted = true
		return nil
	}
	if len(s.objects) > 0 {
		s.err = s.writeRun()
	}
	s.objects = nil
	for s.err == nil && len(s.file.runs) > s.fanIn {
		s.err = s.mergePass()
	}
	s.sorted = s.err == nil
	return s.err
}

func sortObjects(objects []storage.Object) {
	slices.SortStableFunc(objects, func(a, b storage.Object) int { return cmp.Compare(a.Key, b.Key) })
}

// writeRun sorts what is in memory and moves it to the file.
func (s *Sorter) writeRun() error {
	if s.file == nil {
		f, err := newRunFile()
		if err != nil {
			return err
		}
		s.file = f
	}
	sortObjects(s.objects)
	objects := s.objects
	err := s.file.add(func(w *record.Writer) error {
		for _, o := range objects {
			if err := w.Append(o); err != nil {
				return err
			}
		}
		return nil
	})
	clear(s.objects) // frees the strings
	s.objects, s.size = s.objects[:0], 0
	return err
}

// mergePass merges groups of neighbouring runs into a new file, which replaces the old
// one.
func (s *Sorter) mergePass() error {
	merged, err := newRunFile()
	if err != nil {
		return err
	}
	for group := range slices.Chunk(s.file.runs, s.fanIn) {
		err = errors.Join(err, merged.add(func(w *record.Writer) error {
			m, err := newMerge(s.file, group)
			for err == nil {
				var o storage.Object
				if o, err = m.next(); err == nil {
					err = w.Append(o)
				}
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}))
		if err != nil {
			return errors.Join(err, merged.temp.Close())
		}
	}
	old := s.file
	s.file = merged
	return old.temp.Close()
}

// A runFile holds sorted runs one behind the other.
type runFile struct {
	temp *record.TempFile
	runs []run
	size int64
}

// A run is a stretch of a file.
type run struct {
	off, size int64 // bytes
	count     int64 // objects
}

func newRunFile() (*runFile, error) {
	temp, err := record.CreateTemp()
	if err != nil {
		return nil, err
	}
	return &runFile{temp: temp}, nil
}

// add appends a run with the output of write.
func (f *runFile) add(write func(*record.Writer) error) error {
	w := record.NewWriter(f.temp)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	f.runs = append(f.runs, run{off: f.size, size: w.Size(), count: w.Count()})
	f.size += w.Size()
	return nil
}

func (f *runFile) reader(r run) *record.Reader {
	return record.NewReader(io.NewSectionReader(f.temp, r.off, r.size), r.count)
}
