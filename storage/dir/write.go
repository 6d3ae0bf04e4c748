package dir

import (
	"context"
	"errors"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/tree"
)

// Put writes a file, with the directories it needs. A new file gets the permissions 0666
// without those of the umask. A replaced file keeps its permissions. A key that ends in a
// slash creates a directory.
//
// Put fails with storage.ErrUnstorable also if there is a file in place of a directory, or
// a directory in place of the file. It fails with storage.ErrUnusable if nothing can be
// written any more. On a full disk that is storage.ErrFull.
func (s *Store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.put(ctx, key, b, opts)
	if err != nil {
		return storage.Info{}, failure.Of("put", key, failure.Write(err))
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	p, err := s.begin(ctx, key, opts)
	if err != nil {
		return storage.Info{}, err
	}
	if err := tree.CheckSize(int64(len(b.Data)), opts.Size); err != nil {
		return storage.Info{}, err
	}
	if p.dir {
		return s.putDirectory(p)
	}
	t, err := s.target.Create(p.path, opts.Size, opts.ModTime)
	if err != nil {
		return storage.Info{}, err
	}
	_, err = t.WriteAt(b.Data, 0)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return storage.Info{}, errors.Join(err, t.Remove())
	}
	st, err := t.Publish()
	if err != nil {
		return storage.Info{}, err
	}
	return fileInfo(p.path, st), nil
}

// begin checks a write before it changes anything.
func (s *Store) begin(ctx context.Context, key string, opts storage.WriteOptions) (keyPath, error) {
	if err := ctx.Err(); err != nil {
		return keyPath{}, err
	}
	if s.target == nil {
		return keyPath{}, errReadOnly
	}
	p, err := storable(key, onWindows)
	if err == nil && p.dir && opts.Size != 0 {
		err = failure.Unstorable("a directory holds no data")
	}
	return p, err
}

func (s *Store) putDirectory(p keyPath) (storage.Info, error) {
	st, err := s.target.MakeDir(p.path)
	if err != nil {
		return storage.Info{}, err
	}
	return directoryInfo(p, st), nil
}
