package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"s3sync"
	"s3sync/internal/cli/records"
	"s3sync/internal/location"
	"s3sync/storage"
)

// A place is where a file of the user is: in the file system or in a bucket.
type place struct {
	name string
	at   location.Location
	// cfg reaches the bucket: its Target is what a sync of one file to the place has.
	cfg *s3sync.Config
}

// placeOf returns the place that a name or an URL means. A bucket is reached as a side of
// the command is: the target, unless that is a path and the source is none.
func (c *command) placeOf(name string) (*place, error) {
	at, err := location.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	if !at.Local() && !at.MayBeObject() {
		return nil, fmt.Errorf("%q names no object: it must be s3://bucket/key", name)
	}
	return &place{name, at, c.connection(name)}, nil
}

// connection returns a Config whose target is a URL that is reached like a side of the
// command.
func (c *command) connection(url string) *s3sync.Config {
	given, cfg := c.cfg(), s3sync.DefaultConfig()
	cfg.AWS, cfg.Retry, cfg.Timeout = given.AWS, given.Retry, given.Timeout
	cfg.AWS.AnonymousSource = false
	cfg.Target = given.Target
	cfg.Encryption = given.Encryption
	isBucket := func(url string) bool { l, err := location.Parse(url); return err == nil && !l.Local() }
	if !isBucket(given.Target.URL) && isBucket(given.Source.URL) {
		cfg.Target = given.Source
		cfg.Encryption.TargetCustomer = given.Encryption.SourceCustomer
	}
	cfg.Encryption.SourceCustomer = s3sync.DefaultConfig().Encryption.SourceCustomer
	cfg.Target.URL = url
	return cfg
}

// beside returns the place of a file with a longer name.
func (p *place) beside(suffix string) *place {
	q := *p
	q.name += suffix
	q.at, _ = location.Parse(q.name) // as p was
	return &q
}

// exists reports whether there is something at the place.
func (p *place) exists(ctx context.Context) (bool, error) {
	var err error
	if p.at.Local() {
		_, err = os.Lstat(p.at.Path)
	} else {
		err = p.inBucket(ctx, func(s storage.Store, key string) error {
			_, err := s.Stat(ctx, key, storage.StatOptions{})
			return err
		})
	}
	if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, storage.ErrNoBucket) {
		return false, nil
	}
	return err == nil, err
}

// inBucket calls a function with the store that has the object, and its key there.
func (p *place) inBucket(ctx context.Context, use func(s storage.Store, key string) error) (err error) {
	cfg := *p.cfg
	dir, key := path.Split(p.at.Prefix)
	cfg.Target.URL = "s3://" + p.at.Bucket + "/" + dir
	s, err := cfg.OpenTarget(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return use(s, key)
}

// pieceSize is the number of bytes of an object that are read at once.
const pieceSize = 8 << 20

// open returns the file, or a copy of the object, to be read more than once. The caller
// closes it.
func (p *place) open(ctx context.Context) (*os.File, error) {
	if p.at.Local() {
		return os.Open(p.at.Path)
	}
	f, err := scratch()
	if err != nil {
		return nil, err
	}
	err = p.inBucket(ctx, func(s storage.Store, key string) error {
		r, err := s.Open(ctx, key, storage.OpenOptions{})
		if err != nil {
			return err
		}
		defer r.Close()
		for off, size := int64(0), r.Info().Size; off < size && err == nil; off += pieceSize {
			buf := make([]byte, min(pieceSize, size-off))
			if err = r.ReadAt(ctx, buf, off); err == nil {
				_, err = f.Write(buf)
			}
		}
		return err
	})
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

// done closes what open returned.
func (p *place) done(f *os.File) {
	_ = f.Close() // it was only read
	if !p.at.Local() {
		_ = os.Remove(f.Name()) // a temporary file
	}
}

// scratch makes a temporary file.
func scratch() (*os.File, error) { return os.CreateTemp("", ".s3sync-*.tmp") }

// uploadTime bounds how long a file is written to a bucket after an interruption.
const uploadTime = time.Minute

// put writes a file whose content comes from a function. It appears whole or not at all.
func (p *place) put(ctx context.Context, c *command, write func(f *os.File) error) error {
	if p.at.Local() {
		return records.Replace(p.at.Path, func(w io.Writer) error {
			f, ok := w.(*os.File)
			if !ok {
				return errors.New("it is not written to a file")
			}
			return errors.Join(write(f), f.Sync())
		})
	}
	f, err := scratch()
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := errors.Join(write(f), f.Close()); err != nil {
		return err
	}
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), uploadTime)
		defer cancel()
	}
	cfg := *p.cfg
	cfg.Source, cfg.Target.URL = s3sync.Endpoint{URL: f.Name()}, p.name
	cfg.Check.Mode = s3sync.CheckOverwrite
	report, err := c.p.Sync(ctx, &cfg)
	if err == nil && report.Warnings > 0 {
		err = errors.New("it was not written")
	}
	return err
}

// inside reports whether the place is in a side of a sync.
func (p *place) inside(side *s3sync.Endpoint) bool {
	at, err := location.Parse(side.URL)
	switch {
	case err != nil || at.Local() != p.at.Local():
		return false
	case !at.Local():
		return at.Bucket == p.at.Bucket && side.EndpointURL == p.cfg.Target.EndpointURL && strings.HasPrefix(p.at.Prefix, at.Prefix)
	}
	parent, err := realPath(filepath.Dir(p.at.Path))
	if err != nil {
		return false
	}
	root, err := realPath(at.Path)
	if err != nil {
		return false
	}
	within, err := filepath.Rel(root, parent)
	return err == nil && within != ".." && !strings.HasPrefix(within, ".."+string(filepath.Separator))
}

// realPath returns an absolute path without links.
func realPath(name string) (string, error) {
	name, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(name)
	if errors.Is(err, fs.ErrNotExist) { // a target that is to be made
		return name, nil
	}
	return real, err
}
