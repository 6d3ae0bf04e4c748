package state

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"

	"go.etcd.io/bbolt"
)

// A tableID names a table of the file.
type tableID uint8

// The tables.
const (
	tableDigests tableID = iota + 1
	tableUnfinished
	tableCopies
)

// bucket returns the name of the table in the file.
func (t tableID) bucket() []byte {
	switch t {
	case tableDigests:
		return []byte("digests")
	case tableUnfinished:
		return []byte("unfinished")
	case tableCopies:
		return []byte("copies")
	}
	return []byte("unknown")
}

// caches returns the tables whose oldest records may be removed to make room.
func caches() []tableID { return []tableID{tableDigests, tableCopies} }

// A table is a table of records of one type. All methods may be called concurrently. Those of
// a table of a nil *State find nothing and keep nothing.
type table[T any] struct {
	s  *State
	id tableID
	// encode appends a record, and decode reads one, or returns false. The bytes are valid
	// during the call.
	encode func([]byte, *T) []byte
	decode func([]byte) (T, bool)
}

// put keeps a record behind the run. Until it is written, get finds the one before.
func (t table[T]) put(key string, v *T) {
	t.s.add(t.id, key, func(b []byte) []byte { return t.encode(b, v) })
}

// putDurable keeps a record, and returns when it is on disk. What was put before is on disk
// then, too.
func (t table[T]) putDurable(key string, v *T) error {
	t.put(key, v)
	return t.s.sync()
}

// remove removes a record behind the run.
func (t table[T]) remove(key string) { t.s.add(t.id, key, nil) }

// get returns a record. A damaged record is not there.
func (t table[T]) get(key string) (v T, ok bool) {
	_ = t.s.view(func(tx *bbolt.Tx) error { // then it is not there
		if b := tx.Bucket(t.id.bucket()); b != nil {
			k := []byte(key)
			v, ok = t.open(k, b.Get(k))
		}
		return nil
	})
	return v, ok
}

func (t table[T]) open(key, sealed []byte) (v T, ok bool) {
	if record, _, intact := unseal(key, sealed); intact {
		return t.decode(record)
	}
	return v, false
}

// pageOfRecords is how many records are read at once.
const pageOfRecords = 256

// all calls f with each record whose key begins with prefix, in order of the keys, until f
// returns false. f may put and remove records. Damaged records are left out.
func (t table[T]) all(prefix string, f func(key string, v T) bool) {
	type record struct {
		key string
		v   T
	}
	page := make([]record, 0, pageOfRecords)
	for from := []byte(prefix); from != nil; {
		page = page[:0]
		next := []byte(nil)
		_ = t.s.view(func(tx *bbolt.Tx) error { // then there are no more
			b := tx.Bucket(t.id.bucket())
			if b == nil {
				return nil
			}
			c := b.Cursor()
			for key, sealed := c.Seek(from); key != nil && len(key) >= len(prefix) && string(key[:len(prefix)]) == prefix; key, sealed = c.Next() {
				if len(page) == pageOfRecords {
					next = append(next, key...)
					break
				}
				if v, ok := t.open(key, sealed); ok {
					page = append(page, record{string(key), v})
				}
			}
			return nil
		})
		for _, r := range page {
			if !f(r.key, r.v) {
				return
			}
		}
		from = beyond(from, next)
	}
}

// beyond returns the key from which reading goes on, or nil if it would not get on: in a
// damaged file keys can be out of order.
func beyond(from, next []byte) []byte {
	if bytes.Compare(next, from) <= 0 {
		return nil
	}
	return next
}

// A record in the file begins with a checksum of the key and of what follows, and with the
// second at which it was put.
const sealSize = 8

// seal appends a record to bytes that end in its key.
func seal(b []byte, key int, fill func([]byte) []byte) []byte {
	end := len(b)
	b = append(b, 0, 0, 0, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(time.Now().Unix())) //nolint:gosec // until 2106
	b = fill(b)
	binary.BigEndian.PutUint32(b[end:], sumOf(b[key:end], b[end+4:]))
	return b
}

// unseal returns a record and when it was put, unless it is damaged or there is none.
func unseal(key, sealed []byte) (record []byte, second uint32, intact bool) {
	if len(sealed) < sealSize || binary.BigEndian.Uint32(sealed) != sumOf(key, sealed[4:]) {
		return nil, 0, false
	}
	return sealed[sealSize:], binary.BigEndian.Uint32(sealed[4:]), true
}

func sumOf(key, rest []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli) // which is made once
	return crc32.Update(crc32.Update(0, table, key), table, rest)
}
