package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A crashTrial is two trees and the options of a run between them.
type crashTrial struct {
	seed           uint64
	start          time.Time
	way            string // one of crashWays
	source, target map[string]crashObject

	check            s3sync.CheckMode
	delete, tags     bool
	versioned        bool   // the target keeps versions
	history          bool   // all versions are synced
	trash            string // "", "apart", or "inside" the target
	state, resume    bool
	keepLayout       bool
	workers, parts   int
	batch            int // of deletions
	chunk, threshold int64
	slow             time.Duration
}

// A crashObject is an object, or a file, which has no attributes.
type crashObject struct {
	data   string        // "-" is a delete marker
	before *crashObject  // the version before, if there is one
	part   int           // the size of its parts; 0 is whole
	age    time.Duration // before the run
	attrs  storage.Attributes
	tags   map[string]string
}

func crashWays() []string { return []string{"across", "up", "down", "copy"} }

func drawCrash(seed uint64) *crashTrial {
	r := rand.New(rand.NewPCG(seed, 2))
	one := func(n int) bool { return r.IntN(n) == 0 }
	tr := &crashTrial{
		seed: seed,
		// Files bear the time of the system. They must not be newer, nor a day older.
		start: time.Now().Truncate(time.Second).Add(12 * time.Hour),
		way:   crashWays()[seed%4], delete: !one(4), tags: one(3), versioned: one(4), state: !one(10), resume: !one(10), keepLayout: one(4),
		trash: []string{"", "apart", "apart", "inside"}[r.IntN(4)], workers: 1 + r.IntN(3), parts: 1 + r.IntN(3), batch: 1 + r.IntN(2),
		chunk: int64(4 + r.IntN(2)), threshold: 8,
		slow:   []time.Duration{time.Millisecond, 100 * time.Millisecond, 900 * time.Millisecond}[r.IntN(3)],
		source: map[string]crashObject{}, target: map[string]crashObject{},
		check: []s3sync.CheckMode{
			s3sync.CheckNewer, s3sync.CheckNewer, s3sync.CheckETag, s3sync.CheckChecksum, s3sync.CheckMtimeAndETag, s3sync.CheckMtimeAndSize,
		}[r.IntN(6)],
	}
	if tr.files("target") {
		tr.tags, tr.versioned = false, false
	}
	if tr.files("source") {
		tr.tags, tr.keepLayout = false, false
	}
	for i := range 7 + r.IntN(6) {
		key := fmt.Sprint([]string{"", "a/", "b/c/"}[r.IntN(3)], "k", i)
		o := drawObject(r)
		old := drawObject(r)
		old.age += time.Hour
		switch r.IntN(6) {
		case 0, 1:
			tr.source[key] = o
		case 2, 3:
			tr.source[key], tr.target[key] = o, old
		case 4:
			tr.source[key] = o
			o.age /= 2
			tr.target[key] = o
		default:
			tr.target[key] = old
		}
	}
	if !tr.files("source") && !tr.files("target") && one(5) {
		tr.drawHistories(r)
	}
	return tr
}

// drawHistories makes tr a trial of all versions.
func (tr *crashTrial) drawHistories(r *rand.Rand) {
	tr.history, tr.versioned, tr.delete, tr.tags, tr.trash, tr.check = true, true, false, false, "", s3sync.CheckNewer
	for key, o := range tr.source {
		delete(tr.target, key)
		for range r.IntN(4) {
			later := drawObject(r)
			older := o
			later.age, later.before = o.age, &older
			o = later
		}
		if r.IntN(4) == 0 {
			older := o
			o = crashObject{data: "-", before: &older}
		}
		tr.source[key] = o
	}
}

// drawObject returns an object with contents of its own.
func drawObject(r *rand.Rand) crashObject {
	o := crashObject{age: time.Minute + time.Duration(r.IntN(3000))*time.Second}
	size := r.IntN(8)
	if r.IntN(3) > 0 {
		size = 9 + r.IntN(16)
		o.part = []int{0, 4, 5, 7}[r.IntN(4)]
	}
	o.data = strings.Repeat(fmt.Sprintf("%08x", r.Uint32()), 4)[:size]
	o.attrs.ContentType = []string{"text/plain", "image/png"}[r.IntN(2)]
	if r.IntN(2) == 0 {
		o.attrs.Metadata = map[string]string{"who": fmt.Sprint(r.IntN(9))}
	}
	if r.IntN(2) == 0 {
		o.tags = map[string]string{"tag": fmt.Sprint(r.IntN(9))}
	}
	return o
}

func (tr *crashTrial) String() string {
	return fmt.Sprintf("%s, check %v, delete %t, tags %t, versioned %t, history %t, trash %q, state %t, resume %t, keep layout %t, %d workers, %d parts, chunk %d, slow %v",
		tr.way, tr.check, tr.delete, tr.tags, tr.versioned, tr.history, tr.trash, tr.state, tr.resume, tr.keepLayout, tr.workers, tr.parts, tr.chunk, tr.slow)
}

// files reports whether a side is a directory.
func (tr *crashTrial) files(side string) bool {
	switch tr.way {
	case "up":
		return side == "source"
	case "down":
		return side != "source"
	}
	return false
}

// write writes an object of a trial, as it was before the run.
func (o *crashObject) write(ctx context.Context, s *mem.Store, key string, now time.Time, sum storage.ChecksumAlgorithm) error {
	if o.before != nil {
		if err := o.before.write(ctx, s, key, now, sum); err != nil {
			return err
		}
	}
	if o.data == "-" {
		return s.Delete(ctx, []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]
	}
	s.SetClock(func() time.Time { return now.Add(-o.age) })
	opts := storage.WriteOptions{
		Size: int64(len(o.data)), Attributes: o.attrs, Tags: o.tags,
		Checksum: storage.Checksum{Algorithm: sum, Type: storage.FullObject},
	}
	if o.part == 0 {
		_, err := s.Put(ctx, key, storage.Block{Data: []byte(o.data)}, opts)
		return err
	}
	w, err := s.Create(ctx, key, opts)
	for n, off := 1, 0; err == nil && off < len(o.data); n, off = n+1, off+o.part {
		err = w.WritePart(ctx, n, int64(off), storage.Block{Data: []byte(o.data[off:min(off+o.part, len(o.data))])})
	}
	if err == nil {
		_, err = w.Commit(ctx)
	}
	return err
}

// A crashWorld is what outlives processes: both sides, the trash, and the state.
type crashWorld struct {
	tr    *crashTrial
	root  string
	now   time.Time             // when it was made
	mem   map[string]*mem.Store // by side; a directory is root/side
	state string                // the directory of the state
}

// newWorld makes the sides of a trial in an empty directory.
func (tr *crashTrial) newWorld(t testing.TB, root string) *crashWorld {
	t.Helper()
	w := &crashWorld{tr: tr, root: root, now: tr.start, mem: map[string]*mem.Store{}, state: filepath.Join(root, "state")}
	for side, objects := range map[string]map[string]crashObject{"source": tr.source, "target": tr.target, "trash": nil} {
		var err error
		if tr.files(side) {
			err = os.MkdirAll(w.path(side), 0o700)
		} else {
			w.mem[side] = mem.New()
			if side == "target" && tr.versioned || tr.history {
				w.mem[side] = mem.NewVersioned()
			}
		}
		for _, key := range sortedKeys(objects) {
			o := objects[key]
			if err != nil {
				break
			}
			if s := w.mem[side]; s != nil {
				err = o.write(t.Context(), s, key, w.now, tr.algorithm())
				continue
			}
			path := filepath.Join(w.path(side), filepath.FromSlash(key))
			when := w.now.Add(-o.age)
			err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(o.data), 0o600), os.Chtimes(path, when, when))
		}
		if err != nil {
			t.Fatal(err)
		}
		if s := w.mem[side]; s != nil {
			s.SetClock(time.Now)
		}
	}
	return w
}

// algorithm returns the additional checksum of all objects.
func (tr *crashTrial) algorithm() storage.ChecksumAlgorithm {
	if tr.check == s3sync.CheckChecksum {
		return "CRC32C"
	}
	return ""
}

// path returns the directory of a side.
func (w *crashWorld) path(side string) string {
	if side == "trash" && w.tr.trash == "inside" {
		side = filepath.Join("target", filepath.FromSlash(trashInside))
	}
	return filepath.Join(w.root, side)
}

// open opens the store of a side, for a process if p is not nil. The caller closes it.
func (w *crashWorld) open(t testing.TB, p *process, side string) storage.Store {
	t.Helper()
	if s := w.mem[side]; s != nil {
		if p == nil {
			return s
		}
		return &crashBucket{&crashStore{s, s, p, side}, s, w.tr.batch}
	}
	s, err := dir.Open(w.path(side), dir.Options{Source: side == "source", Missing: true})
	if err != nil {
		t.Fatal(err)
	}
	if p == nil {
		return s
	}
	return &crashDir{&crashStore{s, s, p, side}, s}
}
