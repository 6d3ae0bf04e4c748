package lists

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"strings"

	"s3sync/internal/parallel"
	"s3sync/storage"
)

const (
	// atOnce is how many objects are asked for at the same time, and ahead how many are
	// asked for before the first of them is used.
	atOnce = 32
	ahead  = 256
	// A listing is read on while, of each window of objects, at least worth are in the
	// list. A page of a listing has 1,000 objects and costs as much as 12 requests about
	// single objects, and as much time as some dozens that are made at the same time.
	window = 1000
	worth  = 50
)

var (
	errMissing   = errors.New("it is in the list, but not there")
	errDirectory = errors.New("it is a directory; a list names the files in it")
)

// A Lookup is a store that lists only given keys.
type Lookup struct {
	storage.Store

	keys   *Keys
	source bool
}

// Lookup returns a store whose listing has the objects of the keys that the store inside
// holds. The store inside is asked for each of them, many at the same time, or listed
// where that takes fewer requests. In a source, a key without an object is a problem of
// the listing, and protects its key.
func (k *Keys) Lookup(inside storage.Store, source bool) *Lookup { return &Lookup{inside, k, source} }

// Unwrap returns the store inside.
func (l *Lookup) Unwrap() storage.Store { return l.Store }

// Live returns the store inside, which is listed itself.
func (l *Lookup) Live() storage.Store { return l.Store }

// Caps are those of the store inside; the listing is in order.
func (l *Lookup) Caps() storage.Caps {
	c := l.Store.Caps()
	c.Ordered = true
	return c
}

// List yields the objects of the keys in a range.
func (l *Lookup) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		next, stop := iter.Pull2(l.keys.All(opts.Range))
		defer stop()
		w := &walk{Lookup: l, opts: opts, next: next, yield: yield}
		if err := w.run(ctx); err != nil {
			yield(storage.Object{}, err)
		}
	}
}

// A walk is one listing.
type walk struct {
	*Lookup

	opts  storage.ListOptions
	yield func(storage.Object, error) bool
	next  func() (string, error, bool)
	// head is the next key, if there is more.
	head string
	more bool
}

// errStopped: the consumer has broken off.
var errStopped = errors.New("stopped")

func (w *walk) run(ctx context.Context) error {
	err := w.advance()
	lists := w.Store.Caps().Ordered && !w.Store.Caps().Files && w.keys.Count() >= worth
	pause, asked := ahead, ahead // keys between two attempts to list, and those since the last one
	for err == nil && w.more {
		if !lists || asked < pause {
			var n int
			n, err = w.ask(ctx)
			asked += n
			continue
		}
		var sparse bool
		if sparse, err = w.list(ctx); sparse {
			pause, asked = 2*pause, 0
		}
	}
	if errors.Is(err, errStopped) {
		return nil
	}
	return err
}

func (w *walk) advance() error {
	key, err, more := w.next()
	w.head, w.more = key, more && err == nil
	return err
}

// found passes the object of the next key on.
func (w *walk) found(o storage.Object) error {
	o.VersionID = "" // as in other listings
	if !w.yield(o, nil) {
		return errStopped
	}
	return nil
}

// lacks says that there is no object of a key.
func (w *walk) lacks(key string, why error) {
	if w.source && w.opts.Problem != nil {
		w.opts.Problem(storage.Problem{Key: strings.TrimSuffix(key, "/"), Err: why})
	}
}

// list takes objects from a listing, from the next key on. It returns true if it ended
// because few of them are in the list.
func (w *walk) list(ctx context.Context) (sparse bool, err error) {
	inner := storage.ListOptions{Range: storage.Range{From: w.head, To: w.opts.To}, Problem: w.opts.Problem}
	objects, passed := 0, 0
	for o, err := range w.Store.List(ctx, inner) {
		if err != nil {
			return false, err
		}
		for w.more && w.head < o.Key {
			w.lacks(w.head, errMissing)
			if err := w.advance(); err != nil {
				return false, err
			}
			passed++
		}
		if w.more && w.head == o.Key {
			err := w.found(o)
			if err == nil {
				err = w.advance()
			}
			if err != nil {
				return false, err
			}
			passed++
		}
		if !w.more {
			return false, nil
		}
		if objects++; objects == window {
			if passed < worth {
				return true, nil
			}
			objects, passed = 0, 0
		}
	}
	for w.more {
		w.lacks(w.head, errMissing)
		if err := w.advance(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// An answer is what the store says of one key.
type answer struct {
	key    string
	object storage.Object
	lacks  error // why there is no object
}

// ask asks for the next keys, and returns how many.
func (w *walk) ask(ctx context.Context) (int, error) {
	var answers []*answer
	for w.more && len(answers) < ahead {
		answers = append(answers, &answer{key: w.head})
		if err := w.advance(); err != nil {
			return 0, err
		}
	}
	each := func(context.Context) iter.Seq2[*answer, error] {
		return func(yield func(*answer, error) bool) {
			for _, a := range answers {
				if !yield(a, nil) {
					return
				}
			}
		}
	}
	if err := parallel.ForEach(ctx, atOnce, each, w.stat); err != nil {
		return 0, err
	}
	for _, a := range answers {
		if a.lacks != nil {
			w.lacks(a.key, a.lacks)
			continue
		}
		if err := w.found(a.object); err != nil {
			return 0, err
		}
	}
	return len(answers), nil
}

// stat asks for one key. An error ends the listing: what nobody answered is not known to
// be missing.
func (w *walk) stat(ctx context.Context, a *answer) error {
	info, err := w.Store.Stat(ctx, a.key, storage.StatOptions{})
	switch {
	case err == nil && info.Directory:
		a.lacks = errDirectory
	case err == nil:
		a.object = info.Object
	case errors.Is(err, storage.ErrDangling):
		a.lacks = err
	case storage.Gone(err) && w.Store.Caps().Files && w.isDirectory(ctx, a.key):
		a.lacks = errDirectory
	case storage.Gone(err):
		a.lacks = errMissing
	case errors.Is(err, storage.ErrUnusable):
		return err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, storage.ErrUnstorable):
		a.lacks = err
	default:
		return err
	}
	return nil
}

func (w *walk) isDirectory(ctx context.Context, key string) bool {
	if strings.HasSuffix(key, "/") {
		return false
	}
	info, err := w.Store.Stat(ctx, key+"/", storage.StatOptions{})
	return err == nil && info.Directory
}
