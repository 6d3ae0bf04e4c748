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

// A directory cannot hold every key under its own name: "/a" and "a//b" become "a" and
// "a/b" (storage.KeyMapper). The position of such a remapped key in the order of the
// source differs from that of its file in the order of the target, so the join cannot
// pair them. Remapped objects are therefore sorted by their mapped key. After the join
// they are paired with the objects that seemed to be target-only. A file that is paired
// here is not target-only.
//
// A range consists of mapped keys. So it is checked again here whether an object is in
// the range: a listed object may belong behind the key at which the scan stopped.

// sep separates the mapped key from the key in the sort key of a remapped object. It
// occurs in neither, because no file name contains it. It sorts before every character
// that does occur.
const sep = "\x00"

func sortKey(mapped, key string) string { return mapped + sep + key }

// splitSortKey splits the result of sortKey.
func splitSortKey(text string) (mapped, key string) {
	mapped, key, _ = strings.Cut(text, sep)
	return mapped, key
}

// remap keeps a source object that the target holds, or would hold, under another key.
func (s *Scanner) remap(p *Pair) error {
	o := p.Source
	o.Key = sortKey(p.TargetKey, o.Key)
	s.anyRemapped = true
	return s.remapped.Add(o)
}

// AnyRemapped reports whether Remapped has anything to do.
func (s *Scanner) AnyRemapped() bool { return s.anyRemapped }

// Remapped yields the source objects that the target holds under another key, with
// their counterparts, in order of that key. Pairs must have ended, and its objects must
// have been processed. added is the number of objects, without directories, that were
// written since and that the target had not listed; 0 in a dry run. selects reports
// whether the filters select an object. A rejected object is not yielded, but keeps its
// file, so a filter never makes the file look target-only. An error of selects ends
// Remapped.
//
// If several keys map to one file, the file belongs to the key that needs no mapping,
// or else to the first key, even if that one is not selected. The other objects have an
// Err. They are the same ones in every run, so none overwrites the file of another.
//
// It returns a single-use iterator. When it ends, the paired objects are no longer in
// TakeTargetOnly.
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

// A remapping pairs the remapped objects with the objects that seemed to be
// target-only.
type remapping struct {
	*Scanner

	selects func(*plan.Pair) (bool, error)
	// keep holds the target-only objects.
	keep *spool.Spool
	// written: every source object whose file has the name of its key is in the target.
	written bool

	// The next target object that is not paired yet, if more is set.
	next func() (storage.Object, error, bool)
	head storage.Object
	more bool

	// The mapped key of the previous object, and the key that owns its file.
	last, owner string
}

// pairAll yields the pairs to be processed. It returns false if the consumer stops.
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

// advance reads the next object that seemed to be target-only.
func (m *remapping) advance() (err error) {
	m.head, err, m.more = m.next()
	return err
}

// pass keeps a target-only object.
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

// decide reports whether an object is yielded. It sets its Err if the target cannot
// hold the object or another key owns the file. An error ends the scan.
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
		if taken, p.Err = m.hasOwner(ctx, p); !taken { // a failure belongs to this object
			return true, nil
		}
		m.owner = p.TargetKey
	}
	p.Err = &storage.Error{Op: "put", Key: p.Key(), Err: fmt.Errorf(
		"%w: the file %q is that of the key %q", storage.ErrUnstorable, p.TargetKey, m.owner)}
	return true, nil
}

// hasOwner reports whether the source has a key that equals the name of a file. It
// returns false with an error. It asks the source only if nothing else gives the
// answer.
func (m *remapping) hasOwner(ctx context.Context, p *Pair) (bool, error) {
	if p.Exists || plan.IsDirectory(p.TargetKey) || m.plain == 0 {
		return false, nil
	}
	if m.opts.ListTarget {
		_, err := m.target.Stat(ctx, p.Key(), p.TargetKey, storage.StatOptions{})
		switch {
		case err == nil:
			// Only the key with this name can have written it: it is not target-only.
			return true, nil
		case !storage.Gone(err):
			return false, m.target.Wrap(err)
		case m.written:
			return false, nil
		}
	}
	_, err := m.source.Stat(ctx, p.Key(), p.TargetKey, storage.StatOptions{})
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil, m.source.Wrap(err)
}
