package engine

import (
	"errors"
	"fmt"
	"strings"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// What may be deleted, and why not, is decided here and nowhere else: first of
// each object that only the target has (kept), then of all of them together
// (forbidden, refusal). Only what passes both is deleted: see delete.go.

// ErrDeleteRefused is the kind of error of a run that would have deleted more
// than its user can have meant. The error tells what would have gone and which
// setting permits it. Nothing was deleted; what was transferred before counts.
var ErrDeleteRefused = errors.New("nothing is deleted")

// manyDeletions is how many objects may be deleted whatever part of the target
// they are.
const manyDeletions = 100

// Names of what keeps an object that only the target has. They are the names
// in the log, beside those of the filters.
const (
	keptPrefix   = "key equals the prefix"
	keptFolder   = "folder marker"
	keptUnlisted = "source cannot be listed"
	keptExcluded = "exclude-regex"
)

// Delete says what may be deleted.
type Delete struct {
	// Enable deletes objects that only the target has.
	Enable bool
	// Excluded also deletes what the filter of excluded keys matches.
	Excluded bool
	// Max is how many objects are deleted at most; 0 is no bound.
	Max int64
	// MaxPercent refuses to delete more of the target, in percent; 100 never refuses.
	MaxPercent int
	// AllowEmptySource permits to delete although the source has no object.
	AllowEmptySource bool
	// AllowPartialPrefix permits to delete below a prefix that ends in the middle of
	// a name.
	AllowPartialPrefix bool
	// AllowOverlap says that two buckets of one name are two.
	AllowOverlap bool
	// IfMatch deletes each object only while it is as it was listed.
	IfMatch bool
	// WholeNames are source and target with prefixes that end where names do, as one
	// types them; empty if nobody has typed them.
	WholeNames string
}

// A gate decides which target-only objects are kept.
type gate struct {
	// protected are keys of what the source has and cannot list.
	protected keySet
	// excluded reports whether a key is kept by the filter of excluded keys.
	excluded func(key string) (bool, error)
}

// kept names why an object that only the target has is not deleted, or nothing. An
// entry of the source that could not be listed protects its key and what is below.
// The filter of excluded keys protects what it matches, and what it cannot be matched
// with.
func (g *gate) kept(o storage.Object) (why string, err error) {
	if why := untouchable(o); why != "" {
		return why, nil
	}
	if g.protected.covers(o.Key) {
		return keptUnlisted, nil
	}
	excluded, err := g.excluded(o.Key)
	if excluded {
		why = keptExcluded
	}
	return why, err
}

// untouchable names why an object is never deleted, or nothing. What has the key
// of the prefix itself is no part of a sync, so that it would never come back.
// A folder marker, which consoles make, stands for a directory, and directories
// are not removed either.
func untouchable(o storage.Object) string {
	switch {
	case o.Key == "":
		return keptPrefix
	case strings.HasSuffix(o.Key, "/") && o.Size == 0:
		return keptFolder
	}
	return ""
}

// A tally is what is known of a run when everything was listed and transferred.
type tally struct {
	// found is how many keys the source has, before filters.
	found int64
	// held is how many keys the target has: those that it listed, and new ones.
	held int64
	// going is how many of them are to be deleted, Delete.Max left aside: what is
	// deleted bit by bit is gone as well.
	going int64
	// first are the first of those.
	first []string
}

func (t *tally) add(key string) {
	t.going++
	if len(t.first) < 3 {
		t.first = append(t.first, key)
	}
}

// loss says what would go.
func (t *tally) loss() setting.Text {
	if t.going == 0 {
		return setting.Textf("the target has nothing to delete either")
	}
	first := make([]string, len(t.first))
	for i, key := range t.first {
		first[i] = fmt.Sprintf("%q", key)
	}
	return setting.Textf("%s would take %d of the %d objects of the target (%.1f %%), first %s", setting.Name("Delete.Enable"),
		t.going, t.held, 100*float64(t.going)/float64(t.held), strings.Join(first, ", "))
}

// refusal is why nothing may be deleted although everything went well, or nil. It
// is an ErrDeleteRefused.
func (d *Delete) refusal(t tally) error {
	switch {
	case t.found == 0 && !d.AllowEmptySource:
		return setting.Errorf("%w: no object was found in the source, and %s. %s permits that",
			ErrDeleteRefused, t.loss(), setting.Name("Delete.AllowEmptySource"))
	case t.going > manyDeletions && 100*t.going > int64(d.MaxPercent)*t.held && d.MaxPercent < 100:
		return setting.Errorf("%w: %s, which is more than %d %%. %s permits that",
			ErrDeleteRefused, t.loss(), d.MaxPercent, setting.Name("Delete.MaxPercent=100"))
	}
	return nil
}
