package truth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// stores calls a test with a state store in a bucket and one in a directory. damage changes
// the bytes of an object, or removes it.
func stores(t *testing.T, test func(t *testing.T, s *Store, damage func(key string, change func([]byte) []byte))) {
	t.Run("bucket", func(t *testing.T) {
		m := mem.New()
		s, err := Open(t.Context(), s3sync.Endpoint{Store: m}, "j")
		if err != nil {
			t.Fatal(err)
		}
		test(t, s, func(key string, change func([]byte) []byte) {
			data, err := s.read(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if data = change(data); data == nil {
				m.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})
				return
			}
			b := storage.Block{Data: data, Size: int64(len(data))}
			if _, err := m.Put(t.Context(), key, b, storage.WriteOptions{Size: b.Size}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("directory", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "state")
		s, err := Open(t.Context(), s3sync.Endpoint{URL: dir}, "j")
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(t, s, func(key string, change func([]byte) []byte) {
			path := filepath.Join(dir, filepath.FromSlash(key))
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if data = change(data); data == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	})
}

func checkpoint(attempt, n int) *Checkpoint {
	u := UnitOf(&s3sync.RangeResult{Range: storage.Range{From: "a", To: "c\xff"}, Found: 3, Protected: []string{"b\xfe"}})
	return &Checkpoint{
		Version: 1, Job: "j", Epoch: 1, Spec: "s", Phase: job.PhaseCopy, Range: 3, Generation: 2, Attempt: attempt, N: n,
		Keys: job.Keys{From: "a", To: "z"}, Cursor: "c\xff", Units: []Unit{u},
	}
}

func TestCheckpoints(t *testing.T) {
	stores(t, func(t *testing.T, s *Store, _ func(string, func([]byte) []byte)) {
		l := &job.Lease{Run: job.Run{Epoch: 1}, Range: 3, Generation: 2}
		if c, _, err := s.Latest(t.Context(), l, 9); c != nil || err != nil {
			t.Fatalf("%+v, %v", c, err)
		}
		for _, of := range [][2]int{{1, 1}, {1, 2}, {3, 1}, {10, 1}, {2, 7}} {
			if _, err := s.PutCheckpoint(t.Context(), checkpoint(of[0], of[1])); err != nil {
				t.Fatal(err)
			}
		}
		other := checkpoint(99, 1)
		other.Generation = 20
		if _, err := s.PutCheckpoint(t.Context(), other); err != nil {
			t.Fatal(err)
		}
		for attempt, want := range map[int][2]int{1: {1, 2}, 2: {2, 7}, 5: {3, 1}, 10: {10, 1}, 500: {10, 1}} {
			c, ref, err := s.Latest(t.Context(), l, attempt)
			if err != nil || c.Attempt != want[0] || c.N != want[1] {
				t.Fatalf("attempt %d: %+v, %v", attempt, c, err)
			}
			if r := c.Units[0].RangeResult(); r.Range.To != "c\xff" || r.Protected[0] != "b\xfe" || r.Found != 3 || c.Cursor != "c\xff" {
				t.Errorf("%q: %+v", ref.Key, r)
			}
		}
		last, err := s.LastOfRanges(t.Context(), 1)
		if err != nil || len(last) != 1 || !strings.Contains(last[0].Key, "000020.000099") {
			t.Errorf("%v, %v", last, err)
		}
	})
}

// What is damaged or missing is an error that names it, whatever was done to it.
func TestDamage(t *testing.T) {
	for name, change := range map[string]func([]byte) []byte{
		"missing":     func([]byte) []byte { return nil },
		"empty":       func([]byte) []byte { return []byte{} },
		"cut off":     func(b []byte) []byte { return b[:len(b)-1] },
		"one bit":     func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"more":        func(b []byte) []byte { return append(b, ' ') },
		"a page":      func([]byte) []byte { return []byte("<html>sign in</html>") },
		"all zeroes":  func(b []byte) []byte { return make([]byte, len(b)) },
		"another one": func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("a"), []byte("b")) },
	} {
		t.Run(name, func(t *testing.T) {
			stores(t, func(t *testing.T, s *Store, damage func(string, func([]byte) []byte)) {
				w := s.Shards(Evidence, checkpoint(1, 0))
				for i := range 1000 {
					if err := w.Append(t.Context(), &Record{Key: job.Key(fmt.Sprintf("a%d", i*i)), Did: "transferred"}); err != nil {
						t.Fatal(err)
					}
				}
				shards, err := w.Close(t.Context())
				if err != nil || len(shards) != 1 || shards[0].Records != 1000 {
					t.Fatalf("%v, %v", shards, err)
				}
				ref, err := s.PutCheckpoint(t.Context(), checkpoint(1, 1))
				if err != nil {
					t.Fatal(err)
				}
				damage(ref.Key, change)
				if _, err := s.Checkpoint(t.Context(), ref); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), ref.Key) {
					t.Errorf("checkpoint: %v", err)
				}
				if c, _, err := s.Latest(t.Context(), &job.Lease{Run: job.Run{Epoch: 1}, Range: 3, Generation: 2}, 2); name != "missing" && (c != nil || !errors.Is(err, ErrDamaged)) {
					t.Errorf("the lease would begin anew: %+v, %v", c, err)
				}
				if name == "another one" {
					return // of the compressed bytes perhaps the same
				}
				damage(shards[0].Key, change)
				n := 0
				var last error
				for _, err := range s.Records(t.Context(), shards) {
					if last = err; err == nil {
						n++
					}
				}
				if !errors.Is(last, ErrDamaged) || !strings.Contains(last.Error(), shards[0].Key) || n != 0 {
					t.Errorf("%d records, then %v", n, last)
				}
			})
		})
	}
}

// A checkpoint that is what was written, but cannot be right, is refused as well.
func TestSenselessCheckpoints(t *testing.T) {
	for name, change := range map[string]func(*Checkpoint){
		"version": func(c *Checkpoint) { c.Version = 2 },
		"job":     func(c *Checkpoint) { c.Job = "k" },
		"phase":   func(c *Checkpoint) { c.Phase = "x" },
		"gap":     func(c *Checkpoint) { c.Units[0].Keys.From = "b" },
		"cursor":  func(c *Checkpoint) { c.Cursor = "d" },
		"done":    func(c *Checkpoint) { c.Done = true },
		"nothing": func(c *Checkpoint) { c.Units, c.Done = nil, true },
		"result":  func(c *Checkpoint) { c.Units[0].Result = nil },
	} {
		s, err := Open(t.Context(), s3sync.Endpoint{Store: mem.New()}, "j")
		if err != nil {
			t.Fatal(err)
		}
		c := checkpoint(1, 1)
		change(c)
		ref, err := s.PutCheckpoint(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Checkpoint(t.Context(), ref); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Shards are cut so that memory does not grow with the records.
func TestManyRecords(t *testing.T) {
	s, err := Open(t.Context(), s3sync.Endpoint{Store: mem.New()}, "j")
	if err != nil {
		t.Fatal(err)
	}
	w := s.Shards(Candidates, checkpoint(1, 0))
	when := time.Unix(1, 2).UTC()
	for i := range 2*maxRecords + 1 {
		if err := w.Append(t.Context(), &Record{Key: job.Key(fmt.Sprint(i)), Target: &Object{Size: int64(i), Time: when}}); err != nil {
			t.Fatal(err)
		}
	}
	refs, err := w.Close(t.Context())
	if err != nil || len(refs) != 3 || refs[2].Records != 1 {
		t.Fatalf("%v, %v", refs, err)
	}
	n := 0
	for r, err := range s.Records(t.Context(), refs) {
		if err != nil {
			t.Fatal(err)
		}
		if o := r.Candidate(); o.Key != fmt.Sprint(n) || o.Size != int64(n) || !o.ModTime.Equal(when) {
			t.Fatalf("record %d is %+v", n, o)
		}
		n++
	}
	refs[1].Records++
	for _, err = range s.Records(t.Context(), refs) {
		if err != nil {
			break
		}
	}
	if n != 2*maxRecords+1 || !errors.Is(err, ErrDamaged) {
		t.Errorf("%d records; with a wrong number %v", n, err)
	}
}

// A job reads no object of another job.
func TestForeignRef(t *testing.T) {
	s, err := Open(t.Context(), s3sync.Endpoint{Store: mem.New()}, "j")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(context.Background(), job.Ref{Key: "other/spec", SHA256: "x"}); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if _, err := Open(t.Context(), s3sync.Endpoint{Store: mem.New()}, "../j"); err == nil {
		t.Error("a job has a path as its name")
	}
}
