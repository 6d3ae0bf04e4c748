// Package join pairs two listings by key.
package join

import (
	"errors"
	"fmt"
	"iter"

	"s3sync/storage"
)

// ErrOrder is wrapped by the error of a listing that is not in strictly ascending byte
// order of its keys. Objects could otherwise count as missing although they exist.
var ErrOrder = errors.New("listing out of order")

// A Pair holds the objects of the two sides under one key: at least one of them. A
// side that does not have the key has the zero Object.
type Pair struct {
	Key                string
	Source, Target     storage.Object
	InSource, InTarget bool
}

// Sorted merges two listings in ascending byte order of their keys into one
// sequence of pairs in the same order. A nil target is a side without objects.
//
// It yields a pair as soon as both sides have reached its key, and keeps at most one
// object of each side. It is single-use, like its inputs.
//
// An error of a side is the last element, unchanged. Its Pair is empty, except that
// InSource or InTarget says whose error it is. A listing that is not in order is such an
// error; the order is checked while reading. After an error the pairs are not complete.
// When the consumer stops, both listings stop.
//
// The target begins first. See [Asking] for the case that it only waits.
func Sorted(source, target iter.Seq2[storage.Object, error]) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		t := other{}
		if target != nil {
			next, stop := iter.Pull2(target)
			defer stop()
			t.next = next
		}
		err := t.advance()
		asked := errors.Is(err, errAsked)
		if err != nil && !asked {
			yield(Pair{InTarget: true}, err)
			return
		}
		if !t.pairAll(source, asked, yield) {
			return
		}
		for t.ok {
			if !yield(Pair{Key: t.object.Key, Target: t.object, InTarget: true}, nil) {
				return
			}
			if err := t.advance(); err != nil {
				yield(Pair{InTarget: true}, err)
				return
			}
		}
	}
}

// other is the target. It is pulled while the code ranges over the source. Pulling
// costs a switch of coroutines for each object, so only one side is pulled.
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
		return err
	}
	t.object, t.ok = o, true
	return nil
}

// pairAll yields the pairs up to the last key of the source. It reports whether to
// continue with the rest of the target.
// asked: the target has begun, and nothing of it was read.
func (t *other) pairAll(source iter.Seq2[storage.Object, error], asked bool, yield func(Pair, error) bool) bool {
	first := func() bool {
		if !asked {
			return true
		}
		asked = false
		if err := t.advance(); err != nil {
			yield(Pair{InTarget: true}, err)
			return false
		}
		return true
	}
	var inOrder order
	for o, err := range source {
		if !first() {
			return false
		}
		if err == nil {
			err = inOrder.check(o.Key)
		}
		if err != nil {
			yield(Pair{InSource: true}, err)
			return false
		}
		for t.ok && t.object.Key < o.Key {
			if !yield(Pair{Key: t.object.Key, Target: t.object, InTarget: true}, nil) {
				return false
			}
			if err := t.advance(); err != nil {
				yield(Pair{InTarget: true}, err)
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
				yield(Pair{InTarget: true}, err)
				return false
			}
		}
	}
	return first()
}

// errAsked is yielded by a target in place of its first object.
var errAsked = errors.New("the first request is under way")

// Asking returns a target for [Sorted] that list begins. When list calls asked, the source
// begins, too, and the target goes on when the source has its first object, has failed or
// has none. asked returns false if the listing is to end. So the first answers of both sides
// are waited for at the same time, but all code runs in one goroutine after another. list
// may call asked several times, before the first object.
func Asking(list func(asked func() bool) iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		more, once := true, false
		asked := func() bool {
			if !once {
				once = true
				more = yield(storage.Object{}, errAsked)
			}
			return more
		}
		list(asked)(yield)
	}
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
