package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"s3sync"
)

// A trialResult is the result of a trial.
type trialResult struct {
	*model

	report        *s3sync.Report
	err           error
	events        []s3sync.Event
	after         *sideView
	hit           bool // the fault occurred
	beside        tree // after the run
	besideBefore  tree
	deleted       []string
	seen          []string // the kinds of this trial
	wrong         []string
	kind          string // the first of them
	sourceAfter   *sideView
	targetChanged bool
}

func (j *trialResult) fault(kind, format string, args ...any) {
	if j.kind == "" {
		j.kind = kind
	}
	j.wrong = append(j.wrong, kind+": "+fmt.Sprintf(format, args...))
}

func (j *trialResult) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, prefixes %q and %q, options %+v, fault %+v (came true: %v)\n", j.direction, j.sourcePrefix, j.targetPrefix, j.o, j.trial.fault, j.hit)
	for i, v := range []*sideView{j.source, j.target, j.after} {
		fmt.Fprintf(&b, "%s:", []string{"source", "target", "after"}[i])
		for _, key := range sortedKeys(v.entries) {
			fmt.Fprintf(&b, " %q=%q@%d", key, v.entries[key].data, v.entries[key].age)
		}
		fmt.Fprintf(&b, "; blind %q, other %v\n", v.unreadable, v.other)
	}
	j.report.Elapsed = 0
	fmt.Fprintf(&b, "error %v, %+v\n", j.err, j.report.Stats)
	for _, ev := range j.events {
		if ev.Type != s3sync.EventWritten && ev.Type != s3sync.EventBegun {
			fmt.Fprintf(&b, "  event %d %q %s %s %v\n", ev.Type, ev.Key, ev.Reason, ev.Note, ev.Err)
		}
	}
	return b.String()
}

// clean reports whether the run says that everything was done, without warnings.
func (j *trialResult) clean() bool {
	return j.err == nil && j.report.Failed == 0 && j.report.Warnings == 0 && !j.report.Incomplete
}

func (j *trialResult) check() {
	j.checkTarget()
	j.checkDeletions()
	j.checkEvents()
	j.checkSuccess()
	j.seen = append(j.seen, "all")
	for what, is := range map[string]bool{
		"clean": j.clean(), "deleted": len(j.deleted) > 0, "refused": j.whyRefused() != "" && len(j.candidates()) > 0, "fault": j.hit,
	} {
		if is {
			j.seen = append(j.seen, what)
		}
	}
}

// checkTarget checks that every object of the target was there before, or is in the
// source.
func (j *trialResult) checkTarget() {
	from := map[string][]string{} // contents of the source by name
	for key, th := range j.source.entries {
		if name, ok := j.targetName(key); ok {
			from[name] = append(from[name], th.data)
		}
	}
	for name, th := range j.after.entries {
		old, existed := j.target.entries[name]
		if existed && old.data == th.data && old.age == th.age {
			continue
		}
		j.targetChanged = true
		if !slices.Contains(from[name], th.data) {
			j.fault("foreign data", "the target's %q holds %q, which is not of the source", name, th.data)
		}
	}
	for name := range j.target.entries {
		if _, still := j.after.entries[name]; !still {
			j.deleted = append(j.deleted, name)
		}
	}
	slices.Sort(j.deleted)
	for name, what := range j.target.other {
		if _, replaced := j.after.entries[name]; !replaced && j.after.other[name] != what {
			j.fault("lost", "%s %q of the target directory is gone", what, name)
		}
	}
	for _, name := range j.target.dirs {
		if !slices.Contains(j.after.dirs, name) {
			j.fault("lost", "directory %q of the target is gone", name)
		}
	}
	if !maps.Equal(j.beside, j.besideBefore) {
		j.fault("beside", "beside the target's prefix there was %v and is %v", j.besideBefore, j.beside)
	}
	if j.o.dry && (j.targetChanged || len(j.deleted) > 0) {
		j.fault("dry run", "a dry run changed the target")
	}
	if !j.vanishes() && !reflect.DeepEqual(j.source, j.sourceAfter) {
		j.fault("source changed", "the source was changed")
	}
}

func (j *trialResult) vanishes() bool {
	return j.direction == up && (strings.HasPrefix(j.trial.fault.name, "root") || strings.HasSuffix(j.trial.fault.name, "ed") && !j.wraps())
}

// checkDeletions checks that every deleted object was allowed to be deleted.
func (j *trialResult) checkDeletions() {
	for _, name := range j.deleted {
		if why := j.whyKept(name); why != "" {
			j.fault("lost", "%q is deleted: %s", name, why)
		}
	}
	if len(j.deleted) == 0 {
		return
	}
	if why := j.whyRefused(); why != "" {
		j.fault("lost", "%q are deleted although %s", j.deleted, why)
	}
	if j.o.max > 0 && int64(len(j.deleted)) > j.o.max {
		j.fault("max delete", "%d are deleted, and at most %d may be", len(j.deleted), j.o.max)
	}
	if j.hit && !j.trial.fault.once {
		switch j.trial.fault.name {
		case "source listing", "target listing", "problem in the source", "problem in the target", "put", "put denied", "open",
			"cancel in the source listing", "root renamed", "root replaced":
			j.fault("lost", "%q are deleted in spite of the fault", j.deleted)
		case "damage":
			j.fault("lost", "%q are deleted although an object could not be read", j.deleted)
		}
	}
	for _, key := range j.missing() {
		if j.incomparable(key) {
			continue // it stays unchanged, with a warning
		}
		j.fault("lost", "%q are deleted although %q was not transferred", j.deleted, key)
	}
}

// incomparable reports whether an object could not be compared with its counterpart.
func (j *trialResult) incomparable(key string) bool {
	return slices.ContainsFunc(j.events, func(ev s3sync.Event) bool {
		return ev.Type == s3sync.EventWarning && ev.Key == key && strings.Contains(ev.Err.Error(), "cannot be compared")
	})
}

// missing returns the objects that should have been transferred but were not.
func (j *trialResult) missing() (keys []string) {
	for key, th := range j.source.entries {
		if _, still := j.sourceAfter.entries[key]; !still || !j.needed(key, th) {
			continue
		}
		name, _ := j.targetName(key)
		if j.after.entries[name].data != th.data || !has(j.after.entries, name) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// checkEvents checks that each object has one outcome, that the counters match, and
// that the events report what happened.
func (j *trialResult) checkEvents() {
	outcomes, names := map[string][]s3sync.EventType{}, map[string]int{}
	var st s3sync.Stats
	var perhaps int64
	told := map[string]bool{}
	for _, ev := range j.events {
		switch ev.Type {
		case s3sync.EventTransferred:
			st.Transferred++
			name, ok := j.targetName(ev.Key)
			if _, marker := fileName(strings.TrimRight(ev.Key, "/")); ok {
				names[name]++
			} else if !marker {
				j.fault("false event", "%q is told to be transferred, and cannot be", ev.Key)
			}
			if th := j.source.entries[ev.Key]; ok && !j.o.dry && names[name] == 1 && j.after.entries[name].data != th.data {
				j.fault("false event", "%q is told to be transferred, but the target has %q", ev.Key, j.after.entries[name].data)
			}
		case s3sync.EventDeleted:
			st.Deleted++
			told[ev.Key] = true
			if !j.o.dry && has(j.after.entries, ev.Key) {
				j.fault("false event", "%q is told to be deleted, and is there", ev.Key)
			}
			continue
		case s3sync.EventSkipped, s3sync.EventCancelled:
			st.Skipped++
		case s3sync.EventPerhapsDeleted:
			st.Warnings++
			st.PerhapsDeleted++
			told[ev.Key] = true
			continue
		case s3sync.EventWarning:
			st.Warnings++
		case s3sync.EventUnverified, s3sync.EventNoChecksum:
			perhaps++ // a warning, if it concerns the object's parts
			continue
		case s3sync.EventFailed:
			st.Failed++
			told[ev.Key] = true
		default:
			continue
		}
		if ev.Key != "" && ev.Type != s3sync.EventDeleted {
			outcomes[ev.Key] = append(outcomes[ev.Key], ev.Type)
		}
	}
	for name, n := range names {
		if n > 1 {
			j.fault("collision", "%d objects are told to be transferred to %q", n, name)
		}
	}
	for key, all := range outcomes {
		if len(all) > 1 {
			j.fault("outcomes", "%q has more than one outcome: %v", key, all)
		}
	}
	for _, name := range j.deleted {
		if !told[name] {
			j.fault("not told", "%q is deleted, and nothing tells so", name)
		}
	}
	r := j.report.Stats
	if r.Transferred != st.Transferred || r.Deleted != st.Deleted || r.Skipped != st.Skipped || r.Failed != st.Failed || r.PerhapsDeleted != st.PerhapsDeleted ||
		r.Warnings < st.Warnings || r.Warnings > st.Warnings+perhaps {
		j.fault("counters", "the report counts %+v, the events %+v", r, st)
	}
	if !j.o.dry && int(r.Deleted) > len(j.deleted) {
		j.fault("counters", "%d are told to be deleted, %d are", r.Deleted, len(j.deleted))
	}
	if (j.report.Failed > 0) && j.err == nil {
		j.fault("false success", "something failed, and the run did not")
	}
}

// checkSuccess checks that a run without failures and warnings did everything.
func (j *trialResult) checkSuccess() {
	if !j.clean() {
		return
	}
	if j.hit && !j.trial.fault.once {
		switch j.trial.fault.name {
		case "source listing", "target listing", "put", "put denied", "open", "problem in the source", "problem in the target",
			"root renamed", "root replaced", "cancel in the source listing":
			j.fault("false success", "the fault came true, and the run tells of a success")
		case "directory renamed":
			j.checkUnlisted()
		}
	}
	for _, key := range j.missing() {
		if !j.o.dry {
			j.fault("false success", "%q is not transferred, and the run tells of a success", key)
		}
	}
	for key, th := range j.source.entries {
		if name, ok := j.targetName(key); ok && !j.selects(key, th) && len(j.from(name)) == 1 && has(j.after.entries, name) &&
			j.after.entries[name] != j.target.entries[name] {
			j.fault("filter", "%q is transferred although the filters leave it out", key)
		}
	}
	for _, name := range j.source.unreadable {
		if j.concerns(name) {
			j.fault("blind", "%q cannot be read, and nothing tells so", name)
		}
	}
	left := j.candidates()
	if j.whyRefused() != "" {
		if len(left) > 0 {
			j.fault("refusal not told", "nothing may be deleted because %s, and the run tells of a success", j.whyRefused())
		}
		return
	}
	if j.o.dry {
		return
	}
	for _, name := range left {
		if has(j.after.entries, name) && (j.o.max == 0 || int64(len(left)) <= j.o.max) && j.mustGo(name) {
			j.fault("not deleted", "%q is still there after a success", name)
		}
	}
	if j.o.max > 0 && int64(len(left)) > j.o.max && len(j.deleted) > 0 {
		j.fault("max delete", "more than %d had to go, and nothing tells so", j.o.max)
	}
}

// checkUnlisted checks a directory that disappeared during the run: everything in it
// was seen before, or the run reports it.
func (j *trialResult) checkUnlisted() {
	top, _, _ := strings.Cut(j.trial.fault.key, "/")
	for key := range j.source.entries {
		seen := slices.ContainsFunc(j.events, func(ev s3sync.Event) bool { return ev.Key == key })
		if strings.HasPrefix(key, top+"/") && !seen && !j.globbed(key) {
			j.fault("false success", "%q went away with its directory, was not looked at, and nothing tells so", key)
		}
	}
}

// from returns the source keys that the target holds under a name.
func (j *trialResult) from(name string) (keys []string) {
	for key := range j.source.entries {
		if held, ok := j.targetName(key); ok && held == name {
			keys = append(keys, key)
		}
	}
	return keys
}

// runAgain checks that a second run has nothing to do. It is refused if the first one wrote
// what looks like siblings of the prefix.
func (j *trialResult) runAgain(ctx context.Context, cfg *s3sync.Config) {
	if j.trial.fault.name != "" || j.o.check == "overwrite" {
		return
	}
	cfg.OnEvent = nil
	cfg.Check.ReadBoth = j.o.check == "etag" // the ETags of other parts decide nothing
	report, err := s3sync.SyncUnchecked(ctx, cfg, j.targetPrefix)
	refused := j.o.delete && j.sibling(j.after.entries) != "" && errors.Is(err, s3sync.ErrDeleteRefused)
	if err != nil && !refused && !errors.Is(err, errInjected) || report.Transferred != 0 || report.Deleted != 0 {
		j.fault("second run", "a second run: %v, %+v", err, report)
	}
}
