package plan_test

import (
	"testing"

	"s3sync/internal/plan"
	"s3sync/storage"
)

// Each kind has a name of its own.
func TestKindNames(t *testing.T) {
	for kind, want := range map[plan.Kind]string{
		plan.Skip: "skip", plan.Transfer: "transfer", plan.Tag: "tag", plan.Mark: "mark",
		plan.Delete: "delete",
		0:           "Kind(0)", plan.Delete + 1: "Kind(6)",
	} {
		if got := kind.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// A pair goes by the key of the source, also where the target holds it under another
// one.
func TestKeyOfAPair(t *testing.T) {
	p := plan.Pair{Source: storage.Object{Key: "/a"}, Target: storage.Object{Key: "a"}, Exists: true, TargetKey: "a"}
	if p.Key() != "/a" {
		t.Errorf("got %q", p.Key())
	}
}

func TestIsDirectory(t *testing.T) {
	for key, want := range map[string]bool{"a/": true, "/": true, "a": false, "a/b": false, "": false} {
		if plan.IsDirectory(key) != want {
			t.Errorf("%q: %v", key, !want)
		}
	}
}
