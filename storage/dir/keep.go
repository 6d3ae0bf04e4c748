package dir

import (
	"context"
	"errors"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
)

var _ storage.Keeper = (*Store)(nil)

// Keeps reports whether from is a directory that was opened as a target, too.
func (s *Store) Keeps(from storage.Store) bool {
	other, ok := storage.As[*Store](from)
	return ok && s.target != nil && other.target != nil
}

// Keep makes key a second name of a file of another directory, or a copy of it. See
// storage.Keeper. A copy has the permissions and the time of the file, and belongs to the
// user of this process.
func (s *Store) Keep(ctx context.Context, key string, from storage.Store, fromKey string, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.keep(ctx, key, from, fromKey, opts)
	if err != nil {
		if !storage.Gone(err) && !errors.Is(err, storage.ErrPrecondition) && !errors.Is(err, storage.ErrChanged) {
			err = failure.Write(err)
		}
		return storage.Info{}, failure.Of("copy", fromKey, err)
	}
	return info, nil
}

func (s *Store) keep(ctx context.Context, key string, from storage.Store, fromKey string, opts storage.WriteOptions) (storage.Info, error) {
	other, ok := storage.As[*Store](from)
	if !ok || !s.Keeps(from) {
		return storage.Info{}, errors.ErrUnsupported
	}
	to, err := s.begin(ctx, key, storage.WriteOptions{})
	if err != nil {
		return storage.Info{}, err
	}
	at, err := readable(fromKey)
	if err != nil {
		return storage.Info{}, err
	}
	if at.dir || to.dir {
		return storage.Info{}, failure.Unstorable("a directory is not kept")
	}
	st, err := s.target.Keep(ctx, to.path, other.target, at.path, opts.IfAbsent)
	if err != nil {
		return storage.Info{}, err
	}
	return fileInfo(to.path, st), nil
}

// Append adds data to a file. See storage.Keeper.
func (s *Store) Append(ctx context.Context, key string, data []byte) error {
	p, err := s.begin(ctx, key, storage.WriteOptions{})
	if err == nil && p.dir {
		err = failure.Unstorable("a directory holds no data")
	}
	if err == nil {
		err = s.target.Append(p.path, data)
	}
	if err != nil {
		return failure.Of("put", key, failure.Write(err))
	}
	return nil
}

// Prune removes directories without files. See storage.Keeper.
func (s *Store) Prune(ctx context.Context, key string) error {
	p, err := s.begin(ctx, key, storage.WriteOptions{})
	if err == nil && !p.dir {
		err = failure.Unstorable("it is no directory")
	}
	if err == nil {
		err = s.target.Prune(p.path)
	}
	if err != nil {
		return failure.Of("delete", key, failure.Write(err))
	}
	return nil
}
