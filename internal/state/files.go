package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// Files remembers the digests of the files of a pair of sides, one of which has files, and
// what was uploaded of them. Keys are those of the side with the files. All methods may be
// called concurrently; a nil *Files remembers nothing.
//
// A digest counts only while the file is, by device, inode, size, time of modification and
// time of change, the one of which it was taken. It is not kept of a file that had changed
// shortly before: another change may then leave all of these as they are, because clocks
// have a grain. Git calls such a file racy.
type Files struct{ table table[fileRecord] }

// Files returns what is known of files.
func (s *State) Files() *Files {
	return &Files{table[fileRecord]{s, tableDigests, appendFile, readFile}}
}

// grain is how long ago a file must have changed, so that a digest that is taken of it now
// is kept. It is twice the coarsest grain of file systems, and allows for clocks of file
// servers that are a little late.
const grain = 2 * time.Second

// maxDigests bounds the digests of a file that are kept. The latest ones win.
const maxDigests = 8

// A fileRecord is what is known of a file.
type fileRecord struct {
	digested fileState // when its digests were taken; the zero state without any
	sent     fileState // when it was uploaded; the zero state if it was not
	digests  []fileDigest
}

// A fileState is what the system told of a file. It is comparable.
type fileState struct {
	id      storage.FileID
	size    int64
	seconds int64
	nanos   int64
}

func stateOf(f *storage.Object) fileState {
	return fileState{id: f.File, size: f.Size, seconds: f.ModTime.Unix(), nanos: int64(f.ModTime.Nanosecond())}
}

// A fileDigest is a digest, and how it was taken as bytes.
type fileDigest struct {
	form  []byte
	value string
}

// Has reports whether a file has a digest of this value in some form. The algorithm is empty
// for an ETag.
func (f *Files) Has(file *storage.Object, a checksum.Algorithm, value string) bool {
	prefix, has := append([]byte{byte(len(a))}, a...), false //nolint:gosec // names are short
	f.digests(file, func(form, v []byte) {
		has = has || string(v) == value && bytes.HasPrefix(form, prefix)
	})
	return has
}

// Fill sets the values of those digests of a file that are known, and reports whether these
// are all.
func (f *Files) Fill(file *storage.Object, digests []checksum.Computed) bool {
	missing := len(digests)
	forms := make([][]byte, len(digests))
	for i := range digests {
		forms[i] = formOf(&digests[i])
	}
	f.digests(file, func(form, v []byte) {
		for i := range digests {
			if digests[i].Value == "" && bytes.Equal(form, forms[i]) {
				digests[i].Value = string(v)
				missing--
			}
		}
	})
	return missing == 0
}

// digests calls each with the digests of a file in its current state. The bytes are valid
// during the call.
func (f *Files) digests(file *storage.Object, each func(form, value []byte)) {
	if f == nil || !file.File.Known() || file.Key == "" {
		return
	}
	now := stateOf(file)
	_ = f.table.s.view(func(tx *bbolt.Tx) error { // then nothing is known
		b := tx.Bucket(tableDigests.bucket())
		if b == nil {
			return nil
		}
		key := []byte(file.Key)
		record, _, intact := unseal(key, b.Get(key))
		if !intact {
			return nil
		}
		r := reader{rest: record}
		digested := r.state()
		r.state()
		for digested == now && len(r.rest) > 0 {
			form, value := r.bytes(), r.bytes()
			if r.failed {
				break
			}
			each(form, value)
		}
		return nil
	})
}

// Touched reports whether a file was uploaded when it had another time of modification.
func (f *Files) Touched(file *storage.Object) bool {
	if f == nil {
		return false
	}
	r, ok := f.table.get(file.Key)
	now := stateOf(file)
	return ok && r.sent != fileState{} && r.sent.size == now.size && (r.sent.seconds != now.seconds || r.sent.nanos != now.nanos)
}

// Keep remembers digests of a file. file describes it as it was opened, after that time. If
// another digest is known of the same state of the file, one of them is wrong: the new one is
// kept, and the user is warned.
func (f *Files) Keep(file *storage.Object, after time.Time, digests []checksum.Computed) {
	if f == nil || file.Key == "" || !file.File.Known() || racy(file, after) {
		return
	}
	old, _ := f.table.get(file.Key)
	r := fileRecord{digested: stateOf(file), sent: old.sent}
	if old.digested == r.digested {
		r.digests = old.digests
	}
	if changed, wrong := r.add(digests); changed {
		if wrong {
			f.table.s.tell(true, fmt.Sprintf("the state of earlier runs had a wrong digest of %q, which was read again; it is corrected. "+
				"The disk of %s may be damaged", file.Key, f.table.s.opts.Dir))
		}
		f.table.put(file.Key, &r)
	}
}

// Sent remembers that a file was uploaded, as it was opened after that time, and its digests.
func (f *Files) Sent(file *storage.Object, after time.Time, digests []checksum.Computed) {
	if f == nil || file.Key == "" {
		return
	}
	r := fileRecord{sent: stateOf(file)}
	if file.File.Known() && !racy(file, after) {
		r.digested = r.sent
		r.add(digests)
	}
	f.table.put(file.Key, &r)
}

// Wrote remembers the digests of a file that was downloaded and has an earlier time of
// modification. Whoever writes to it changes that time, unless it is set back within the same
// grain of the clock.
func (f *Files) Wrote(file *storage.Object, digests []checksum.Computed) {
	if f == nil || file.Key == "" || !file.File.Known() || !file.ModTime.Before(time.Now().Add(-grain)) {
		return
	}
	r := fileRecord{digested: stateOf(file)}
	if changed, _ := r.add(digests); changed {
		f.table.put(file.Key, &r)
	}
}

// racy reports whether a change of the file after that time may not show.
func racy(file *storage.Object, after time.Time) bool {
	limit := after.Add(-grain)
	return file.File.Changed >= limit.UnixNano() || !file.ModTime.Before(limit)
}

// add adds digests, and reports whether that changed anything, and whether one had another
// value.
func (r *fileRecord) add(digests []checksum.Computed) (changed, wrong bool) {
	for i := range digests {
		form, value := formOf(&digests[i]), digests[i].Value
		if value == "" {
			continue
		}
		at := slices.IndexFunc(r.digests, func(d fileDigest) bool { return bytes.Equal(d.form, form) })
		switch {
		case at < 0:
			r.digests = append(r.digests, fileDigest{form, value})
			changed = true
		case r.digests[at].value != value:
			r.digests[at].value = value
			changed, wrong = true, true
		}
	}
	if n := len(r.digests); n > maxDigests {
		r.digests = r.digests[n-maxDigests:]
	}
	return changed, wrong
}

// The layouts in a form.
const (
	layoutWhole = iota
	layoutUniform
	layoutOther
)

// formOf returns how a digest is taken as bytes: of two digests of files of one size they are
// equal if the digests are taken in the same way.
func formOf(d *checksum.Computed) []byte {
	b := make([]byte, 0, 32)
	b = append(b, byte(len(d.Algorithm))) //nolint:gosec // names are short
	b = append(b, d.Algorithm...)
	b = append(b, byte(len(d.Type))) //nolint:gosec // names are short
	b = append(b, d.Type...)
	layout := d.Layout
	if !layout.Multipart() {
		return append(b, layoutWhole)
	}
	_, part := layout.Bounds(0)
	if layout.Equal(checksum.Uniform(layout.Total(), part)) {
		return binary.AppendUvarint(append(b, layoutUniform), uint64(part)) //nolint:gosec // a size
	}
	sizes := sha256.New()
	for _, n := range layout.Sizes() {
		_ = binary.Write(sizes, binary.BigEndian, n) // a hash never fails
	}
	return append(append(b, layoutOther), sizes.Sum(nil)[:16]...)
}

// appendFile appends a record: two states, and the digests.
func appendFile(b []byte, r *fileRecord) []byte {
	b = r.sent.append(r.digested.append(b))
	for _, d := range r.digests {
		b = append(binary.AppendUvarint(b, uint64(len(d.form))), d.form...)
		b = append(binary.AppendUvarint(b, uint64(len(d.value))), d.value...)
	}
	return b
}

// append appends a state. The zero state is one byte.
func (s fileState) append(b []byte) []byte {
	if s == (fileState{}) {
		return append(b, 0)
	}
	b = append(b, 1)
	b = binary.BigEndian.AppendUint64(b, s.id.Node)
	b = binary.AppendVarint(b, s.id.Changed)
	b = binary.AppendVarint(b, s.size)
	b = binary.AppendVarint(b, s.seconds)
	return binary.AppendVarint(b, s.nanos)
}

func readFile(b []byte) (fileRecord, bool) {
	r := reader{rest: b}
	f := fileRecord{digested: r.state(), sent: r.state()}
	for len(r.rest) > 0 && !r.failed {
		f.digests = append(f.digests, fileDigest{bytes.Clone(r.bytes()), string(r.bytes())})
	}
	return f, !r.failed
}

// A reader reads the parts of a record. After the end it returns zero values, and has failed.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) state() (s fileState) {
	if one := r.take(1); one == nil || one[0] == 0 {
		return s
	}
	if node := r.take(8); node != nil {
		s.id.Node = binary.BigEndian.Uint64(node)
	}
	s.id.Changed, s.size, s.seconds, s.nanos = r.varint(), r.varint(), r.varint(), r.varint()
	return s
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.failed, r.rest = true, nil
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.take(-1)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) bytes() []byte {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > uint64(len(r.rest)) {
		return r.take(-1)
	}
	r.rest = r.rest[n:]
	return r.take(int(v)) //nolint:gosec // at most the length
}
