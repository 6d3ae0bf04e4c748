package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"s3sync/internal/spool"
	"s3sync/storage"
)

// A directory cannot hold every key under its own name: "/a" and "a//b" become
// "a" and "a/b" (storage.KeyMapper). Such a stray key stands elsewhere in the
// order of the source than its file in the order of the target, so the join
// cannot pair them. Strays are therefore sorted by their mapped key, and paired
// after the join with what only the target seemed to have. What finds its pair
// there is not doomed.

//
// A source object that is left out pairs, too, so that no filter makes its file
// look like one that the source does not have.

// straySep separates the mapped key from the key in a stray's sort key, and stands
// before its stake. It cannot occur in either, and sorts below everything that can.
const straySep = "\x00"

// A stake is what a stray has in the file of its mapped key.
type stake string

const (
	stakeFile  stake = ""  // the object is to be processed, if no other key has the file
	stakePlace stake = "p" // it is left out, but the file is its own
	stakeTwin  stake = "t" // it cannot be there, but what is there may have been made for it
)

func strayKey(mapped, key string, c stake) string {
	if c == stakeFile {
		return mapped + straySep + key
	}
	return mapped + straySep + key + straySep + string(c)
}

// cutStray takes what strayKey made apart.
func cutStray(text string) (mapped, key string, c stake) {
	mapped, key, _ = strings.Cut(text, straySep)
	key, after, _ := strings.Cut(key, straySep)
	return mapped, key, stake(after)
}

// addStray remembers a source object that the target holds under another key, or
// would. Where it stands under its own key the join has found its twin, and where
// nobody knows its place there is none.
func (s *syncer) addStray(mapped string, o storage.Object, c stake) error {
	if mapped == "" || mapped == o.Key || c != stakeFile && isDirectory(mapped) { // which are not listed
		return nil
	}
	o.Key = strayKey(mapped, o.Key, c)
	s.strayed = true
	return s.strays.Add(o)
}

// strayItems yields the strays beside their target twins, and leaves in the
// doomed spool what is still without a twin. It returns a single-use iterator.
func (s *syncer) strayItems(ctx context.Context) iter.Seq2[item, error] {
	written := s.added.Load() == s.missing && !s.cfg.DryRun
	return func(yield func(item, error) bool) {
		p := strayPairs{syncer: s, keep: spool.New(0), written: written}
		more, err := p.pair(ctx, yield)
		left := p.keep
		if err == nil {
			s.doomed, left = left, s.doomed
		}
		if err = errors.Join(err, left.Close()); err != nil && more {
			yield(item{}, err)
		}
	}
}

// strayPairs is the pairing of the strays with what only the target seemed to have.
type strayPairs struct {
	*syncer

	// keep is what is still doomed.
	keep *spool.Spool
	// written: what the source has under the name of its file is in the target.
	written bool

	// The object of the target that is not paired yet, if more.
	next func() (storage.Object, error, bool)
	head storage.Object
	more bool

	// The place of the stray before, and the key that has it.
	last, owner string
}

// pair yields the strays that are to be processed. It returns false if yield
// wants no more.
func (p *strayPairs) pair(ctx context.Context, yield func(item, error) bool) (bool, error) {
	next, stop := iter.Pull2(p.doomed.All())
	defer stop()
	p.next = next
	if err := p.advance(); err != nil {
		return true, err
	}
	for o, err := range p.strays.Sorted() {
		if err != nil {
			return true, err
		}
		it, c, err := p.item(o)
		if err != nil {
			return true, err
		}
		ok, err := p.place(ctx, &it, c)
		if err != nil {
			return true, err
		}
		if ok && !yield(it, nil) {
			return false, nil
		}
	}
	for p.more {
		if err := p.pass(); err != nil {
			return true, err
		}
	}
	return true, nil
}

// advance reads the next object that only the target seemed to have.
func (p *strayPairs) advance() (err error) {
	p.head, err, p.more = p.next()
	return err
}

// pass keeps an object without a twin.
func (p *strayPairs) pass() error {
	if err := p.keep.Append(p.head); err != nil {
		return err
	}
	return p.advance()
}

// item makes an item of a stray, with its twin.
func (p *strayPairs) item(o storage.Object) (it item, c stake, err error) {
	mapped, key, c := cutStray(o.Key)
	o.Key = key
	it = item{source: o, stray: true, mapped: mapped}
	for p.more && p.head.Key < mapped {
		if err := p.pass(); err != nil {
			return it, c, err
		}
	}
	if p.more && p.head.Key == mapped {
		it.target, it.exists = p.head, true
		err = p.advance()
	}
	return it, c, err
}

// place reports whether a stray is to be processed. If several keys fold to one
// file it is that of the key that needs no mapping, else of the first one, also if
// that one is left out: the others are warned of, in every run the same ones, and
// none ever overwrites what another one wrote.
func (p *strayPairs) place(ctx context.Context, it *item, c stake) (bool, error) {
	if c == stakeTwin {
		return false, nil
	}
	first := p.last != it.mapped
	if first {
		p.last, p.owner = it.mapped, it.key()
	}
	if c == stakePlace {
		return false, nil
	}
	if first {
		owned, err := p.owned(ctx, it)
		switch {
		case err != nil:
			return false, p.settle(ctx, it, err)
		case !owned:
			return true, nil
		}
		p.owner = it.mapped
	}
	p.leaveOut(it, &storage.Error{Op: "put", Key: it.key(), Err: fmt.Errorf(
		"%w: the file %q is that of the key %q", storage.ErrUnstorable, it.mapped, p.owner)})
	return false, nil
}

// owned reports whether the source has a key of the very name of a stray's place.
// It finds the twin of a stray whose place was not listed, because it is not in
// the range of the run. The source is asked only if nothing else can tell.
func (p *strayPairs) owned(ctx context.Context, it *item) (bool, error) {
	listed := p.keys.Contains(it.mapped)
	switch {
	case it.exists, isDirectory(it.mapped), listed && p.plain == 0:
		return false, nil
	}
	if !listed || p.targetListed() {
		info, err := p.target.Stat(ctx, it.mapped, storage.StatOptions{})
		switch {
		case err != nil && !storage.Gone(err):
			return false, ofTarget(err)
		case err == nil && listed:
			// It was not among what only the target has: a key of its name put it there.
			return true, nil
		case err == nil:
			it.target, it.exists = info.Object, true
		case listed && p.written:
			return false, nil
		}
	}
	_, err := p.source.Stat(ctx, it.mapped, storage.StatOptions{})
	if storage.Gone(err) {
		return false, nil
	}
	return err == nil, ofSource(err)
}
