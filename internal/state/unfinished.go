package state

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"sync"
)

// Unfinished are the records of what was begun in the target and not finished. They are
// small, and nothing but their removal makes room.
//
// A record that is not durable goes to the database with a later batch. Until then it is
// also in a log, a file beside the database: what was written there outlives the process,
// though not the loss of power. All methods may be called concurrently, except Close.
type Unfinished struct {
	table[[]byte]

	mu   sync.Mutex
	log  *os.File // nil if there is none
	size int64    // of the log
}

const (
	logFile = ".parts"
	// maxLog is the size in bytes from which the log begins anew.
	maxLog = 4 << 20
	// maxLogged is the longest record that is read from a log, in bytes.
	maxLogged = 1 << 20
)

// Unfinished opens the records of unfinished objects. The caller closes them before the
// State. It is called once for a State.
func (s *State) Unfinished() *Unfinished {
	u := &Unfinished{table: table[[]byte]{
		s: s, id: tableUnfinished,
		encode: func(b []byte, v *[]byte) []byte { return append(b, *v...) },
		decode: func(b []byte) ([]byte, bool) { return append([]byte(nil), b...), true },
	}}
	if s == nil {
		return u
	}
	if err := u.openLog(); err != nil && u.log != nil {
		_ = u.log.Close() // then the last records of a killed run are lost
		u.log = nil
	}
	return u
}

// openLog opens the log, moves what a killed run left there into the database, and begins
// it anew.
func (u *Unfinished) openLog() error {
	name := u.s.base + logFile
	if fi, err := os.Lstat(name); err == nil && !fi.Mode().IsRegular() {
		return &unusableError{"the log is not a regular file"}
	}
	var err error
	if u.log, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := u.replay(); err != nil {
		return err
	}
	return u.restart()
}

// replay puts the intact records of the log. It ends at the first one that is not.
func (u *Unfinished) replay() error {
	for {
		key, record, err := readLogged(u.log)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errLogged) {
			return nil
		}
		if err != nil {
			return err
		}
		u.put(string(key), &record)
	}
}

var errLogged = errors.New("a record of the log is damaged")

// A record in the log is the lengths of its key and of its sealed record, and both.
func appendLogged(b []byte, key string, record []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))             //nolint:gosec // keys are short
	b = binary.BigEndian.AppendUint32(b, uint32(sealSize+len(record))) //nolint:gosec // and so are records
	b = append(b, key...)
	return seal(b, len(b)-len(key), func(b []byte) []byte { return append(b, record...) })
}

func readLogged(r io.Reader) (key, record []byte, err error) {
	var lengths [8]byte
	if _, err := io.ReadFull(r, lengths[:]); err != nil {
		return nil, nil, err
	}
	keySize, size := binary.BigEndian.Uint32(lengths[:]), binary.BigEndian.Uint32(lengths[4:])
	if keySize > maxLogged || size > maxLogged {
		return nil, nil, errLogged
	}
	data := make([]byte, keySize+size)
	if _, err := io.ReadFull(r, data); err != nil {
		return nil, nil, err
	}
	record, _, intact := unseal(data[:keySize], data[keySize:])
	if !intact {
		return nil, nil, errLogged
	}
	return data[:keySize], record, nil
}

// restart makes everything durable in the database, and empties the log.
func (u *Unfinished) restart() error {
	if err := u.s.sync(); err != nil {
		return err
	}
	u.size = 0
	if err := u.log.Truncate(0); err != nil {
		return err
	}
	u.s.tellChange()
	_, err := u.log.Seek(0, io.SeekStart)
	return err
}

// Besides says to whom looks at the directory that the run also writes to a place besides its
// sides. It is called at most once.
func (u *Unfinished) Besides(place string) {
	u.s.note(places{u.s.opts.Pair, []string{place}})
}

// Put keeps a record behind the run. It outlives the process at once.
func (u *Unfinished) Put(key string, record []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.put(key, &record)
	if u.log == nil {
		return
	}
	line := appendLogged(nil, key, record)
	_, err := u.log.Write(line)
	u.s.tellChange()
	if u.size += int64(len(line)); err == nil && u.size > maxLog {
		err = u.restart()
	}
	if err != nil {
		_ = u.log.Close() // a half record ends it
		u.log = nil
	}
}

// PutDurable keeps a record, and returns when it is on disk.
func (u *Unfinished) PutDurable(key string, record []byte) error { return u.putDurable(key, &record) }

// Remove removes a record behind the run. After a kill it may be there again.
func (u *Unfinished) Remove(key string) { u.remove(key) }

// All calls f with each record whose key begins with prefix, until f returns false.
func (u *Unfinished) All(prefix string, f func(key string, record []byte) bool) {
	_ = u.s.sync() // or what was put a moment ago is missing
	u.all(prefix, f)
}

// Close makes everything durable and removes the log. What fails is told by the State, and the
// log stays for the next run.
func (u *Unfinished) Close() {
	if u.log == nil {
		return
	}
	if u.s.sync() == nil {
		_ = os.Remove(u.log.Name()) // the next run reads it again otherwise
		u.s.tellChange()
	}
	_ = u.log.Close() // nothing depends on it any more
	u.log = nil
}
