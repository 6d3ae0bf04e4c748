package s3sync

import (
	"errors"
	"iter"
	"strconv"

	"s3sync/internal/extsort"
	"s3sync/storage"
)

// historyMemory is how many bytes of the versions of one key and side stay in
// memory, of about 1,000. What is beyond goes to a temporary file.
const historyMemory = 200 << 10

// A history is a list of versions of one key, which come from the newest to the
// oldest and are needed the other way round. It is not for concurrent use.
type history struct {
	key    string
	sorter *extsort.Sorter // by place; nil while there is none
	n      int64
}

func newHistory(key string) *history { return &history{key: key} }

func (h *history) len() int64 { return h.n }

// add adds the version that is next in age.
func (h *history) add(v storage.Object) error {
	if h.sorter == nil {
		h.sorter = extsort.New(historyMemory)
	}
	h.n++
	v.Key = placeOfAge(h.n)
	return h.sorter.Add(v)
}

// placeOfAge is a sort key for the n-th youngest, under which the oldest is first.
// All have the same length.
func placeOfAge(n int64) string {
	const last = 999_999_999_999_999_999
	return strconv.FormatInt(last-n, 10)
}

// oldestFirst yields the versions. It may be repeated; nothing may be added any
// more.
func (h *history) oldestFirst() iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for v, err := range h.placed() {
			v.Key = h.key
			if !yield(v, err) {
				return
			}
		}
	}
}

// placed is oldestFirst with the place of each version, which is larger for a
// newer one, instead of the key.
func (h *history) placed() iter.Seq2[storage.Object, error] {
	if h.sorter == nil {
		return func(func(storage.Object, error) bool) {}
	}
	return h.sorter.Sorted()
}

func (h *history) close() error { return closeSorters(h.sorter) }

// closeSorters closes what is not nil.
func closeSorters(sorters ...*extsort.Sorter) error {
	var err error
	for _, s := range sorters {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	return err
}
