package state

import (
	"fmt"
	"os"
	"testing"

	"s3sync/storage"
)

// recordsOf returns how many records of each kind there are.
func recordsOf(u *Unfinished) map[string]int {
	got := map[string]int{}
	u.All("", func(key string, record []byte) bool {
		got[key[:2]+string(record)]++
		return true
	})
	return got
}

// TestUnfinished: records are there at once and for the next run, except those that were
// removed.
func TestUnfinished(t *testing.T) {
	opts := Options{Dir: t.TempDir(), Pair: Pair{Source: "a", Target: "b"}}
	s := Open(opts)
	u := s.Unfinished()
	if err := u.PutDurable("o1", []byte("object")); err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		u.Put(fmt.Sprintf("p1%03d", i), []byte("part"))
	}
	u.Remove("p1000")
	for range 2 {
		if got := recordsOf(u); len(got) != 2 || got["o1object"] != 1 || got["p1part"] != 299 {
			t.Errorf("the records are %v", got)
		}
		u.Close()
		s.Close()
		if _, err := os.Stat(s.base + logFile); err == nil {
			t.Error("there is still a log")
		}
		s = Open(opts)
		u = s.Unfinished()
	}
	u.Close()
	s.Close()
	var none *State
	n := none.Unfinished()
	n.Put("a", nil)
	if err := n.PutDurable("a", nil); err == nil {
		t.Error("without a state a record is durable")
	}
}

// TestLogOutlivesAKill: what was put before a kill is there for the next run, up to a record
// that was not written whole.
func TestLogOutlivesAKill(t *testing.T) {
	opts := Options{Dir: t.TempDir(), Pair: Pair{Source: "a", Target: "b"}}
	s := Open(opts)
	u := s.Unfinished()
	for i := range 10 {
		u.Put(fmt.Sprintf("p1%03d", i), []byte("part"))
	}
	log, err := os.ReadFile(s.base + logFile)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		u.Remove(fmt.Sprintf("p1%03d", i)) // as if it had never come to the database
	}
	u.Close()
	s.Close()
	for name, tt := range map[string]struct {
		log  []byte
		want int
	}{
		"whole":         {log, 10},
		"cut":           {log[:len(log)-3], 9},
		"damaged":       {append(append([]byte{}, log[:len(log)-3]...), "xyz"...), 9},
		"nonsense":      {[]byte("nonsense, but of some length"), 0},
		"half a length": {log[:3], 0},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(s.base+logFile, tt.log, 0o600); err != nil {
				t.Fatal(err)
			}
			s := Open(opts)
			u := s.Unfinished()
			if got := recordsOf(u)["p1part"]; got != tt.want {
				t.Errorf("%d records, want %d", got, tt.want)
			}
			for i := range 10 {
				u.Remove(fmt.Sprintf("p1%03d", i))
			}
			u.Close()
			s.Close()
		})
	}
}

func TestLogBeginsAnew(t *testing.T) {
	s := Open(Options{Dir: t.TempDir(), Pair: Pair{Source: "a", Target: "b"}})
	defer s.Close()
	u := s.Unfinished()
	for i := range 12 {
		u.Put(fmt.Sprint("p1", i), make([]byte, maxLog/10))
	}
	if fi, err := os.Stat(s.base + logFile); err != nil || fi.Size() > maxLog {
		t.Errorf("the log: %v, %v", fi, err)
	}
	u.Close()
}

// TestUnfinishedEndsNoRun: what cannot be written is told once, and is no failure of the run.
func TestUnfinishedEndsNoRun(t *testing.T) {
	told := 0
	s := Open(Options{Dir: t.TempDir(), Pair: Pair{Source: "a", Target: "b"}, Notice: func(storage.Notice) { told++ }})
	u := s.Unfinished()
	if err := s.file.Close(); err != nil { // as on a disk that fails
		t.Fatal(err)
	}
	if err := u.PutDurable("o1", []byte("object")); err == nil {
		t.Error("a record is durable without a disk")
	}
	u.Close()
	s.Close()
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}
