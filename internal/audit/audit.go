// Package audit compares what a store has now with what a manifest says that it had. It
// asks for listings and descriptions, and reads contents only where nothing else can tell,
// or where the caller asks for it.
package audit

import (
	"context"
	"errors"
	"iter"
	"sync"

	"s3sync/internal/extsort"
	"s3sync/internal/manifest"
	"s3sync/internal/parallel"
	"s3sync/internal/side"
	"s3sync/storage"
)

// sortMemory is how many bytes of entries, or of objects, are sorted in memory.
const sortMemory = 8 << 20

// Options adjust an audit.
type Options struct {
	// Read reads the content of every object, even if its ETag is the recorded one.
	Read bool
	// BySourceKey: the store is the source of the run, or was made like it. Otherwise it
	// has the keys of the target.
	BySourceKey bool
	// Sort: the keys of the store are in another order than those of the manifest.
	Sort bool
	// Workers bounds the objects that are looked at at once.
	Workers int
	// Tell is called for each finding. Calls do not overlap.
	Tell func(Finding)
}

// A Kind is the kind of a finding.
type Kind string

// The kinds of findings.
const (
	// Missing: the store does not have the object.
	Missing Kind = "missing"
	// Different: the object has other contents.
	Different Kind = "different"
	// Unknown: nothing tells whether the contents are the same.
	Unknown Kind = "unknown"
	// Failed: the object, or a part of the store, could not be looked at.
	Failed Kind = "failed"
	// Additional: the manifest does not have the object, or says that it was deleted.
	Additional Kind = "additional"
)

// A Finding is something about one object that is not as the manifest says.
type Finding struct {
	Kind Kind
	Key  string // in the store
	// VersionID is set if the finding is about an older version of the object.
	VersionID string
	// Why says in words what is not as it was.
	Why string
}

// A Result counts what was found. Each object, and each version that is looked at, is
// counted once.
type Result struct {
	// ByETag, ByChecksum and ByContent are equal to what the manifest says, as ETags, as
	// additional checksums or the bytes tell.
	ByETag     int64 `json:"same_by_etag"`
	ByChecksum int64 `json:"same_by_checksum"`
	ByContent  int64 `json:"same_by_content"`
	Missing    int64 `json:"missing"`
	Different  int64 `json:"different"`
	Unknown    int64 `json:"unknown"`
	Failed     int64 `json:"failed"`
	Additional int64 `json:"additional"`
	// Uncovered counts objects that the run skipped or failed at, so that the manifest
	// does not say what the store should have.
	Uncovered int64 `json:"uncovered"`
	// ReadBytes is the size of the contents that were read.
	ReadBytes int64 `json:"read_bytes"`
}

// Same returns the number of objects that are as the manifest says.
func (r *Result) Same() int64 { return r.ByETag + r.ByChecksum + r.ByContent }

// Entries calls visit for each entry of a manifest, in order.
type Entries func(visit func(*manifest.Entry) error) error

// Run compares a store with a manifest that was checked before. Its error says why the
// audit ended early; findings are no error. Memory does not depend on the number of
// objects.
func Run(ctx context.Context, entries Entries, s *side.Side, opts Options) (Result, error) {
	a := &auditor{opts: opts, side: s}
	err := parallel.ForEach(ctx, opts.Workers, func(ctx context.Context) iter.Seq2[job, error] { return a.jobs(ctx, entries) }, a.check)
	return a.result, err
}

// An auditor is one audit.
type auditor struct {
	opts Options
	side *side.Side

	mu     sync.Mutex
	result Result
}

// A job is all that is known about one key.
type job struct {
	key string
	// entries are those of the key in the order of the manifest: several are versions.
	entries []manifest.Entry
	// now is what the store lists; nil if it lists nothing.
	now *storage.Object
}

// errStopped ends the reading of entries that nobody wants any more.
var errStopped = errors.New("nobody wants more entries")

// jobs joins the entries with a listing of the store.
func (a *auditor) jobs(ctx context.Context, entries Entries) iter.Seq2[job, error] {
	return func(yield func(job, error) bool) {
		next, stop := iter.Pull2(a.list(ctx))
		defer stop()
		object, err, more := next()
		var group job
		// flush hands over the group, after what is only in the store before it.
		flush := func() error {
			for err == nil && more && (len(group.entries) == 0 || object.Key <= group.key) {
				at := object
				if len(group.entries) > 0 && at.Key == group.key {
					group.now = &at
				} else if !yield(job{key: at.Key, now: &at}, nil) {
					return errStopped
				}
				object, err, more = next()
			}
			if err == nil && len(group.entries) > 0 && !yield(group, nil) {
				return errStopped
			}
			group = job{}
			return err
		}
		failed := a.sorted(entries)(func(e *manifest.Entry) error {
			if key := a.keyOf(e); len(group.entries) == 0 || key != group.key {
				if len(group.entries) > 0 {
					if err := flush(); err != nil {
						return err
					}
				}
				group.key = key
			}
			group.entries = append(group.entries, *e)
			return nil
		})
		if failed == nil && len(group.entries) > 0 {
			failed = flush()
		}
		if failed == nil {
			failed = flush() // what comes behind the last entry
		}
		if failed != nil && !errors.Is(failed, errStopped) {
			yield(job{}, failed)
		}
	}
}

// keyOf returns the key of an entry in the store.
func (a *auditor) keyOf(e *manifest.Entry) string {
	if a.opts.BySourceKey {
		return e.TheKey()
	}
	return e.TargetKey()
}

// sorted returns the entries in order of their keys in the store.
func (a *auditor) sorted(entries Entries) Entries {
	if !a.opts.Sort {
		return entries
	}
	return func(visit func(*manifest.Entry) error) (err error) {
		lines := extsort.NewLines(sortMemory)
		defer func() { err = errors.Join(err, lines.Close()) }()
		if err := entries(func(e *manifest.Entry) error {
			text, err := manifest.Pack(e)
			if err != nil {
				return err
			}
			return lines.Add(a.keyOf(e), text)
		}); err != nil {
			return err
		}
		for text, err := range lines.Sorted() {
			if err != nil {
				return err
			}
			e, err := manifest.Unpack(text)
			if err != nil {
				return err
			}
			if err := visit(e); err != nil {
				return err
			}
		}
		return nil
	}
}

// list yields the objects of the store in ascending order of their keys.
func (a *auditor) list(ctx context.Context) iter.Seq2[storage.Object, error] {
	all := a.side.List(ctx, storage.ListOptions{Problem: func(p storage.Problem) {
		a.find(Finding{Kind: Failed, Key: p.Key, Why: "it cannot be listed: " + p.Err.Error()})
	}})
	if a.side.Caps.Ordered {
		return all
	}
	return func(yield func(storage.Object, error) bool) {
		sorter := extsort.New(sortMemory)
		defer func() { _ = sorter.Close() }() // a temporary file
		for o, err := range all {
			if err == nil {
				err = sorter.Add(o)
			}
			if err != nil {
				yield(o, err)
				return
			}
		}
		sorter.Sorted()(yield)
	}
}

// find counts and tells a finding.
func (a *auditor) find(f Finding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch r := &a.result; f.Kind {
	case Missing:
		r.Missing++
	case Different:
		r.Different++
	case Unknown:
		r.Unknown++
	case Failed:
		r.Failed++
	case Additional:
		r.Additional++
	}
	if a.opts.Tell != nil {
		a.opts.Tell(f)
	}
}

// count adds one to a counter of the result.
func (a *auditor) count(counter *int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	*counter++
}
