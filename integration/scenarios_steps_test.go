package integration_test

import (
	"bytes"
	"maps"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"s3sync"
)

// Steps and fixtures of scenarios.

// synced is a run without errors and warnings.
func synced(options ...func(*s3sync.Config)) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		if o := run(t, s.config(s.row.sum.of, with(options...))); o.err != nil || o.Warnings+o.Failed != 0 {
			t.Fatalf("before: %v, %+v\n%s", o.err, o.Stats, o.log)
		}
	}
}

// put puts objects into the source.
func put(objects map[string][]byte) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for key, data := range objects {
			s.source.put(t, key, data)
			s.content[key] = data
		}
	}
}

// changes replaces a source object by one of the same size.
func changes(key string) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		data := bytes.Clone(s.content[key])
		data[0] ^= 1
		put(map[string][]byte{key: data})(t, s)
	}
}

// touches makes source objects newer than their counterparts, by whole seconds. A
// bucket sets its own times. So a file on the other side is made older, or otherwise
// the step waits for the next second.
func touches(keys ...string) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range keys {
			s.touch(t, key)
		}
	}
}

func (s *scenarioRun) touch(t *testing.T, key string) {
	t.Helper()
	path := filepath.FromSlash(key)
	switch {
	case s.source.root != "":
		touch(t, filepath.Join(s.source.root, path), time.Now().Add(time.Minute))
	case s.target.root != "":
		touch(t, filepath.Join(s.target.root, path), time.Now().Add(-time.Hour))
	default:
		counterpart := s.target.modified(t, key)
		// The clock of files is some milliseconds late.
		waitUntil(t, "the next second", func() bool { return time.Now().Add(-50*time.Millisecond).Unix() > counterpart })
		s.source.put(t, key, s.content[key])
		if s.source.modified(t, key) <= counterpart {
			t.Fatalf("%s is not newer than its counterpart", key)
		}
	}
}

// loses deletes source objects.
func loses(keys ...string) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range keys {
			s.source.delete(t, key)
			delete(s.content, key)
		}
	}
}

// overwritten replaces target objects, as another client would.
func overwritten(keys ...string) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range keys {
			s.target.put(t, key, []byte("by somebody else"))
		}
	}
}

// wantStillOverwritten checks that the content written by overwritten is still there.
func wantStillOverwritten(keys ...string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range keys {
			if got := string(s.target.get(t, key)); got != "by somebody else" {
				t.Errorf("%s is %q now", key, got)
			}
		}
	}
}

// fiveFiles is a directory of five small files.
func fiveFiles() map[string][]byte {
	return map[string][]byte{
		"data1": []byte("data1"), "dir1/data1": []byte("data2"), "dir2/data2": []byte("data3"),
		"dir21/data1": []byte("data4"), "dir5/data3": []byte("data5"),
	}
}

// sixFiles has one more, of 20 bytes.
func sixFiles() map[string][]byte {
	objects := fiveFiles()
	objects["dir5/data20"] = bytes.Repeat([]byte{'x'}, 20)
	return objects
}

// awkwardNames has names that are difficult in URLs and in XML.
func awkwardNames() map[string][]byte {
	objects := map[string][]byte{}
	for _, name := range []string{"data++1", "☃/☃", "dir☃/😀", "a b+c/%20", "dir/data=&?#1", "e\u0301/é", "日本語/データ"} {
		objects[name] = []byte(name)
	}
	return objects
}

// zeros is one object of a number of MiB.
func zeros(key string, mib int) map[string][]byte {
	return map[string][]byte{key: make([]byte, mib*s3sync.MiB)}
}

func keysOf(objects map[string][]byte) []string { return slices.Sorted(maps.Keys(objects)) }
