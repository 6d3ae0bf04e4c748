package bucket

import (
	"context"
	"errors"
	"io/fs"
	"iter"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// A prefix can be the whole key of an object. Such an object can be a store of its
// own, in which it has a name of the caller's choice.

// below returns a store of the same bucket through the same connections, with another
// prefix.
func (s *Store) below(prefix string) *Store {
	a := *s.access
	a.Prefix, a.Single = prefix, ""
	return newStore(a, s.opts, s.known)
}

// Single returns a store whose only object is the one whose key is the prefix of s,
// under a name. Nothing else exists there or can be written, and nothing can be
// deleted. It need not be closed.
func (s *Store) Single(name string) *Store {
	a := *s.access
	a.Single = name
	return newStore(a, s.opts, s.known)
}

// Named reports what the prefix of the store names: whether there is an object with that
// key, and whether other keys begin with it. With versions, objects that only have older
// versions count, too. It takes one request, or two if a directory bucket has such an
// object. The second one asks only for keys that continue with a slash.
func (s *Store) Named(ctx context.Context, versions bool) (object, others bool, err error) {
	switch {
	case s.access.Directory:
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
		objects, err = s.listing.First(ctx, storage.Range{}, 2)
		for _, o := range objects {
			object, others = object || o.Key == "", others || o.Key != ""
		}
	}
	return object, others, s.access.Fail(ctx, "list", "", err)
}

func (s *Store) namedInDirectory(ctx context.Context) (object, others bool, err error) {
	_, err = s.objects.Head(ctx, request.ObjectRef{})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, false, nil
	case err != nil:
		return false, false, err
	}
	objects, err := s.below(s.access.Prefix+"/").listing.First(ctx, storage.Range{}, 1)
	return true, len(objects) > 0, err
}

// listSingle yields the only object, if it exists and is in the range.
func (s *Store) listSingle(ctx context.Context, r storage.Range) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if !r.Contains(s.access.Single) {
			return
		}
		o, exists, err := s.lookup(ctx)
		switch {
		case err != nil:
			yield(storage.Object{}, s.access.Fail(ctx, "list", "", err))
		case exists:
			o.Key = s.access.Single
			yield(o, nil)
		}
	}
}

// lookup returns the only object from a listing of one key, and whether it exists. A
// listing says more than headers do, and it needs only the permission to list. Directory
// buckets cannot list one key.
func (s *Store) lookup(ctx context.Context) (o storage.Object, exists bool, err error) {
	if s.access.Directory {
		a, err := s.objects.Head(ctx, request.ObjectRef{Key: s.access.Single})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return storage.Object{}, false, nil
		case err != nil:
			return storage.Object{}, false, err
		}
		return a.Info.Object, true, nil
	}
	found, err := s.listing.First(ctx, storage.Range{To: "\x00"}, 1)
	if err != nil || len(found) == 0 {
		return storage.Object{}, false, err
	}
	return found[0], true, nil
}

// singleVersions yields the versions of the only object.
func (s *Store) singleVersions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		if !opts.Contains(s.access.Single) {
			return
		}
		opts.Range = storage.Range{To: "\x00"} // the key of the prefix, and none that begins with it
		for o, err := range s.listing.Versions(ctx, opts.Range) {
			if err == nil {
				o.Key = s.access.Single
			}
			if !yield(o, err) {
				return
			}
		}
	}
}
