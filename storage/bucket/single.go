package bucket

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"s3sync/storage"
)

// A prefix can be the whole key of an object. Such an object can be a store of its
// own, in which it has a name of the caller's choice.

// with returns another store of the same bucket through the same connections.
func (s *Store) with(change func(*Options)) *Store {
	other := *s
	other.opts.single = ""
	change(&other.opts)
	return &other
}

// Single returns a store whose only object is the one whose key is the prefix of s,
// under a name. Nothing else exists there or can be written, and nothing can be
// deleted. It need not be closed.
func (s *Store) Single(name string) *Store {
	return s.with(func(o *Options) { o.single = name })
}

// Named tells what the prefix of the store names: whether there is an object whose
// key it is, and whether other keys begin with it. With versions, objects count of
// which older versions are left. It takes one request, or two where a directory
// bucket has such an object: it is then asked only for keys that go on with a slash.
func (s *Store) Named(ctx context.Context, versions bool) (object, others bool, err error) {
	switch {
	case s.directory:
		object, others, err = s.namedInDirectory(ctx)
	case versions:
		for o, verr := range s.Versions(ctx, storage.ListOptions{}) {
			if verr != nil {
				return false, false, verr
			}
			if object, others = object || o.Key == "", o.Key != ""; others {
				break
			}
		}
	default:
		var objects []storage.Object
		page := s.with(func(o *Options) { o.MaxKeys = 2 }).newLister(storage.Range{})
		objects, err = page.next(ctx)
		for _, o := range objects {
			object, others = object || o.Key == "", others || o.Key != ""
		}
	}
	return object, others, s.fail(ctx, "list", "", err)
}

func (s *Store) namedInDirectory(ctx context.Context) (object, others bool, err error) {
	_, err = s.head(ctx, target{})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	below := s.with(func(o *Options) { o.Prefix, o.MaxKeys = s.opts.Prefix+delimiter, 1 })
	objects, err := below.newLister(storage.Range{}).next(ctx)
	return true, len(objects) > 0, err
}

// checkSingle fails if a key is not that of the only object.
func (s *Store) checkSingle(key string) error {
	if s.opts.single != "" && key != s.opts.single {
		return noObject()
	}
	return nil
}

func noObject() error { return &failure{kind: fs.ErrNotExist, text: "there is no such object"} }

// listSingle yields the only object, if it exists and is in the range.
func (s *Store) listSingle(ctx context.Context, r storage.Range) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if !r.Contains(s.opts.single) {
			return
		}
		o, err := s.lookup(ctx)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			yield(storage.Object{}, s.fail(ctx, "list", "", err))
		default:
			o.Key = s.opts.single
			yield(o, nil)
		}
	}
}

// lookup asks for the only object: the listing of one key tells more than its
// headers do, and can be asked by who may list.
func (s *Store) lookup(ctx context.Context) (storage.Object, error) {
	if s.directory {
		a, err := s.head(ctx, target{key: s.opts.single})
		return a.info.Object, err
	}
	objects, err := s.with(func(o *Options) { o.MaxKeys = 1 }).newLister(storage.Range{To: "\x00"}).next(ctx)
	if err == nil && len(objects) == 0 {
		err = noObject()
	}
	if err != nil {
		return storage.Object{}, err
	}
	return objects[0], nil
}

// singleVersions yields the versions of the only object.
func (s *Store) singleVersions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if !opts.Contains(s.opts.single) {
			return
		}
		opts.Range = storage.Range{To: "\x00"} // the key of the prefix, and none that begins with it
		for o, err := range s.with(func(*Options) {}).Versions(ctx, opts) {
			if err == nil {
				o.Key = s.opts.single
			}
			if !yield(o, err) {
				return
			}
		}
	}
}
