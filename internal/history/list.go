package history

import (
	"iter"
	"strconv"

	"s3sync/internal/extsort"
	"s3sync/storage"
)

// listMemory is how many bytes of the versions of one key and side stay in memory:
// about 1,000 versions. The rest goes to a temporary file.
const listMemory = 200 << 10

// A list holds the versions of one key. They are added from the newest to the oldest
// and read in the opposite order. It is not for concurrent use.
type list struct {
	key    string
	sorter *extsort.Sorter // by place; nil while there is no version
	n      int64
}

func newList(key string) *list { return &list{key: key} }

func (l *list) len() int64 { return l.n }

// add adds the next older version.
func (l *list) add(v storage.Object) error {
	if l.sorter == nil {
		l.sorter = extsort.New(listMemory)
	}
	l.n++
	v.Key = placeOfAge(l.n)
	return l.sorter.Add(v)
}

// placeOfAge returns a sort key for the n-th youngest version. The oldest version has
// the smallest key. All keys have the same length.
func placeOfAge(n int64) string {
	const last = 999_999_999_999_999_999
	return strconv.FormatInt(last-n, 10)
}

// oldestFirst yields the versions. It may be repeated; nothing may be added after it.
func (l *list) oldestFirst() iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for v, err := range l.placed() {
			v.Key = l.key
			if !yield(v, err) {
				return
			}
		}
	}
}

// placed is like oldestFirst, but with the place of each version instead of its key. A
// newer version has a larger place.
func (l *list) placed() iter.Seq2[storage.Object, error] {
	if l.sorter == nil {
		return func(func(storage.Object, error) bool) {}
	}
	return l.sorter.Sorted()
}

func (l *list) close() error {
	if l.sorter == nil {
		return nil
	}
	return l.sorter.Close()
}
