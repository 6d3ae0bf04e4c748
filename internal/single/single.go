// Package single makes stores of one object. A source can be one object or one
// file. It goes to TARGET, or into it under its own name, as with cp: into a
// directory that is there, and wherever TARGET ends in a slash. Both sides are then
// stores of one object, under the name that it has in the source, so that the stages
// of a run need not know.
package single

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"

	"s3sync/internal/location"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// NameOf returns the name under which an object of a location goes somewhere: what
// follows the last slash.
func NameOf(l location.Location) string {
	if l.Local() {
		return filepath.Base(l.Path)
	}
	return path.Base(l.Prefix)
}

// Find finds out whether what a location names is one object or one file. It takes a
// request where that is not a path and does not end in a slash. A key with which other
// keys begin is none: the prefix is meant, and skipped reports that there is an object
// of that key all the same. versions asks for objects that are deleted now, too. The
// error names the side.
func Find(ctx context.Context, l location.Location, source *side.Side, versions bool) (one, skipped bool, err error) {
	if l.Local() {
		info, err := os.Stat(l.Path)
		return err == nil && info.Mode().IsRegular(), false, nil // an error is met again by the run
	}
	b, ok := storage.As[*bucket.Store](source.Store)
	if !ok || !l.MayBeObject() {
		return false, false, nil
	}
	var object, others bool
	err = source.Retry(ctx, "", func(ctx context.Context) (err error) {
		object, others, err = b.Named(ctx, versions)
		return err
	})
	return object && !others, object && others, source.Wrap(err)
}

// An Object is the one object of a run.
type Object struct {
	// Name is its name in the source: what follows the last slash.
	Name string
	// Target is where it goes; nil if the target is a store of the caller.
	Target *Destination
}

// Stores makes stores of the one object out of those of both sides.
func (o *Object) Stores(source, target storage.Store) (from, to storage.Store) {
	if o.Target != nil {
		target = o.Target.store(target, o.Name)
	}
	if b, ok := storage.As[*bucket.Store](source); ok {
		source = b.Single(o.Name)
	}
	return source, target // a file is alone already
}

// A Destination is where one object goes.
type Destination struct {
	bucket, key string
	// The file of a directory.
	parent, file string
}

// DestinationOf is where TARGET says that an object of a name goes.
func DestinationOf(l location.Location, name string) *Destination {
	switch {
	case !l.Local() && (l.Prefix == "" || strings.HasSuffix(l.Prefix, "/")):
		return &Destination{bucket: l.Bucket, key: l.Prefix + name}
	case !l.Local():
		return &Destination{bucket: l.Bucket, key: l.Prefix}
	}
	if info, err := os.Stat(l.Path); err == nil && info.IsDir() || os.IsPathSeparator(l.Path[len(l.Path)-1]) {
		return &Destination{parent: l.Path, file: name}
	}
	parent, file := filepath.Split(l.Path)
	if parent == "" {
		parent = "."
	}
	return &Destination{parent: parent, file: file}
}

func (d *Destination) local() bool { return d.bucket == "" }

// URL is what is opened as the target.
func (d *Destination) URL() string {
	if d.local() {
		return d.parent
	}
	return "s3://" + d.bucket + "/" + d.key
}

// Path is the path of the file, or the full key of the object, for messages.
func (d *Destination) Path() (path string, local bool) {
	if d.local() {
		return filepath.Join(d.parent, filepath.FromSlash(d.file)), true
	}
	return d.key, false
}

// store makes a store of the one object, which the source has under name, out of that
// of the target.
func (d *Destination) store(store storage.Store, name string) storage.Store {
	if b, ok := storage.As[*bucket.Store](store); ok {
		return b.Single(name)
	}
	if mapper, ok := storage.As[storage.KeyMapper](store); ok {
		return &oneFile{Store: store, mapper: mapper, key: name, file: d.file}
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
	opts.Range = opts.Intersect(one(o.file))
	return o.Store.List(ctx, opts)
}

// MapKey maps the name of the object to that of the file.
func (o *oneFile) MapKey(key string) (string, error) {
	if key != o.key {
		return "", fmt.Errorf("%w: only %q goes here", storage.ErrUnstorable, o.key)
	}
	return o.mapper.MapKey(o.file)
}

// MappedInto returns the name of the object if that of the file is in the range and
// it is not.
func (o *oneFile) MappedInto(r storage.Range) []storage.Range {
	if file, err := o.mapper.MapKey(o.file); err != nil || !r.Contains(file) || r.Contains(o.key) {
		return nil
	}
	return []storage.Range{one(o.key)}
}

// one is the range of a single key.
func one(key string) storage.Range { return storage.Range{From: key, To: key + "\x00"} }
