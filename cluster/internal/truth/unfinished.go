package truth

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

const (
	// mostUnfinished bounds the objects in parts that an Unfinished knows of earlier attempts.
	// Others begin anew, and are removed at the end of the job.
	mostUnfinished = 10_000
	// partsBehind is how long the records of parts wait for others before they are written.
	// An object that is done sooner has none. Parts without a record are read again, and not
	// sent again.
	partsBehind = 2 * time.Second
	// removedAtOnce is how many objects of the state store are removed together.
	removedAtOnce = 100
	// lastRecords bounds how long an attempt that was given up writes down what it left.
	lastRecords = 30 * time.Second
	// orderedBytes is how many bytes of a key are in the names of records, which are in order of
	// it. The names fit into those of files.
	orderedBytes = 80
)

var _ s3sync.UnfinishedRecords = (*Unfinished)(nil)

// Unfinished are the records of objects in parts that the leases of some keys began to write
// and did not finish: those that earlier attempts left, of whatever epoch, and those of this
// attempt. Whoever gets the keys next goes on with them.
//
// What is in the records of an object is immutable, as everything else; the records are
// removed when the object is published. An attempt that was given up may write and remove
// records at the same time. Its records are read by nobody who has begun already, and what it
// removes is missed by nobody.
type Unfinished struct {
	store  *Store
	ctx    context.Context //nolint:containedctx // of the attempt: the methods of a Runner's records have none
	failed func(error)
	writer string // its batches have names of their own
	behind time.Duration

	mu      sync.Mutex
	objects map[string]*unfinished // by id
	batches int
	removed []storage.Object
}

// unfinished is an object in parts.
type unfinished struct {
	base   string // of the names of its records in the state store
	name   string // of its record
	record []byte
	ref    job.Ref
	parts  []job.Ref // batches of the records of parts

	waiting []unfinishedRecord // records of parts that are not written yet
	since   time.Time          // of the first of them
	writing bool
}

// An unfinishedRecord is one record. Names are any bytes.
type unfinishedRecord struct {
	Name   []byte `json:"name"`
	Record []byte `json:"record"`
}

// Unfinished reads the records of the keys of an attempt. failed is called if the beginning of an
// object cannot be written down: then the attempt must end. The caller closes what is
// returned.
func (s *Store) Unfinished(ctx context.Context, keys job.Keys, failed func(error)) (*Unfinished, error) {
	u := &Unfinished{store: s, ctx: ctx, failed: failed, writer: rand.Text()[:16], behind: partsBehind, objects: map[string]*unfinished{}}
	within := storage.Range{From: s.key(unfinishedDir), To: s.key(unfinishedDir[:len(unfinishedDir)-1] + "0")}
	if keys.From != "" {
		within.From = s.key(unfinishedName(string(keys.From)))
	}
	if keys.To != "" { // the names of other keys may begin as that of this one does
		within.To = s.key(unfinishedName(string(keys.To)) + "0") // above "/"
	}
	for ref, err := range s.refsIn(ctx, within) {
		if err != nil {
			return nil, err
		}
		base, id, object := unfinishedOf(ref.Key)
		switch o := u.objects[id]; {
		case id == "":
		case object && len(u.objects) < mostUnfinished:
			if err := u.read(base, id, ref, keys.Range()); err != nil {
				return nil, err
			}
		case !object && o != nil:
			o.parts = append(o.parts, ref)
		case !object && len(u.objects) < mostUnfinished && u.ours(base, keys.Range()): // its object was removed
			u.removed = append(u.removed, storage.Object{Key: ref.Key})
		}
	}
	return u, nil
}

// unfinishedDir has a folder for the beginning of each key, in hex, so that listings are in
// order of the keys. There are "ID.o-DIGEST.json" of each object and "ID.p.WRITER.N-DIGEST.json"
// of its parts.
const unfinishedDir = "unfinished/"

func unfinishedName(key string) string {
	return unfinishedDir + hex.EncodeToString([]byte(key[:min(len(key), orderedBytes)]))
}

// unfinishedOf takes the key of a record apart. id is empty if it is none.
func unfinishedOf(key string) (base, id string, object bool) {
	at := strings.LastIndexByte(key, '/')
	id, kind, ok := strings.Cut(key[at+1:], ".")
	if !ok {
		return "", "", false
	}
	return key[:at+1] + id, id, strings.HasPrefix(kind, "o-")
}

// ours reports whether a record is certainly of a key of a range.
func (u *Unfinished) ours(base string, keys storage.Range) bool {
	dir := strings.TrimPrefix(base[:strings.LastIndexByte(base, '/')], u.store.key(unfinishedDir))
	key, err := hex.DecodeString(dir)
	return err == nil && (len(key) < orderedBytes || keys == storage.Range{}) && keys.Contains(string(key))
}

// read reads the record of an object, if it is of a key of the range.
func (u *Unfinished) read(base, id string, ref job.Ref, keys storage.Range) error {
	records, err := u.store.unfinishedRecords(u.ctx, ref)
	if err != nil || len(records) != 1 {
		return err
	}
	o := &unfinished{base: base, name: string(records[0].Name), record: records[0].Record, ref: ref}
	if _, key := s3sync.UnfinishedObject(o.name, o.record); keys.Contains(key) {
		u.objects[id] = o
	}
	return nil
}

// unfinishedRecords reads records. There are none if somebody removed them meanwhile.
func (s *Store) unfinishedRecords(ctx context.Context, ref job.Ref) (records []unfinishedRecord, err error) {
	err = s.GetJSON(ctx, ref, &records)
	if errors.Is(err, errMissing) {
		return nil, nil
	}
	return records, err
}

// Len returns how many objects are unfinished.
func (u *Unfinished) Len() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.objects)
}

// PutDurable writes the record of an object. It returns when the state store has it.
func (u *Unfinished) PutDurable(name string, record []byte) error {
	id, key := s3sync.UnfinishedObject(name, record)
	if key == "" {
		return fmt.Errorf("%w: a record that is not of an object in parts", errors.ErrUnsupported)
	}
	o := &unfinished{base: u.store.key(unfinishedName(key) + "/" + id), name: name, record: bytes.Clone(record)}
	ref, err := u.put(u.ctx, o.base+".o", []unfinishedRecord{{[]byte(name), record}})
	if err != nil {
		u.failed(err)
		return err
	}
	o.ref = ref
	u.mu.Lock()
	defer u.mu.Unlock()
	u.objects[id] = o
	return nil
}

func (u *Unfinished) put(ctx context.Context, name string, records []unfinishedRecord) (job.Ref, error) {
	return u.store.PutJSON(ctx, strings.TrimPrefix(name, u.store.key("")), records)
}

// Put keeps the record of a part. Now and then it writes those of the same object together,
// while other callers do not wait.
func (u *Unfinished) Put(name string, record []byte) {
	id, _ := s3sync.UnfinishedObject(name, nil)
	u.mu.Lock()
	o := u.objects[id]
	if o == nil {
		u.mu.Unlock()
		return
	}
	if len(o.waiting) == 0 {
		o.since = time.Now()
	}
	o.waiting = append(o.waiting, unfinishedRecord{[]byte(name), bytes.Clone(record)})
	due := !o.writing && time.Since(o.since) >= u.behind
	u.mu.Unlock()
	if due {
		u.write(u.ctx, o)
	}
}

// write writes the waiting records of an object. If that fails, they wait on.
func (u *Unfinished) write(ctx context.Context, o *unfinished) {
	u.mu.Lock()
	batch := o.waiting
	if len(batch) == 0 || o.writing {
		u.mu.Unlock()
		return
	}
	u.batches++
	name := fmt.Sprintf("%s.p.%s.%06d", o.base, u.writer, u.batches)
	o.waiting, o.writing = nil, true
	u.mu.Unlock()
	ref, err := u.put(ctx, name, batch)
	u.mu.Lock()
	defer u.mu.Unlock()
	o.writing = false
	switch id, _ := s3sync.UnfinishedObject(o.name, o.record); {
	case err != nil:
		o.waiting, o.since = append(batch, o.waiting...), time.Now()
	case u.objects[id] != o: // it was published meanwhile
		u.removed = append(u.removed, storage.Object{Key: ref.Key})
	default:
		o.parts = append(o.parts, ref)
	}
}

// Remove removes an object with its parts, behind the attempt. Parts are not removed alone.
func (u *Unfinished) Remove(name string) {
	id, _ := s3sync.UnfinishedObject(name, nil)
	u.mu.Lock()
	o := u.objects[id]
	if o == nil || o.name != name {
		u.mu.Unlock()
		return
	}
	delete(u.objects, id)
	for _, ref := range append([]job.Ref{o.ref}, o.parts...) {
		u.removed = append(u.removed, storage.Object{Key: ref.Key})
	}
	due := len(u.removed) >= removedAtOnce
	u.mu.Unlock()
	if due {
		_ = u.remove(u.ctx) // else later
	}
}

// remove removes what is not needed any more.
func (u *Unfinished) remove(ctx context.Context) error {
	u.mu.Lock()
	objects := u.removed
	u.removed = nil
	u.mu.Unlock()
	if len(objects) == 0 {
		return nil
	}
	var left []storage.Object
	var all error
	for i, err := range u.store.store.Delete(ctx, objects, storage.DeleteOptions{}) {
		if err != nil && !storage.Gone(err) {
			left, all = append(left, objects[i]), err
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.removed = append(u.removed, left...)
	if all != nil {
		return fmt.Errorf("state store: %w", all)
	}
	return nil
}

// All calls f with records. Those of parts are read when they are asked for, each object alone.
// Parts whose records cannot be read are read from the source again.
func (u *Unfinished) All(prefix string, f func(name string, record []byte) bool) {
	u.mu.Lock()
	var all []unfinishedRecord
	for _, o := range u.objects {
		if strings.HasPrefix(o.name, prefix) {
			all = append(all, unfinishedRecord{[]byte(o.name), o.record})
		}
	}
	var batches []job.Ref
	id, _ := s3sync.UnfinishedObject(prefix, nil)
	if o := u.objects[id]; o != nil {
		all = append(all, o.waiting...)
		batches = slices.Clone(o.parts)
	}
	u.mu.Unlock()
	for _, ref := range batches {
		records, err := u.store.unfinishedRecords(u.ctx, ref)
		if err == nil {
			all = append(all, records...)
		}
	}
	for _, r := range all {
		if name := string(r.Name); strings.HasPrefix(name, prefix) && !f(name, r.Record) {
			return
		}
	}
}

// Close writes down what is left for a later attempt, also if this one was given up. Its error
// is that records which are not needed any more could not be removed: the end of the job
// tries again.
func (u *Unfinished) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRecords)
	defer cancel()
	u.mu.Lock()
	var left []*unfinished
	for _, o := range u.objects {
		left = append(left, o)
	}
	u.mu.Unlock()
	for _, o := range left {
		u.write(ctx, o)
	}
	return u.remove(ctx)
}
