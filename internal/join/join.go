// Package join pairs two listings by key.
package join

import (
	"errors"
	"fmt"
	"iter"

	"s3sync/storage"
)

// ErrOrder is in the error of a listing that is not in strictly ascending byte
// order of its keys. Going on would take objects for missing that are not.
var ErrOrder = errors.New("listing out of order")

// A Pair is what the two sides have under one key: at least one of them.
// The object of a side that does not have the key is the zero Object.
type Pair struct {
	Key                string
	Source, Target     storage.Object
	InSource, InTarget bool
}

// Sorted merges two listings in ascending byte order of their keys into one
// sequence of pairs in the same order. A nil target is a side without objects.
//
// It yields a pair as soon as both sides are known to have reached its key, and
// keeps no more than one object of each side. It is single-use, like its inputs.
//
// An error of a side is yielded as the last element, wrapped with the side's
// name; so is a listing that is not in order, which is checked as it is read.
// The pairs until then must not be taken for the whole. When the consumer
// stops, so do both listings.
func Sorted(source, target iter.Seq2[storage.Object, error]) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		t := other{}
		if target != nil {
			next, stop := iter.Pull2(target)
			defer stop()
			t.next = next
		}
		if err := t.advance(); err != nil {
			yield(Pair{}, err)
			return
		}
		if !t.pairAll(source, yield) {
			return
		}
		for t.ok {
			if !yield(Pair{Key: t.object.Key, Target: t.object, InTarget: true}, nil) {
				return
			}
			if err := t.advance(); err != nil {
				yield(Pair{}, err)
				return
			}
		}
	}
}

// other is the target: the side that is pulled while the source is ranged over.
// Pulling costs a switch of coroutines for each object, so only one side is.
type other struct {
	next   func() (storage.Object, error, bool)
	object storage.Object // the first one that is not paired yet, if ok
	ok     bool
	order  order
}

// advance reads the next object of the target.
func (t *other) advance() error {
	if t.next == nil {
		return nil
	}
	o, err, ok := t.next()
	if !ok {
		t.object, t.ok = storage.Object{}, false
		return nil
	}
	if err == nil {
		err = t.order.check(o.Key)
	}
	if err != nil {
		return fmt.Errorf("target: %w", err)
	}
	t.object, t.ok = o, true
	return nil
}

// pairAll yields the pairs up to the last key of the source. It reports whether
// to go on with the rest of the target.
func (t *other) pairAll(source iter.Seq2[storage.Object, error], yield func(Pair, error) bool) bool {
	var inOrder order
	for o, err := range source {
		if err == nil {
			err = inOrder.check(o.Key)
		}
		if err != nil {
			yield(Pair{}, fmt.Errorf("source: %w", err))
			return false
		}
		for t.ok && t.object.Key < o.Key {
			if !yield(Pair{Key: t.object.Key, Target: t.object, InTarget: true}, nil) {
				return false
			}
			if err := t.advance(); err != nil {
				yield(Pair{}, err)
				return false
			}
		}
		p := Pair{Key: o.Key, Source: o, InSource: true}
		matches := t.ok && t.object.Key == o.Key
		if matches {
			p.Target, p.InTarget = t.object, true
		}
		if !yield(p, nil) {
			return false
		}
		if matches {
			if err := t.advance(); err != nil {
				yield(Pair{}, err)
				return false
			}
		}
	}
	return true
}

// order remembers the last key of a listing.
type order struct {
	last string
	any  bool
}

func (s *order) check(key string) error {
	if s.any && key <= s.last {
		if key == s.last {
			return fmt.Errorf("%w: %q twice", ErrOrder, key)
		}
		return fmt.Errorf("%w: %q after %q", ErrOrder, key, s.last)
	}
	s.last, s.any = key, true
	return nil
}
