package state

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"s3sync/storage"
)

// notices collects what a State tells.
type notices struct {
	mu  sync.Mutex
	all []storage.Notice
}

func (n *notices) add(x storage.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, x)
}

var testPair = Pair{Source: "/data/photos", Target: "s3://bucket/photos at http://localhost:9000"}

func testOptions(dir string) (Options, *notices) {
	told := &notices{}
	return Options{Dir: dir, Pair: testPair, Notice: told.add, NoSync: true}, told
}

// texts is a table of texts.
func texts(s *State) table[string] {
	return table[string]{
		s: s, id: tableDigests,
		encode: func(b []byte, v *string) []byte { return append(b, *v...) },
		decode: func(b []byte) (string, bool) { return string(b), true },
	}
}

func contents(s *State) map[string]string {
	all := map[string]string{}
	texts(s).all("", func(key, v string) bool { all[key] = v; return true })
	return all
}

// fill makes a state file of n records, and returns them.
func fillFile(t *testing.T, dir string, n int) map[string]string {
	t.Helper()
	opts, told := testOptions(dir)
	s := Open(opts)
	want := map[string]string{}
	for i := range n {
		key, v := fmt.Sprintf("dir/%05d", i), strings.Repeat(fmt.Sprint(i), 1+i%70)
		texts(s).put(key, &v)
		want[key] = v
	}
	s.Close()
	if len(told.all) > 0 {
		t.Fatal(told.all)
	}
	return want
}

func theFile(dir string) string { return filepath.Join(dir, testPair.file()+extension) }

// What was put is there in the next run, whatever the order, the number, and what was
// removed since.
func TestRecordsOutliveARun(t *testing.T) {
	dir := t.TempDir()
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		opts, told := testOptions(filepath.Join(dir, fmt.Sprint(runs)))
		want := map[string]string{}
		key := rapid.StringMatching(`[ab]{0,2}/[\x00-\xff]{1,2}`)
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			s := Open(opts)
			for range rapid.IntRange(0, 40).Draw(t, "changes") {
				k, v := key.Draw(t, "key"), rapid.String().Draw(t, "value")
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
					texts(s).remove(k)
					delete(want, k)
				case 1:
					if err := texts(s).putDurable(k, &v); err != nil {
						t.Fatal(err)
					}
					want[k] = v
					if got := contents(s); !maps.Equal(got, want) {
						t.Fatal(cmp.Diff(want, got))
					}
				default:
					texts(s).put(k, &v)
					want[k] = v
				}
			}
			s.Close()
		}
		s := Open(opts)
		defer s.Close()
		if d := cmp.Diff(want, contents(s)); d != "" {
			t.Fatal(d)
		}
		for k, v := range want {
			if got, ok := texts(s).get(k); !ok || got != v {
				t.Fatalf("%q: %q, %t", k, got, ok)
			}
		}
		if len(told.all) > 0 {
			t.Fatal(told.all)
		}
	})
}

// Records of more than one batch and one page, from many goroutines.
func TestManyRecords(t *testing.T) {
	dir := t.TempDir()
	opts, told := testOptions(dir)
	s := Open(opts)
	var workers sync.WaitGroup
	const each = 3 * batchRecords
	for w := range 4 {
		workers.Go(func() {
			for i := range each {
				v := fmt.Sprint(w, i)
				texts(s).put(fmt.Sprint(w, "/", i), &v)
			}
		})
	}
	workers.Wait()
	s.Close()
	s = Open(opts)
	defer s.Close()
	if n := len(contents(s)); n != 4*each || len(told.all) > 0 {
		t.Errorf("%d records, told %v", n, told.all)
	}
	n := 0
	texts(s).all("2/", func(key, _ string) bool {
		if !strings.HasPrefix(key, "2/") {
			t.Errorf("%q", key)
		}
		texts(s).remove(key)
		n++
		return n < 2*pageOfRecords
	})
	if n != 2*pageOfRecords {
		t.Errorf("%d records with the prefix", n)
	}
}

// What was put durably is in the file although the process ends there.
func TestDurableRecordsAreOnDisk(t *testing.T) {
	dir := t.TempDir()
	opts, _ := testOptions(dir)
	s := Open(opts)
	defer s.Close()
	for i := range 3 {
		before, v := fmt.Sprint("before", i), "x"
		texts(s).put(before, &v)
		if err := texts(s).putDurable(fmt.Sprint("upload", i), &v); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(theFile(dir))
		if err != nil {
			t.Fatal(err)
		}
		other, _ := testOptions(t.TempDir())
		if err := os.WriteFile(theFile(other.Dir), data, 0o600); err != nil {
			t.Fatal(err)
		}
		copied := Open(other)
		if got := contents(copied); len(got) != 2*(i+1) {
			t.Errorf("%v", got)
		}
		copied.Close()
	}
}

// A second run at the same time works without state, and says so.
func TestSecondRunWorksWithoutState(t *testing.T) {
	dir := t.TempDir()
	opts, _ := testOptions(dir)
	first := Open(opts)
	again, told := testOptions(dir)
	if second := Open(again); second != nil {
		t.Error("it has the file of the first one")
		second.Close()
	}
	if len(told.all) != 1 || told.all[0].Warning || !strings.Contains(told.all[0].Text, errInUse.Error()) {
		t.Errorf("told %+v", told.all)
	}
	other := again
	other.Pair.Target += "2"
	third := Open(other)
	if third == nil {
		t.Error("another pair has no file of its own")
	}
	third.Close()
	first.Close()
	second := Open(again)
	if second == nil {
		t.Error("the file is still locked")
	}
	second.Close()
}

func TestNoState(t *testing.T) {
	var s *State
	v := "x"
	texts(s).put("a", &v)
	texts(s).remove("a")
	if _, ok := texts(s).get("a"); ok || len(contents(s)) > 0 {
		t.Error("there are records")
	}
	if err := texts(s).putDurable("a", &v); !errors.Is(err, errClosed) {
		t.Error(err)
	}
	s.Close()
}

// usedAsAlways does what runs do with a state, whatever the file holds: it must neither fail
// nor return anything but want, and warn at most once.
func usedAsAlways(t *testing.T, dir string, want map[string]string) (told []storage.Notice) {
	t.Helper()
	opts, n := testOptions(dir)
	s := Open(opts)
	for key := range want {
		if got, ok := texts(s).get(key); ok && got != want[key] {
			t.Errorf("%q is %q, want %q", key, got, want[key])
		}
	}
	for key, got := range contents(s) {
		if got != want[key] {
			t.Errorf("%q is %q, want %q", key, got, want[key])
		}
	}
	for key := range want {
		v := want[key]
		texts(s).put(key, &v)
	}
	v := "1"
	_ = texts(s).putDurable("upload", &v)
	s.Close()
	if len(n.all) > 1 {
		t.Errorf("told %+v", n.all)
	}
	return n.all
}

// A file that is damaged at any place costs nothing but what it remembers. The run after
// that is as always.
func TestDamagedFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be renamed")
	}
	dir := t.TempDir()
	want := fillFile(t, dir, 500)
	want["upload"] = "1"
	whole, err := os.ReadFile(theFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	const places = 200
	warned := 0
	random := rand.New(rand.NewPCG(1, 11)) // with some keys out of order, of which reading never came to the end
	for i := range places {
		damaged := bytes.Clone(whole)
		at := random.IntN(len(damaged))
		kind := i % 5
		switch kind {
		case 0:
			damaged = damaged[:at]
		case 1:
			damaged[at] ^= 1 << random.IntN(8)
		case 2: // in what the database keeps about itself
			at = at%256 + at%8*os.Getpagesize()
			damaged[at] = byte(random.Uint32())
		case 3:
			clear(damaged[at:min(at+os.Getpagesize(), len(damaged))])
		case 4:
			for j := at; j < min(at+100, len(damaged)); j++ {
				damaged[j] = byte(random.Uint32())
			}
		}
		sub := filepath.Join(dir, fmt.Sprint(i))
		if err := errors.Join(os.Mkdir(sub, 0o700), os.WriteFile(theFile(sub), damaged, 0o600)); err != nil {
			t.Fatal(err)
		}
		told := usedAsAlways(t, sub, want)
		warned += len(told)
		again := usedAsAlways(t, sub, want)
		if len(told) > 0 && len(again) > 0 {
			t.Errorf("kind %d at %d: told %v, and then %v", kind, at, told, again)
		}
		if t.Failed() {
			t.Fatalf("kind %d at %d of %d", kind, at, len(whole))
		}
	}
	t.Logf("%d of %d were noticed", warned, places)
	if warned < places/10 {
		t.Error("hardly any damage was noticed")
	}
}

// Damage that the database believes without a check is found before the database uses it.
func TestDamagedPages(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be renamed")
	}
	dir := t.TempDir()
	want := fillFile(t, dir, 20_000)
	whole, err := os.ReadFile(theFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	isBranch := func(page int) bool { return binary.NativeEndian.Uint16(whole[page*size+8:]) == 1 }
	reach := func(pages uint32) func(page []byte, id int) {
		return func(page []byte, _ int) { binary.NativeEndian.PutUint32(page[12:], pages) }
	}
	child := func(n int, id func(self int) int) func(page []byte, id int) {
		return func(page []byte, self int) {
			binary.NativeEndian.PutUint64(page[16+16*n+8:], uint64(id(self)))
		}
	}
	for name, is := range map[string]struct {
		damage func(page []byte, id int)
		branch bool // the damage is that of a branch page
	}{
		"2^32 pages":      {reach(1<<32 - 1), false},
		"2^24 pages":      {reach(1 << 24), false},
		"below itself":    {child(0, func(self int) int { return self }), true},
		"second child":    {child(1, func(self int) int { return self }), true},
		"what a file is":  {child(0, func(int) int { return 1 }), true},
		"beyond the end":  {child(0, func(int) int { return len(whole) / size }), true},
		"a negative page": {child(0, func(int) int { return -1 }), true},
		"many children":   {func(page []byte, _ int) { binary.NativeEndian.PutUint16(page[10:], 1<<16-1) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			noticed := 0
			for page := 2; page < len(whole)/size && noticed < 3; page++ {
				if is.branch && !isBranch(page) {
					continue
				}
				damaged := bytes.Clone(whole)
				is.damage(damaged[page*size:][:size], page)
				sub := t.TempDir()
				if err := os.WriteFile(theFile(sub), damaged, 0o600); err != nil {
					t.Fatal(err)
				}
				opts, told := testOptions(sub)
				s := Open(opts)
				if n := len(contents(s)); len(told.all) > 0 && n > 0 || len(told.all) == 0 && n != len(want) {
					t.Errorf("page %d: %d records, told %+v", page, n, told.all)
				}
				v := "1"
				if err := texts(s).putDurable("upload", &v); err != nil {
					t.Error(err)
				}
				s.Close()
				noticed += len(told.all)
			}
			if noticed == 0 {
				t.Error("it was not noticed")
			}
		})
	}
}

// What is no file of this pair and version is renamed and kept.
func TestUnusableFileIsSetAside(t *testing.T) {
	change := func(bucket, key string, value []byte) func(name string) error {
		return func(name string) error {
			db, err := bbolt.Open(name, 0o600, nil)
			if err != nil {
				return err
			}
			err = db.Update(func(tx *bbolt.Tx) error {
				b, err := tx.CreateBucketIfNotExists([]byte(bucket))
				if err != nil {
					return err
				}
				return b.Put([]byte(key), value)
			})
			return errors.Join(err, db.Close())
		}
	}
	write := func(data string) func(string) error {
		return func(name string) error { return os.WriteFile(name, []byte(data), 0o600) }
	}
	for name, is := range map[string]struct {
		prepare func(name string) error
		why     string
	}{
		"newer":        {change(bucketMeta, keyVersion, binary.BigEndian.AppendUint32(nil, schema+1)), "newer s3sync"},
		"older":        {change(bucketMeta, keyVersion, binary.BigEndian.AppendUint32(nil, 0)), "older s3sync"},
		"no version":   {change(bucketMeta, keyVersion, nil), "does not say"},
		"other source": {change(bucketMeta, keySource, []byte("/other")), "another pair"},
		"other target": {change(bucketMeta, keyTarget, []byte("/other")), "another pair"},
		"text":         {write(strings.Repeat("not a database\n", 5000)), "invalid"},
		"short":        {write("x"), "invalid"},
		"foreign": {func(name string) error {
			return errors.Join(os.Remove(name), change("other", "a", []byte("b"))(name))
		}, "another program"},
		"directory": {func(name string) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o700)) }, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			want := fillFile(t, dir, 10)
			if err := is.prepare(theFile(dir)); err != nil {
				t.Fatal(err)
			}
			opts, told := testOptions(dir)
			s := Open(opts)
			if len(contents(s)) > 0 {
				t.Error("it is used")
			}
			s.Close()
			if len(told.all) != 1 || !told.all[0].Warning || !strings.Contains(told.all[0].Text, is.why) {
				t.Errorf("told %+v", told.all)
			}
			if _, err := os.Stat(filepath.Join(dir, testPair.file()+setAside)); err != nil {
				t.Error(err)
			}
			if told := usedAsAlways(t, dir, want); len(told) > 0 {
				t.Error(told)
			}
		})
	}
}

// A directory in which nothing can be made, or that is none, means no state and one note.
func TestNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	opts, told := testOptions(filepath.Join(file, "below"))
	if Open(opts) != nil || len(told.all) != 1 || told.all[0].Warning {
		t.Errorf("below a file: told %+v", told.all)
	}
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		return // may write everywhere
	}
	closed := filepath.Join(dir, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	opts, told = testOptions(closed)
	if Open(opts) != nil || len(told.all) != 1 || told.all[0].Warning {
		t.Errorf("closed: told %+v", told.all)
	}
}

// If the disk is full the run goes on, reads what was there, and warns once.
func TestWritesFail(t *testing.T) {
	dir := t.TempDir()
	want := fillFile(t, dir, 500)
	opts, told := testOptions(dir)
	s := Open(opts)
	s.db.MaxSize = 1 // whatever makes the file larger fails
	v := strings.Repeat("x", 1000)
	for i := range 10_000 {
		texts(s).put(fmt.Sprint("new", i), &v)
	}
	if err := texts(s).putDurable("upload", &v); err == nil {
		t.Error("it is durable")
	}
	if got, ok := texts(s).get("dir/00007"); !ok || got != want["dir/00007"] {
		t.Errorf("%q, %t", got, ok)
	}
	s.Close()
	if len(told.all) != 1 || !told.all[0].Warning {
		t.Errorf("told %+v", told.all)
	}
	if told := usedAsAlways(t, dir, want); len(told) > 0 {
		t.Error(told)
	}
}

// The file does not grow beyond its bound. The oldest records make room.
func TestSizeIsBounded(t *testing.T) {
	dir := t.TempDir()
	opts, told := testOptions(dir)
	opts.MaxSize = 4 << 20
	for run := range 4 {
		s := Open(opts)
		v := strings.Repeat("x", 200)
		for i := range 10_000 {
			texts(s).put(fmt.Sprintf("%d/%06d", run, i), &v)
		}
		s.Close()
	}
	info, err := os.Stat(theFile(dir))
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > opts.MaxSize*3/2 {
		t.Errorf("%d bytes", info.Size())
	}
	s := Open(opts)
	defer s.Close()
	if n := len(contents(s)); n == 0 || len(told.all) > 0 {
		t.Errorf("%d records, told %v", n, told.all)
	}
}

func TestAges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := ages{bytes: map[uint32]int64{}}
		var seconds []uint32
		random := rand.New(rand.NewPCG(0, rapid.Uint64().Draw(t, "seed")))
		span := rapid.Uint32Range(1, 1<<31).Draw(t, "span")
		for range rapid.IntRange(1, 3*maxSpans).Draw(t, "records") {
			at := random.Uint32N(span)
			seconds = append(seconds, at)
			a.add(at, 10)
		}
		before, old := a.quarter(), 0
		for _, at := range seconds {
			if at < before {
				old++
			}
		}
		if len(a.bytes) > maxSpans || old < len(seconds)/4 {
			t.Fatalf("%d spans, %d of %d are before %d", len(a.bytes), old, len(seconds), before)
		}
	})
}
