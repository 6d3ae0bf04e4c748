package state

import (
	"maps"
	"slices"

	"go.etcd.io/bbolt"
)

// evictRecords is how many records are removed in one transaction, whose memory they bound.
const evictRecords = 10_000

// makeRoom removes the oldest records of caches if the file would become too large with so
// many bytes more. Then it removes a quarter of their bytes.
func (s *State) makeRoom(more int64) error {
	var used int64
	err := s.view(func(tx *bbolt.Tx) error {
		used = tx.Size()
		return nil
	})
	if err != nil {
		return err
	}
	stats := s.db.Stats()
	used -= int64(stats.FreePageN+stats.PendingPageN) * int64(s.db.Info().PageSize)
	if used+2*more <= s.opts.MaxSize {
		return nil
	}
	for _, t := range caches() {
		before, err := s.oldest(t)
		if err != nil {
			return err
		}
		if err := s.evict(t, before); err != nil {
			return err
		}
	}
	return nil
}

// oldest returns the second before which a quarter of the bytes of a table was put, or more.
func (s *State) oldest(t tableID) (second uint32, err error) {
	ages := ages{bytes: map[uint32]int64{}}
	err = s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(t.bucket())
		if b == nil {
			return nil
		}
		return b.ForEach(func(key, sealed []byte) error {
			_, at, _ := unseal(key, sealed) // a damaged one is the oldest
			ages.add(at, int64(len(key)+len(sealed)))
			return nil
		})
	})
	return ages.quarter(), err
}

// ages counts bytes by the time when they were put, in spans of 1<<shift seconds.
type ages struct {
	bytes map[uint32]int64
	shift uint
	total int64
}

// maxSpans bounds the spans of ages.
const maxSpans = 4096

func (a *ages) add(second uint32, n int64) {
	a.bytes[second>>a.shift] += n
	a.total += n
	for len(a.bytes) > maxSpans { // spans that are far apart stay as many at first
		coarser := make(map[uint32]int64, len(a.bytes))
		for span, n := range a.bytes {
			coarser[span>>1] += n
		}
		a.bytes, a.shift = coarser, a.shift+1
	}
}

// quarter returns the end of the span that completes a quarter of all bytes.
func (a *ages) quarter() (second uint32) {
	old := int64(0)
	for _, span := range slices.Sorted(maps.Keys(a.bytes)) {
		if old += a.bytes[span]; old >= a.total/4 {
			return (span + 1) << a.shift
		}
	}
	return 0
}

// evict removes the records of a table that were put before a second.
func (s *State) evict(t tableID, before uint32) error {
	for from := []byte{}; from != nil; {
		var old [][]byte
		var next []byte
		err := s.view(func(tx *bbolt.Tx) error {
			b := tx.Bucket(t.bucket())
			if b == nil {
				return nil
			}
			c := b.Cursor()
			for key, sealed := c.Seek(from); key != nil; key, sealed = c.Next() {
				if len(old) == evictRecords {
					next = slices.Clone(key)
					break
				}
				if _, at, intact := unseal(key, sealed); !intact || at < before {
					old = append(old, slices.Clone(key))
				}
			}
			return nil
		})
		if err == nil {
			err = s.update(func(tx *bbolt.Tx) error { return removeAll(tx, t, old) })
		}
		if err != nil {
			return err
		}
		from = beyond(from, next)
	}
	return nil
}

func removeAll(tx *bbolt.Tx, t tableID, keys [][]byte) error {
	b := tx.Bucket(t.bucket())
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
