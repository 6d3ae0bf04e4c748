package state

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// A batch is written when it has so many records or bytes, or is so old.
	batchRecords = 4096
	batchBytes   = 1 << 20
	batchAge     = 2 * time.Second
	// maxPending is how many bytes wait for the disk before the run does.
	maxPending = 8 * batchBytes
	// allocSize, in bytes, is by how much a large file grows at once.
	allocSize = 1 << 20
	// fill is how full the pages of a table are made. Most keys come in their order.
	fill = 0.9
)

// A queue holds the records that are to be written. One goroutine writes them, so the run
// does not wait for the disk.
type queue struct {
	mu       sync.Mutex
	changed  *sync.Cond
	pending  batch
	spare    batch // memory of the batch before
	begun    int   // batches whose writing has begun
	written  int   // batches that were written
	writeErr error // nothing is written any more
	wake     chan struct{}
	end      chan struct{}
	ended    sync.WaitGroup
}

// A batch is a list of changes with their bytes.
type batch struct {
	bytes   []byte
	changes []change
}

// A change puts or removes one record. Its key and its record are bytes of the batch.
type change struct {
	table         tableID
	remove        bool
	key, end, rec int // the key is bytes[key:end], the record bytes[end:rec]
}

func (b *batch) key(c change) []byte    { return b.bytes[c.key:c.end] }
func (b *batch) record(c change) []byte { return b.bytes[c.end:c.rec] }

func (b *batch) due() bool { return len(b.changes) >= batchRecords || len(b.bytes) >= batchBytes }

// sort puts the changes in the order of the database, and keeps the last one of each key.
func (b *batch) sort() {
	slices.SortStableFunc(b.changes, func(x, y change) int {
		return cmp.Or(cmp.Compare(x.table, y.table), bytes.Compare(b.key(x), b.key(y)))
	})
	kept := b.changes[:0]
	for i, c := range b.changes {
		if i+1 < len(b.changes) {
			if next := b.changes[i+1]; next.table == c.table && bytes.Equal(b.key(next), b.key(c)) {
				continue
			}
		}
		kept = append(kept, c)
	}
	b.changes = kept
}

// start starts the goroutine that writes.
func (s *State) start() {
	s.changed = sync.NewCond(&s.mu)
	s.wake, s.end = make(chan struct{}, 1), make(chan struct{})
	s.ended.Go(s.writeAll)
}

// stop writes what is pending, and waits for the goroutine.
func (s *State) stop() {
	close(s.end)
	s.ended.Wait()
}

// add queues a change. It waits if the disk is far behind. fill appends the record; it is
// nil to remove one.
func (s *State) add(table tableID, key string, fill func([]byte) []byte) {
	if s == nil || s.broken.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.writeErr == nil && len(s.pending.bytes) > maxPending {
		s.changed.Wait()
	}
	if s.writeErr != nil {
		return
	}
	b := &s.pending
	c := change{table: table, remove: fill == nil, key: len(b.bytes)}
	b.bytes = append(b.bytes, key...)
	c.end = len(b.bytes)
	if fill != nil {
		b.bytes = seal(b.bytes, c.key, fill)
	}
	c.rec = len(b.bytes)
	b.changes = append(b.changes, c)
	if b.due() {
		s.hurry()
	}
}

// hurry wakes the goroutine.
func (s *State) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sync waits until everything that was added is on disk.
func (s *State) sync() error {
	if s == nil || s.broken.Load() {
		return errClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pending.changes) > 0 || s.written < s.begun {
		mine := s.begun
		if len(s.pending.changes) > 0 {
			mine++
		}
		s.hurry()
		for s.writeErr == nil && s.written < mine {
			s.changed.Wait()
		}
	}
	return s.writeErr
}

// writeAll writes batches until stop.
func (s *State) writeAll() {
	ticker := time.NewTicker(batchAge)
	defer ticker.Stop()
	for ended := false; !ended; {
		select {
		case <-s.wake:
		case <-ticker.C:
		case <-s.end:
			ended = true
		}
		s.write()
	}
}

// write writes the pending batch.
func (s *State) write() {
	s.mu.Lock()
	if len(s.pending.changes) == 0 || s.writeErr != nil {
		s.mu.Unlock()
		return
	}
	b := s.pending
	s.pending, s.spare = s.spare, batch{}
	s.begun++
	s.changed.Broadcast() // there is room
	s.mu.Unlock()

	b.sort()
	err := s.makeRoom(int64(len(b.bytes)))
	if err == nil {
		err = s.update(func(tx *bbolt.Tx) error { return b.write(tx) })
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = batch{b.bytes[:0], b.changes[:0]}
	s.written, s.writeErr = s.begun, err
	if err != nil {
		s.pending = batch{}
		s.failed(err)
	}
	s.changed.Broadcast()
}

func (b *batch) write(tx *bbolt.Tx) error {
	var to *bbolt.Bucket
	for i, c := range b.changes {
		if i == 0 || b.changes[i-1].table != c.table {
			var err error
			if to, err = tx.CreateBucketIfNotExists(c.table.bucket()); err != nil {
				return err
			}
			to.FillPercent = fill
		}
		var err error
		if c.remove {
			err = to.Delete(b.key(c))
		} else {
			err = to.Put(b.key(c), b.record(c))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// update changes the database, and makes the change durable. Only the goroutine of the queue
// calls it.
func (s *State) update(f func(*bbolt.Tx) error) error {
	panicked := true
	return s.use(func() error {
		defer func() { s.stuck = s.stuck || panicked }()
		err := s.db.Update(f)
		panicked = false
		if err == nil {
			s.tellChange()
		}
		return err
	})
}

// failed says that nothing is written any more.
func (s *State) failed(err error) {
	s.tell(true, fmt.Sprintf("the state for later runs cannot be written to %s: %v; the run goes on without it", s.base+extension, err))
}
