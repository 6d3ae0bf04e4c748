package leftovers

import (
	"testing"
	"time"

	"s3sync/internal/resume"
	"s3sync/internal/state"
)

// What a run began to copy to a trash is known like what it writes to its target: while it
// runs, and after it was killed.
func TestKnownUploadsOfATrash(t *testing.T) {
	dir := t.TempDir()
	const place = "s3://b/trash/ at x"
	s := state.Open(state.Options{Dir: dir, Pair: state.Pair{Source: "/a", Target: "s3://b/data/ at x"}, NoSync: true})
	if s == nil {
		t.Fatal("it cannot be opened")
	}
	u := s.Unfinished()
	u.Besides(place)
	journal := resume.Open(resume.In(u, place), time.Hour)
	if journal.Intend("run/intended") == nil || journal.Begin(resume.Object{Key: "run/begun", Token: `{"id":"7"}`}) == nil {
		t.Fatal("nothing is noted")
	}
	check := func(u Upload, want bool) {
		t.Helper()
		k, err := knownUploads(dir, "s3://b/")
		if err != nil || k.has(&u) != want {
			t.Errorf("%q is known: %v, %v", u.Key, !want, err)
		}
	}
	check(Upload{Key: "trash/run/any", ID: "1"}, true)
	check(Upload{Key: "elsewhere", ID: "1"}, false)
	u.Close()
	s.Close()
	check(Upload{Key: "trash/run/any", ID: "1"}, false)
	check(Upload{Key: "trash/run/intended", ID: "1"}, true)
	check(Upload{Key: "trash/run/begun", ID: "7"}, true)
}
