package scan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"s3sync/internal/plan"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// A directory cannot hold every key under its own name: "/a" and "a//b" become "a"
// and "a/b" (storage.KeyMapper). The key of such a remapped object stands elsewhere
// in the order of the source than its file in the order of the target, so that the
// join cannot pair them. Remapped objects are therefore sorted by their mapped key,
// and paired after the join with what only the target seemed to have. What finds its
// counterpart there is not target-only.
//
// A range of keys is one of mapped keys here, so that these objects are looked at
// only now: one that was listed may belong behind the key at which the scan stopped.

// sep separates the mapped key from the key in the sort key of a remapped object. It
// occurs in neither, because no file has it in its name, and sorts below everything
// that does.
const sep = "\x00"

func sortKey(mapped, key string) string { return mapped + sep + key }

// splitSortKey takes apart what sortKey made.
func splitSortKey(text string) (mapped, key string) {
	mapped, key, _ = strings.Cut(text, sep)
	return mapped, key
}

// remap keeps a source object that the target holds under another key, or would.
func (s *Scanner) remap(p *Pair) error {
	o := p.Source
	o.Key = sortKey(p.TargetKey, o.Key)
	s.anyRemapped = true
	return s.remapped.Add(o)
}

// AnyRemapped reports whether Remapped has anything to do.
func (s *Scanner) AnyRemapped() bool { return s.anyRemapped }

// Remapped yields the source objects that the target holds under another key, beside
// their counterparts, in order of that key. Pairs must have come to its end, and
// what it yielded must have been processed. added is how many objects that the target
// did not list were written since, directories left aside; 0 in a dry run. selects is
// the answer of the filters: an object that it returns false for is not yielded, but
// its file remains its own, so that no filter makes it look like one that the source
// does not have. An error of selects ends Remapped.
//
// If several keys map to one file it is that of the key that needs no mapping, else
// of the first one, also if that one is not selected. The others have an Err, in every
// run the same ones, so that none ever overwrites what another one wrote.
//
// It returns a single-use iterator. At its end TakeTargetOnly lacks the counterparts
// that were found.
func (s *Scanner) Remapped(ctx context.Context, added int64, selects func(*plan.Pair) (bool, error)) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		m := remapping{Scanner: s, selects: selects, keep: spool.New(0), written: added == s.missing}
		more, err := m.pairAll(ctx, yield)
		rest := m.keep
		if err == nil {
			s.targetOnly, rest = rest, s.targetOnly
		}
		if err = errors.Join(err, rest.Close()); err != nil && more {
			yield(Pair{}, err)
		}
	}
}

// A remapping pairs the remapped objects with what only the target seemed to have.
type remapping struct {
	*Scanner

	selects func(*plan.Pair) (bool, error)
	// keep is what only the target has.
	keep *spool.Spool
	// written: every source object that is a file of its own key is in the target.
	written bool

	// The object of the target that is not paired yet, if more.
	next func() (storage.Object, error, bool)
	head storage.Object
	more bool

	// The mapped key of the object before, and the key that has its file.
	last, owner string
}

// pairAll yields what is to be processed. It returns false if yield wants no more.
func (m *remapping) pairAll(ctx context.Context, yield func(Pair, error) bool) (bool, error) {
	next, stop := iter.Pull2(m.targetOnly.All())
	defer stop()
	m.next = next
	if err := m.advance(); err != nil {
		return true, err
	}
	for o, err := range m.remapped.Sorted() {
		if err != nil {
			return true, err
		}
		mapped, key := splitSortKey(o.Key)
		if m.result.Stopped && mapped >= m.result.Range.To {
			break
		}
		o.Key = key
		m.result.Found++
		p := Pair{Pair: plan.Pair{Source: o, TargetKey: mapped}}
		if err := m.findCounterpart(&p); err != nil {
			return true, err
		}
		now, err := m.decide(ctx, &p)
		if err != nil {
			return true, err
		}
		if now && !yield(p, nil) {
			return false, nil
		}
	}
	for m.more {
		if err := m.pass(); err != nil {
			return true, err
		}
	}
	return true, nil
}

// advance reads the next object that only the target seemed to have.
func (m *remapping) advance() (err error) {
	m.head, err, m.more = m.next()
	return err
}

// pass keeps an object that only the target has.
func (m *remapping) pass() error {
	if err := m.keep.Append(m.head); err != nil {
		return err
	}
	return m.advance()
}

func (m *remapping) findCounterpart(p *Pair) error {
	for m.more && m.head.Key < p.TargetKey {
		if err := m.pass(); err != nil {
			return err
		}
	}
	if !m.more || m.head.Key != p.TargetKey {
		return nil
	}
	p.Target, p.Exists = m.head, true
	return m.advance()
}

// decide reports whether an object is yielded, and sets its Err if the target cannot
// hold it or another key has the file. An error ends the scan.
func (m *remapping) decide(ctx context.Context, p *Pair) (bool, error) {
	m.place(p)
	selected, err := m.selects(&p.Pair)
	if err != nil || p.Err != nil || !selected && plan.IsDirectory(p.TargetKey) { // no file is at stake
		return selected, err
	}
	first := m.last != p.TargetKey
	if first {
		m.last, m.owner = p.TargetKey, p.Key()
	}
	if !selected {
		return false, nil
	}
	if first {
		var taken bool
		if taken, p.Err = m.hasOwner(ctx, p); !taken { // a failure is that of the object
			return true, nil
		}
		m.owner = p.TargetKey
	}
	p.Err = &storage.Error{Op: "put", Key: p.Key(), Err: fmt.Errorf(
		"%w: the file %q is that of the key %q", storage.ErrUnstorable, p.TargetKey, m.owner)}
	return true, nil
}

// hasOwner reports whether the source has a key of the very name of a file, and
// false beside an error. The source is asked only if nothing else can tell.
func (m *remapping) hasOwner(ctx context.Context, p *Pair) (bool, error) {
	if p.Exists || plan.IsDirectory(p.TargetKey) || m.plain == 0 {
		return false, nil
	}
	if m.opts.ListTarget {
		_, err := m.target.Store.Stat(ctx, p.TargetKey, storage.StatOptions{})
		switch {
		case err == nil:
			// Only the key of its name can have put it there: it is not among what only
			// the target has.
			return true, nil
		case !storage.Gone(err):
			return false, m.target.Wrap(err)
		case m.written:
			return false, nil
		}
	}
	_, err := m.source.Store.Stat(ctx, p.TargetKey, storage.StatOptions{})
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil, m.source.Wrap(err)
}
