package s3sync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"s3sync/internal/retry"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// A source can be one object or one file. It goes to TARGET, or into it under its
// own name, as with cp: into a directory that is there, and wherever TARGET ends in
// a slash. Both sides are then stores of one object, under the name that it has in
// the source, so that the stages of a run need not know.

// A single is the one object of a run.
type single struct {
	name   string // in the source: what follows the last slash
	target destination
}

// A destination is where a single goes.
type destination struct {
	bucket, key string
	// The file of a directory.
	parent, file string
}

func (d destination) local() bool { return d.bucket == "" }

// mayBeSingle reports whether a location in a bucket may be one object.
func mayBeSingle(l location) bool {
	return !l.local() && l.prefix != "" && !strings.HasSuffix(l.prefix, "/")
}

// findSingle finds out whether the source is one object, which takes a request
// where it is not a local path and its prefix does not end in a slash. It returns
// nil if it is not. given is for a *ConfigError.
func findSingle(ctx context.Context, given, cfg *Config, source storage.Store, report *reporter) (*single, error) {
	if cfg.Source.Store != nil {
		return nil, nil
	}
	l, err := parseLocation(cfg.Source.URL)
	if err != nil {
		return nil, err
	}
	name := path.Base(l.prefix)
	if l.local() {
		info, err := os.Stat(l.path)
		if err != nil || !info.Mode().IsRegular() {
			return nil, nil //nolint:nilerr // the run meets it again
		}
		name = filepath.Base(l.path)
	} else {
		one, err := namesSingle(ctx, cfg, l, source, report)
		if err != nil {
			return nil, ofSource(err)
		}
		if !one {
			return nil, given.targetFault(false)
		}
	}
	if cfg.Delete.Enable {
		return nil, fault("Source.URL", "Delete.Enable", "is one object, which cannot be combined with")
	}
	s := &single{name: name}
	if cfg.Target.Store == nil {
		if s.target, err = destinationOf(cfg.Target.URL, name); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// namesSingle asks whether a location in a bucket is one object. An object whose
// key other keys begin with is left out, with a note.
func namesSingle(ctx context.Context, cfg *Config, l location, source storage.Store, report *reporter) (bool, error) {
	store, ok := storage.As[*bucket.Store](source)
	if !ok || !mayBeSingle(l) {
		return false, nil
	}
	versions := cfg.Versioning.Enable || !cfg.Versioning.PointInTime.IsZero()
	policy := retry.Policy{Count: cfg.Retry.ForceCount, Interval: cfg.Retry.ForceInterval}
	var object, others bool
	err := retry.Do(ctx, policy, func(_ int, err error) { report.emit(Event{Type: EventRetry, Err: err}) },
		func(ctx context.Context) (err error) {
			object, others, err = store.Named(ctx, versions)
			return err
		})
	if err == nil && object && others {
		report.emit(Event{Type: EventNote, Note: fmt.Sprintf(
			"the object %q is skipped: other keys begin with its key, so that the source is all that begins so", l.prefix)})
	}
	return object && !others, err
}

// targetFault is why a target in the file system cannot take what the source has,
// or nil: only one object can go to what is a file.
func (c *Config) targetFault(one bool) error {
	l, err := parseLocation(c.Target.URL)
	if err != nil || c.Target.Store != nil || !l.local() {
		return nil //nolint:nilerr // that is told elsewhere
	}
	info, err := os.Stat(l.path)
	switch {
	case err == nil && (info.IsDir() || one && info.Mode().IsRegular()):
	case err == nil:
		return fault("Target.URL", "", fmt.Sprintf("%q is not a directory", l.path))
	case !errors.Is(err, os.ErrNotExist):
		return fault("Target.URL", "", fmt.Sprintf("%q cannot be looked at: %v", l.path, cause(err)))
	}
	return nil
}

// destinationOf is where TARGET says that an object of a name goes.
func destinationOf(target, name string) (destination, error) {
	l, err := parseLocation(target)
	switch {
	case err != nil:
		return destination{}, err
	case !l.local() && (l.prefix == "" || strings.HasSuffix(l.prefix, "/")):
		return destination{bucket: l.bucket, key: l.prefix + name}, nil
	case !l.local():
		return destination{bucket: l.bucket, key: l.prefix}, nil
	}
	if info, err := os.Stat(l.path); err == nil && info.IsDir() || os.IsPathSeparator(l.path[len(l.path)-1]) {
		return destination{parent: l.path, file: name}, nil
	}
	parent, file := filepath.Split(l.path)
	if parent == "" {
		parent = "."
	}
	return destination{parent: parent, file: file}, nil
}

// url is what is opened as the target.
func (d destination) url() string {
	if d.local() {
		return d.parent
	}
	return "s3://" + d.bucket + "/" + d.key
}

// place is for messages.
func (d destination) place() place {
	if d.local() {
		return place{local: true, only: filepath.Join(d.parent, filepath.FromSlash(d.file))}
	}
	return place{only: d.key}
}

// sourceOf and targetOf make stores of the one object.
func (s *single) sourceOf(store storage.Store) storage.Store {
	if b, ok := storage.As[*bucket.Store](store); ok {
		return b.Single(s.name)
	}
	return store // a file is alone already
}

func (s *single) targetOf(store storage.Store) storage.Store {
	if b, ok := storage.As[*bucket.Store](store); ok {
		return b.Single(s.name)
	}
	if mapper, ok := storage.As[storage.KeyMapper](store); ok {
		return &oneFile{Store: store, mapper: mapper, key: s.name, file: s.target.file}
	}
	return store
}

// A oneFile is a file of a directory, which is the target of an object of another
// name, perhaps. What else is in the directory is not looked at.
type oneFile struct {
	storage.Store

	mapper    storage.KeyMapper
	key, file string
}

// Unwrap returns the directory.
func (o *oneFile) Unwrap() storage.Store { return o.Store }

func (o *oneFile) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	opts.Range = storage.Range{From: o.file, To: o.file + "\x00"}
	return o.Store.List(ctx, opts)
}

// MapKey maps the name of the object to that of the file.
func (o *oneFile) MapKey(key string) (string, error) {
	if key != o.key {
		return "", fmt.Errorf("%w: only %q goes here", storage.ErrUnstorable, o.key)
	}
	return o.mapper.MapKey(o.file)
}
