// Package resume remembers objects that a run began to write in parts and did not finish,
// so that the next run can go on with them. It decides what is fresh enough, and trusts
// nothing: what a store still holds is verified by whoever goes on.
package resume

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"s3sync/storage"
)

// Records is where the objects in parts are remembered that a run began to write and did not
// finish. A later run reads them there and goes on. The keys of the records are theirs alone:
// at most 110 bytes, of any value. A record is JSON of some hundred bytes and the key of an object.
//
// Nothing in it is trusted, so what is lost or out of date costs time and no data: parts are
// read or sent again, and an upload without its record stays in the target until somebody
// aborts it. Only one run at a time should have the records of an object. If two have them,
// both may go on with the same upload: one of them completes it, and the other one begins anew.
//
// The methods may be called concurrently. They have no context: whoever implements them
// bounds how long they take.
type Records interface {
	// Put keeps a record behind the run. It should outlive the process. It replaces the record
	// with the same key.
	Put(key string, record []byte)
	// PutDurable keeps a record, and returns when it outlives the process and the machine.
	// After an error the object is written, but cannot be continued.
	PutDurable(key string, record []byte) error
	// Remove removes a record behind the run. Without such a record it does nothing.
	Remove(key string)
	// All calls f with each record whose key begins with prefix until f returns false: with what
	// this run put, and what earlier runs did. f may keep the record, and may call the other
	// methods. If the prefix does not say which object is meant, records of parts may be left
	// out: it is asked for them to remove those without an object.
	All(prefix string, f func(key string, record []byte) bool)
}

// In returns records that are those of a place besides the pair of sides, kept among others.
func In(records Records, place string) Records {
	sum := sha256.Sum256([]byte(place))
	return &placed{records, placePrefix + hex.EncodeToString(sum[:digestSize])}
}

// A placed adds a prefix to the names of records.
type placed struct {
	records Records
	prefix  string
}

func (p *placed) Put(key string, record []byte) { p.records.Put(p.prefix+key, record) }

func (p *placed) PutDurable(key string, record []byte) error {
	return p.records.PutDurable(p.prefix+key, record)
}

func (p *placed) Remove(key string) { p.records.Remove(p.prefix + key) }

func (p *placed) All(prefix string, f func(key string, record []byte) bool) {
	p.records.All(p.prefix+prefix, func(key string, record []byte) bool { return f(key[len(p.prefix):], record) })
}

// An Object is an object that is written in parts.
type Object struct {
	Key string `json:"key"` // in the target
	// Token is that of the store. It is empty as long as the store did not tell it.
	Token string    `json:"token"`
	Begun time.Time `json:"begun"`
	// Source identifies the object that is read.
	Source Source `json:"source"`
	// With is a digest of what the object is written with, and of its parts.
	With string `json:"with"`
	// Copy: the server copies it.
	Copy bool `json:"copy,omitempty"`
}

// A Source identifies the bytes of a source object.
type Source struct {
	Size      int64     `json:"size"`
	ModTime   time.Time `json:"mtime"`
	ETag      string    `json:"etag,omitempty"`
	VersionID string    `json:"version,omitempty"`
}

// SourceOf returns the identity of an object as it was opened.
func SourceOf(o *storage.Object) Source {
	return Source{Size: o.Size, ModTime: o.ModTime.UTC(), ETag: o.ETag, VersionID: o.VersionID}
}

// Equal reports whether both identify the same bytes.
func (s Source) Equal(o Source) bool {
	return s.Size == o.Size && s.ModTime.Equal(o.ModTime) && s.ETag == o.ETag && s.VersionID == o.VersionID
}

// A Part is a part that was written.
type Part struct {
	Size int64 `json:"size"`
	// ETag and Checksum are what the store answered.
	ETag     string `json:"etag,omitempty"`
	Checksum string `json:"checksum,omitempty"`
	// MD5 is the digest of the bytes, if it was computed. Check is another one, for the
	// ranges of files.
	MD5   []byte `json:"md5,omitempty"`
	Check []byte `json:"check,omitempty"`
}

// A Journal is the objects of a pair of sides that are begun and not finished. A nil
// *Journal knows none and keeps none. Its methods may be called concurrently.
type Journal struct {
	records Records
	maxAge  time.Duration

	mu      sync.Mutex
	entries map[string][]*Entry // by key
}

// An Entry is an Object in a Journal. A nil *Entry is that of nothing.
type Entry struct {
	Object

	j    *Journal
	name string // of its record; those of its parts begin with it
	// taken: somebody goes on with it or writes it. own: this run began it or went on with
	// it, so that the end of the run does not remove it.
	taken, own bool

	mu      sync.Mutex
	written map[int]int64 // sizes of the parts that this run wrote or adopted
	// noted are the parts of which there are records. They are all, if allNoted is set.
	noted    map[int]bool
	allNoted bool
}

// Open reads the objects that earlier runs left. Those that are older than maxAge are not
// continued.
func Open(records Records, maxAge time.Duration) *Journal {
	j := &Journal{records: records, maxAge: maxAge, entries: map[string][]*Entry{}}
	records.All(objectPrefix, func(name string, record []byte) bool {
		e := &Entry{j: j, name: name}
		if err := json.Unmarshal(record, &e.Object); err != nil || name != recordName(&e.Object) {
			records.Remove(name)
			return true
		}
		j.entries[e.Key] = append(j.entries[e.Key], e)
		return true
	})
	j.removeOrphans()
	return j
}

// A mark is that of a run that writes to the target.
type mark struct {
	Mark  string    `json:"mark"`
	Begun time.Time `json:"begun"`
}

// Marked notes durably that this run puts a mark on what it begins, until Unmark. It
// returns the marks of runs that did not come to Unmark. A run that began a day ago is not
// remembered: then what it left is removed for its age.
func (j *Journal) Marked(text string) (ended []string) {
	if j == nil || text == "" {
		return nil
	}
	j.records.All(markPrefix, func(name string, record []byte) bool {
		var m mark
		if json.Unmarshal(record, &m) != nil || time.Since(m.Begun) > 24*time.Hour {
			j.records.Remove(name)
			return true
		}
		ended = append(ended, m.Mark)
		return true
	})
	if record, err := json.Marshal(mark{text, time.Now().UTC()}); err == nil {
		_ = j.records.PutDurable(markPrefix+text, record) // else age decides
	}
	return ended
}

// Unmark forgets the mark of a run that ends and has removed what it does not keep.
func (j *Journal) Unmark(text string) {
	if j != nil && text != "" {
		j.records.Remove(markPrefix + text)
	}
}

// ObjectOf returns the object that a record is of, and false if it is another kind of record.
// besides reports that it is in a place besides the pair of sides.
func ObjectOf(name string, record []byte) (o Object, besides, ok bool) {
	if strings.HasPrefix(name, placePrefix) && len(name) > len(placePrefix)+2*digestSize {
		name, besides = name[len(placePrefix)+2*digestSize:], true
	}
	if err := json.Unmarshal(record, &o); err != nil || name != recordName(&o) {
		return Object{}, besides, false
	}
	return o, besides, true
}

// ID returns what the names of the records of one object have in common: of the object and of
// its parts. The name of a part may lack its number. ID is empty for other names.
func ID(name string) string {
	const id = 4 * digestSize
	place := ""
	if strings.HasPrefix(name, placePrefix) && len(name) > len(placePrefix)+2*digestSize {
		place, name = name[:len(placePrefix)+2*digestSize], name[len(placePrefix)+2*digestSize:]
	}
	switch {
	case strings.HasPrefix(name, objectPrefix) && len(name) == len(objectPrefix)+id:
		return place + name[len(objectPrefix):]
	case strings.HasPrefix(name, partPrefix) && len(name) >= len(partPrefix)+id:
		return place + name[len(partPrefix):len(partPrefix)+id]
	}
	return ""
}

// removeOrphans removes the records of parts whose object is not there.
func (j *Journal) removeOrphans() {
	known := map[string]bool{}
	for _, entries := range j.entries {
		for _, e := range entries {
			known[e.partPrefix()] = true
		}
	}
	j.records.All(partPrefix, func(name string, _ []byte) bool {
		if n := len(name) - partNumberSize; n < 0 || !known[name[:n]] {
			j.records.Remove(name)
		}
		return true
	})
}

// The names of records: of an object "o" and digests of its key and token, of a part "p",
// the same digests and the number; of a mark "m" and the mark. Those of another place follow
// "t" and a digest of it.
const (
	objectPrefix = "o"
	partPrefix   = "p"
	markPrefix   = "m" // of the mark of a run
	placePrefix  = "t"
	digestSize   = 16

	partNumberSize = 4 // bytes
)

func recordName(o *Object) string {
	token := o.Token
	if token == "" {
		token = o.Begun.String()
	}
	k, t := sha256.Sum256([]byte(o.Key)), sha256.Sum256([]byte(token))
	return objectPrefix + hex.EncodeToString(k[:digestSize]) + hex.EncodeToString(t[:digestSize])
}

func (e *Entry) partPrefix() string { return partPrefix + e.name[len(objectPrefix):] }

func (e *Entry) partName(n int) string {
	return string(binary.BigEndian.AppendUint32([]byte(e.partPrefix()), uint32(n))) //nolint:gosec // at most 10,000
}

// Has reports whether something is left of a key that nobody goes on with yet.
func (j *Journal) Has(key string) bool {
	if j == nil {
		return false
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.ContainsFunc(j.entries[key], func(e *Entry) bool { return !e.taken })
}

// Take returns what is left of a key, oldest first: an intention before what came of it. The
// caller goes on with each, or discards it: it ends the taking with Release or Done.
func (j *Journal) Take(key string) []*Entry {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var left []*Entry
	for _, e := range j.entries[key] {
		if !e.taken {
			e.taken = true
			left = append(left, e)
		}
	}
	slices.SortFunc(left, func(a, b *Entry) int { return a.Begun.Compare(b.Begun) })
	return left
}

// Intend notes durably that an object is about to be begun. If the answer of the store is
// never seen, what was begun can be found by the key and the time. The caller ends the taking
// of the Entry with Release or Done. It returns nil if nothing can be noted.
func (j *Journal) Intend(key string) *Entry {
	if j == nil {
		return nil
	}
	return j.add(Object{Key: key})
}

// Begin notes an object durably, before its first part is sent. It returns nil if that is
// not possible: then the object cannot be continued later.
func (j *Journal) Begin(o Object) *Entry {
	if j == nil || o.Token == "" {
		return nil
	}
	return j.add(o)
}

func (j *Journal) add(o Object) *Entry {
	o.Begun = time.Now().UTC()
	e := &Entry{Object: o, j: j, name: recordName(&o), taken: true, own: true, allNoted: true}
	record, err := json.Marshal(o)
	if err == nil {
		err = j.records.PutDurable(e.name, record)
	}
	if err != nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries[o.Key] = append(j.entries[o.Key], e)
	return e
}

// Continues reports whether a run that writes o may go on with what e left. A clock that
// went back makes nothing older.
func (e *Entry) Continues(o *Object) bool {
	return e.Source.Equal(o.Source) && e.With == o.With && e.Copy == o.Copy && !e.Stale()
}

// Stale reports whether e is too old to be continued.
func (e *Entry) Stale() bool { return e.j.maxAge > 0 && time.Since(e.Begun) > e.j.maxAge }

// Own says that this run goes on with e.
func (e *Entry) Own() {
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.own = true
}

// Parts returns the parts that were noted, by number.
func (e *Entry) Parts() map[int]Part {
	parts := map[int]Part{}
	prefix := e.partPrefix()
	e.j.records.All(prefix, func(name string, record []byte) bool {
		var p Part
		if number := name[len(prefix):]; len(number) == partNumberSize && json.Unmarshal(record, &p) == nil {
			parts[int(binary.BigEndian.Uint32([]byte(number)))] = p
		}
		return true
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	for n := range parts {
		e.note(n)
	}
	e.allNoted = true
	return parts
}

// note remembers that there is a record of a part. The caller holds the lock.
func (e *Entry) note(n int) {
	if e.noted == nil {
		e.noted = map[int]bool{}
	}
	e.noted[n] = true
}

// Wrote notes a part that was written or adopted. It does not wait for the disk. adopted:
// the record of the part is there already.
func (e *Entry) Wrote(n int, p Part, adopted bool) {
	if e == nil {
		return
	}
	e.mu.Lock()
	if e.written == nil {
		e.written = map[int]int64{}
	}
	e.written[n] = p.Size
	e.note(n)
	e.mu.Unlock()
	if adopted {
		return
	}
	if record, err := json.Marshal(p); err == nil {
		e.j.records.Put(e.partName(n), record)
	}
}

// Release ends the taking of e, and keeps it for a later run.
func (e *Entry) Release() {
	if e == nil {
		return
	}
	e.j.mu.Lock()
	defer e.j.mu.Unlock()
	e.taken = false
}

// Done forgets e: it was published or removed.
func (e *Entry) Done() {
	if e == nil {
		return
	}
	e.j.mu.Lock()
	e.taken = true
	rest := slices.DeleteFunc(e.j.entries[e.Key], func(o *Entry) bool { return o == e })
	if len(rest) == 0 {
		delete(e.j.entries, e.Key)
	} else {
		e.j.entries[e.Key] = rest
	}
	e.j.mu.Unlock()
	e.mu.Lock()
	all := e.allNoted
	e.mu.Unlock()
	if !all {
		e.Parts()
	}
	e.j.records.Remove(e.name) // first, so that an object that is noted has all of its parts
	e.mu.Lock()
	defer e.mu.Unlock()
	for n := range e.noted {
		e.j.records.Remove(e.partName(n))
	}
}

// Left takes what earlier runs left under the keys that want reports, and that this run
// did not begin or go on with. The caller ends each taking with Release or Done.
func (j *Journal) Left(want func(key string) bool) []*Entry {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var left []*Entry
	for key, entries := range j.entries {
		if !want(key) {
			continue
		}
		for _, e := range entries {
			if !e.taken && !e.own {
				e.taken = true
				left = append(left, e)
			}
		}
	}
	return left
}

// All returns all objects that are left and that nobody writes now.
func (j *Journal) All() []*Entry {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []*Entry
	for _, entries := range j.entries {
		for _, e := range entries {
			if !e.taken {
				all = append(all, e)
			}
		}
	}
	return all
}

// Keeps returns how many objects this run left for a later one, and the size of their
// parts in bytes.
func (j *Journal) Keeps() (objects int, bytes int64) {
	for _, e := range j.All() {
		j.mu.Lock()
		own := e.own
		j.mu.Unlock()
		if !own || e.Token == "" {
			continue
		}
		objects++
		e.mu.Lock()
		for _, size := range e.written {
			bytes += size
		}
		e.mu.Unlock()
	}
	return objects, bytes
}
