package truth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/internal/resume"
)

// begun writes the records of an object with some parts, as a Runner does, and returns the name
// of the first one.
func begun(t *testing.T, u *Unfinished, key string, parts int) (name string) {
	t.Helper()
	e := resume.Open(u, time.Hour).Begin(resume.Object{Key: key, Token: "t"})
	if e == nil {
		t.Fatalf("%q cannot be begun", key)
	}
	for n := range parts {
		e.Wrote(n+1, resume.Part{Size: int64(n)}, false)
	}
	u.All("o", func(found string, record []byte) bool {
		_, target := s3sync.UnfinishedObject(found, record)
		if target == key {
			name = found
		}
		return target != key
	})
	return name
}

// keys returns the objects that are known.
func (u *Unfinished) keys() (keys []string) {
	u.All("o", func(name string, record []byte) bool {
		_, key := s3sync.UnfinishedObject(name, record)
		keys = append(keys, key)
		return true
	})
	slices.Sort(keys)
	return keys
}

func open(t *testing.T, s *Store, keys job.Keys) *Unfinished {
	t.Helper()
	u, err := s.Unfinished(t.Context(), keys, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// Whoever gets a range of keys finds the records of just these keys, however long they are,
// with their parts. What was removed is gone.
func TestUnfinished(t *testing.T) {
	long := strings.Repeat("x", 2*orderedBytes)
	all := []string{"a", "a/b", "a\x00", "b", "é", long + "1", long + "2", long[:orderedBytes]}
	stores(t, func(t *testing.T, s *Store, damage func(string, func([]byte) []byte)) {
		u := open(t, s, job.Keys{})
		names := map[string]string{}
		for i, key := range all {
			names[key] = begun(t, u, key, i)
		}
		if err := u.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, keys := range []job.Keys{{}, {From: "a/"}, {To: "b"}, {From: "b", To: "b\x00"}, {From: job.Key(long + "1"), To: job.Key(long + "2")}, {From: "c", To: job.Key(long + "1")}, {From: "é"}} {
			var want []string
			for _, key := range all {
				if keys.Range().Contains(key) {
					want = append(want, key)
				}
			}
			slices.Sort(want)
			u := open(t, s, keys)
			if got := u.keys(); !slices.Equal(got, want) || u.Len() != len(want) {
				t.Errorf("%v: got %q, want %q", keys, got, want)
			}
			for _, key := range want {
				parts := 0
				u.All("p"+names[key][1:], func(string, []byte) bool { parts++; return true })
				if parts != slices.Index(all, key) {
					t.Errorf("%q has %d parts, want %d", key, parts, slices.Index(all, key))
				}
			}
		}
		u = open(t, s, job.Keys{})
		for _, key := range all[1:] {
			u.Remove(names[key])
		}
		u.Remove("o") // no record
		if err := u.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := open(t, s, job.Keys{}).keys(); !slices.Equal(got, all[:1]) {
			t.Errorf("%q are left", got)
		}
		for ref, err := range s.refs(t.Context(), unfinishedDir) {
			if err != nil || !strings.Contains(ref.Key, names["a"][1:]) {
				t.Errorf("%q is left, %v", ref.Key, err)
			}
			damage(ref.Key, func(b []byte) []byte { return append(b, ' ') })
		}
		if _, err := s.Unfinished(t.Context(), job.Keys{}, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("a damaged record: %v", err)
		}
	})
}

// Records of parts are written together, and not at all if the object is done soon. Those whose
// object is gone are removed by whoever comes across them.
func TestPartsBehind(t *testing.T) {
	stores(t, func(t *testing.T, s *Store, damage func(string, func([]byte) []byte)) {
		count := func(kind string) (n int) {
			for ref, err := range s.refs(t.Context(), unfinishedDir) {
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(ref.Key, kind) {
					n++
				}
			}
			return n
		}
		u := open(t, s, job.Keys{})
		u.Remove(begun(t, u, "soon", 100))
		name := begun(t, u, "late", 3)
		if n := count(".p."); n != 0 {
			t.Errorf("%d batches, want none yet", n)
		}
		u.behind = 0
		u.Put("p"+name[1:]+"0004", []byte("{}"))
		if n := count(".p."); n != 1 {
			t.Errorf("%d batches, want one", n)
		}
		if err := u.Close(t.Context()); err != nil || count(".o-") != 1 {
			t.Errorf("%v, %d objects", err, count(".o-"))
		}
		for ref, err := range s.refs(t.Context(), unfinishedDir) {
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(ref.Key, ".o-") {
				damage(ref.Key, func([]byte) []byte { return nil })
			}
		}
		if err := open(t, s, job.Keys{}).Close(t.Context()); err != nil || count("") != 0 {
			t.Errorf("%v, %d records are left", err, count(""))
		}
	})
}

// An object whose beginning cannot be written down ends the attempt.
func TestBeginningCannotBeWritten(t *testing.T) {
	stores(t, func(t *testing.T, s *Store, _ func(string, func([]byte) []byte)) {
		ctx, cancel := context.WithCancel(t.Context())
		var failed error
		u, err := s.Unfinished(ctx, job.Keys{}, func(err error) { failed = err })
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if e := resume.Open(u, time.Hour).Begin(resume.Object{Key: "k", Token: "t"}); e != nil || failed == nil {
			t.Errorf("%v, %v", e, failed)
		}
		if err := u.PutDurable("m1", []byte("{}")); !errors.Is(err, errors.ErrUnsupported) || u.Len() != 0 {
			t.Errorf("a record of no object: %v", err)
		}
	})
}
