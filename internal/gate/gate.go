// Package gate decides what may be deleted: first each target-only object (Kept), then all
// of them together (Forbids, Refusal). Only objects that pass both checks are deleted. Its
// functions are pure.
package gate

import (
	"errors"
	"fmt"
	"strings"

	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/internal/trash"
	"s3sync/storage"
)

// ErrDeleteRefused is the kind of error of a run that would have deleted more than its
// user can have meant. The error says what it would have deleted and which setting
// permits it. Nothing was deleted; earlier transfers remain.
var ErrDeleteRefused = errors.New("nothing is deleted")

// manyDeletions is how many objects may be deleted in any case, whatever part of the
// target they are.
const manyDeletions = 100

// Reasons why a target-only object is kept. The log shows them like the names of the
// filters.
const (
	KeptPrefix   = string(plan.ReasonEmptyKey)
	KeptFolder   = string(plan.ReasonFolder)
	KeptUnlisted = string(plan.ReasonUnlisted)
	KeptTrash    = string(plan.ReasonTrash)
)

// Options say what may be deleted.
type Options struct {
	// Enable deletes objects that only the target has.
	Enable bool
	// Excluded also deletes what filters exclude.
	Excluded bool
	// Max is the largest number of objects that are deleted; 0 is no limit.
	Max int64
	// MaxPercent is the largest part of the target that may be deleted, in percent;
	// 100 permits everything.
	MaxPercent int
	// AllowEmptySource permits deletions although the source has no object.
	AllowEmptySource bool
	// AllowPartialPrefix permits deletions below a prefix that ends in the middle of a
	// name.
	AllowPartialPrefix bool
	// AllowOverlap says that two buckets with one name are different buckets.
	AllowOverlap bool
	// IfMatch deletes an object only if it has not changed since it was listed.
	IfMatch bool
	// AskSource asks the source for each object before it is deleted, because a list takes
	// the place of its listing.
	AskSource bool
	// WholeNames are source and target with prefixes that end where names end, as the
	// user types them. They are empty if the user typed none.
	WholeNames string
}

// A Gate decides which target-only objects are kept.
type Gate struct {
	// Protected are keys that the source has but cannot list.
	Protected KeySet
	// Trash is the place of the trash in the target.
	Trash string
	// Excluded returns the name of the filter that excludes a key, or nothing.
	Excluded func(key string) (plan.Reason, error)
}

// Kept returns why a target-only object is not deleted, or nothing. An entry of the
// source that could not be listed protects its key and the keys below. Filters protect
// the keys that they exclude, and those on which they fail.
func (g *Gate) Kept(o storage.Object) (why string, err error) {
	if why := untouchable(o); why != "" {
		return why, nil
	}
	if trash.Within(o.Key, g.Trash) { // it is not listed either
		return KeptTrash, nil
	}
	if g.Protected.Covers(o.Key) {
		return KeptUnlisted, nil
	}
	excluded, err := g.Excluded(o.Key)
	return string(excluded), err
}

// untouchable returns why an object is never deleted, or nothing. An object whose key
// is the prefix itself is not part of a sync, so a sync would never restore it. A
// folder marker, which consoles create, stands for a directory, and directories are
// not removed either.
func untouchable(o storage.Object) string {
	switch {
	case o.Key == "":
		return KeptPrefix
	case strings.HasSuffix(o.Key, "/") && o.Size == 0:
		return KeptFolder
	}
	return ""
}

// Forbids returns why nothing may be deleted, or nothing. If it returns a reason, the
// target-only objects are not known.
func Forbids(incomplete, unsafe bool) string {
	switch {
	case incomplete:
		return "a listing was not complete"
	case unsafe:
		return "not every transfer succeeded"
	}
	return ""
}

// A Tally is the counts of a run after everything was listed and transferred.
type Tally struct {
	// Found is how many keys were listed of the source. Filtered: what
	// filters exclude was perhaps not listed, and is not among them.
	Found    int64
	Filtered bool
	// Held is how many keys the target has: the listed and the new ones.
	Held int64
	// going is how many of them are to be deleted without Delete.Max. Objects that are
	// deleted step by step are deleted as well.
	going int64
	// first are the first keys of these.
	first []string
}

// Add counts an object that is to be deleted.
func (t *Tally) Add(key string) {
	t.going++
	if len(t.first) < 3 {
		t.first = append(t.first, key)
	}
}

// loss describes what would be deleted.
func (t *Tally) loss() setting.Text {
	if t.going == 0 {
		return setting.Textf("the target has nothing to delete either")
	}
	first := make([]string, len(t.first))
	for i, key := range t.first {
		first[i] = fmt.Sprintf("%q", key)
	}
	return setting.Textf("%s would take %d of the %d objects of the target (%.1f %%), first %s", setting.Name("Delete.Enable"),
		t.going, t.Held, 100*float64(t.going)/float64(t.Held), strings.Join(first, ", "))
}

// Refusal returns why nothing may be deleted although everything succeeded, or nil.
// The error wraps ErrDeleteRefused.
func (d *Options) Refusal(t Tally) error {
	switch {
	case t.Found == 0 && !d.AllowEmptySource && (t.going > 0 || !t.Filtered):
		var where string
		if t.Filtered {
			where = " outside of what filters exclude"
		}
		return setting.Errorf("%w: no object was found in the source%s, and %s. %s permits that",
			ErrDeleteRefused, where, t.loss(), setting.Name("Delete.AllowEmptySource"))
	case t.going > manyDeletions && 100*t.going > int64(d.MaxPercent)*t.Held && d.MaxPercent < 100:
		return setting.Errorf("%w: %s, which is more than %d %%. %s permits that",
			ErrDeleteRefused, t.loss(), d.MaxPercent, setting.Name("Delete.MaxPercent=100"))
	}
	return nil
}
