package s3sync_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/storage"
)

// A crashResult is what runs made of the target.
type crashResult struct {
	ops      int   // of the last process
	warnings int64 // of its run
	target   map[string]whole
	etags    map[string]string
	versions map[string]string // by key, the newest first
}

// A crashCheck checks what processes do.
type crashCheck struct {
	t      *testing.T
	w      *crashWorld
	whole  *crashResult // nil in the run that nothing interrupts
	before map[string]whole
	source map[string]whole
	there  map[string]bool // keys that the target had at some time
	did    work            // of earlier processes
	stores map[string]storage.Store
}

func newCrashCheck(t *testing.T, w *crashWorld, whole *crashResult) *crashCheck {
	t.Helper()
	c := &crashCheck{t: t, w: w, whole: whole, there: map[string]bool{}, did: newWork(), stores: map[string]storage.Store{}}
	for _, side := range []string{"source", "target", "trash"} {
		s := w.open(t, nil, side)
		t.Cleanup(func() { _ = s.Close() })
		c.stores[side] = s
	}
	c.before, c.source = c.target(), wholes(t, c.stores["source"])
	return c
}

// target returns the objects of the target.
func (c *crashCheck) target() map[string]whole { return wholes(c.t, c.stores["target"]) }

// etags returns the ETags of the target.
func (c *crashCheck) etags() map[string]string {
	etags := map[string]string{}
	for o, err := range c.stores["target"].List(context.Background(), storage.ListOptions{}) {
		if err != nil {
			c.t.Fatal(err)
		}
		if !trash.Within(o.Key, trashInside) {
			etags[o.Key] = o.ETag
		}
	}
	return etags
}

// versions returns the versions of the target, if it keeps them.
func (c *crashCheck) versions() map[string]string {
	all := map[string]string{}
	if s := c.w.mem["target"]; s != nil {
		for o, err := range s.Versions(context.Background(), storage.ListOptions{}) {
			if err != nil {
				c.t.Fatal(err)
			}
			all[o.Key] += fmt.Sprint(o.ETag, " ", o.DeleteMarker, ", ")
		}
	}
	return all
}

// changed checks an object of the target that was changed: it is as it was or as it is to be.
func (c *crashCheck) changed(side, key string) {
	if side != "target" || c.whole == nil || c.w.tr.history {
		return
	}
	old, was := c.before[key]
	want, stays := c.whole.target[key]
	_, err := c.stores["target"].Stat(context.Background(), key, storage.StatOptions{})
	switch {
	case storage.Gone(err):
		if (was || c.there[key]) && stays {
			c.t.Errorf("%q is not in the target any more", key)
		}
	case err != nil:
		c.t.Error(err)
	default:
		c.there[key] = true
		now := wholeOf(c.t, c.stores["target"], key)
		if !(was && cmp.Equal(now, old)) && !(stays && cmp.Equal(now, want)) {
			c.t.Errorf("%q is %+v, neither %+v nor %+v", key, now, old, want)
		}
	}
}

// ended checks what a process did.
func (c *crashCheck) ended(p *process, report *s3sync.Report, err error) {
	warnings := report.Warnings
	if c.whole != nil {
		warnings = c.whole.warnings
	}
	if !p.dead && (err != nil || report.Failed > 0 || report.Warnings > warnings || report.Incomplete) {
		c.t.Errorf("a run was not complete: %+v, %v", report, err)
	}
	// Without what outlives a process nobody knows that an object in other parts is equal.
	resumes := c.w.tr.state && c.w.tr.resume && !c.w.tr.history // versions have one key
	for _, sent := range p.sent {
		if c.did.published[sent.key] && (resumes || c.w.tr.check != s3sync.CheckETag && !c.w.tr.history) {
			c.t.Errorf("%v: it was there, and is sent again", sent)
		}
		// A file below the threshold is written as one part if there is a trash, and not resumed.
		whole := c.whole != nil && c.w.tr.files("target") && int64(len(c.whole.target[sent.key].Data)) < c.w.tr.threshold
		if !resumes || whole {
			continue
		}
		if part := sent.part(); c.did.answered[part] || c.did.written[part] && c.w.tr.way != "copy" && !c.w.tr.files("target") {
			c.t.Errorf("%v: the part was there, and is sent again", sent)
		}
	}
	c.did.add(&p.work)
	if c.w.tr.trash != "" {
		c.recoverable()
	}
}

// recoverable checks that every old object is in its place or in the trash.
func (c *crashCheck) recoverable() {
	ctx := context.Background()
	now, kept := c.target(), wholes(c.t, c.stores["trash"])
	saved, made := map[string]bool{}, map[string]bool{}
	for _, id := range c.runs() {
		for l, err := range trash.Read(ctx, c.stores["trash"], id) {
			if err != nil {
				c.t.Errorf("journal: %v", err)
				continue
			}
			old, was := c.before[l.Key]
			switch {
			case l.Do == trash.Create:
				made[l.Key] = true
			case l.Do == trash.Tag:
				saved[l.Key] = true
			case !was || l.Do == "":
			case l.Trash != "":
				saved[l.Key] = saved[l.Key] || cmp.Equal(kept[id+"/"+l.Trash], old)
			default:
				_, err := c.stores["target"].Stat(ctx, l.Key, storage.StatOptions{VersionID: l.Old.Version})
				saved[l.Key] = saved[l.Key] || err == nil
			}
		}
	}
	for key, old := range c.before {
		if !cmp.Equal(now[key], old) && !saved[key] {
			c.t.Errorf("the old %q is neither in the target nor in the trash", key)
		}
	}
	for key := range now {
		if _, ok := c.before[key]; !ok && !made[key] {
			c.t.Errorf("%q was created, and no journal tells of it", key)
		}
	}
}

// runs returns the ids of the runs in the trash, oldest first.
func (c *crashCheck) runs() (ids []string) {
	for id, err := range trash.IDs(context.Background(), c.stores["trash"]) {
		if err != nil {
			c.t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// finished checks what all processes made.
func (c *crashCheck) finished(result *crashResult) {
	if c.whole == nil {
		return
	}
	if diff := cmp.Diff(c.whole.target, result.target); diff != "" {
		c.t.Errorf("the target (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.whole.etags, result.etags); diff != "" {
		c.t.Errorf("ETags (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.whole.versions, result.versions); diff != "" && (c.w.tr.state && c.w.tr.resume || c.w.tr.check != s3sync.CheckETag) {
		c.t.Errorf("versions (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(c.source, wholes(c.t, c.stores["source"])); diff != "" {
		c.t.Errorf("the source (-want +got):\n%s", diff)
	}
	c.nothingLeft()
	if c.w.tr.trash == "" {
		return
	}
	ids := c.runs()
	slices.Reverse(ids)
	for _, id := range ids {
		_, err := undo.Run(context.Background(), undo.Options{Target: c.stores["target"], Trash: c.stores["trash"], ID: id, Force: true, Report: func(undo.Change) {}})
		if err != nil {
			c.t.Fatal(err)
		}
	}
	if diff := cmp.Diff(c.before, c.target()); diff != "" {
		c.t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// nothingLeft checks that nothing unfinished is left.
func (c *crashCheck) nothingLeft() {
	sides := []string{"target", "trash"}
	if !c.w.tr.state {
		sides = nil // no later run can know of it
	}
	for _, side := range sides {
		resumer, _ := storage.As[storage.Resumer](c.stores[side])
		for l, err := range resumer.Leftovers(context.Background()) {
			if err != nil {
				c.t.Fatal(err)
			}
			c.t.Errorf("an unfinished object is left in the %s: %+v", side, l)
		}
	}
	files, err := os.ReadDir(c.w.state)
	if err != nil && c.w.tr.state {
		c.t.Error(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), ".set-aside") {
			c.t.Errorf("the state was set aside: %s", f.Name())
		}
	}
}
