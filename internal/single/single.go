// Package single makes stores of one object. A source can be one object or one file. As
// with cp, it goes to TARGET, or into TARGET under its own name if TARGET is an
// existing directory or ends in a slash. Both sides are then stores of one object,
// under its name in the source, so the stages of a run need no special case.
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

// NameOf returns the name of the object of a location: the text after the last slash.
func NameOf(l location.Location) string {
	if l.Local() {
		return filepath.Base(l.Path)
	}
	return path.Base(l.Prefix)
}

// Find reports whether a location names one object or one file. It makes a request
// unless the location is a path or ends in a slash. If other keys begin with the key,
// the location is a prefix: one is false, and skipped reports that an object of that
// key exists as well. versions also finds objects that are deleted now. The error names
// the side.
func Find(ctx context.Context, l location.Location, source *side.Side, versions bool) (one, skipped bool, err error) {
	if l.Local() {
		info, err := os.Stat(l.Path)
		return err == nil && info.Mode().IsRegular(), false, nil // the run will report an error
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
	// Name is its name in the source: the text after the last slash.
	Name string
	// Source is where it is.
	Source location.Location
	// Target is its destination; nil if the target is a store of the caller.
	Target *Destination
}

// Stores returns stores of the one object, made from the stores of both sides.
func (o *Object) Stores(source, target storage.Store) (from, to storage.Store) {
	if o.Target != nil {
		target = o.Target.store(target, o.Name)
	}
	if b, ok := storage.As[*bucket.Store](source); ok {
		source = b.Single(o.Name)
	}
	return source, target // a source that is a file is already a store of one object
}

// A Destination is the place where one object is written.
type Destination struct {
	bucket, key string
	// parent and file are a directory and a file in it.
	parent, file string
}

// DestinationOf returns the destination that TARGET means for an object of a name.
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

// URL returns the URL to open as the target.
func (d *Destination) URL() string {
	if d.local() {
		return d.parent
	}
	return "s3://" + d.bucket + "/" + d.key
}

// Location returns the path of the file, or the bucket and the full key of the object.
func (d *Destination) Location() location.Location {
	if d.local() {
		return location.Location{Path: filepath.Join(d.parent, filepath.FromSlash(d.file))}
	}
	return location.Location{Bucket: d.bucket, Prefix: d.key}
}

// store returns a store of the one object, which is called name in the source, made
// from the store of the target.
func (d *Destination) store(store storage.Store, name string) storage.Store {
	if b, ok := storage.As[*bucket.Store](store); ok {
		return b.Single(name)
	}
	if mapper, ok := storage.As[storage.KeyMapper](store); ok {
		return &oneFile{Store: store, mapper: mapper, key: name, file: d.file}
	}
	return store
}

// A oneFile is one file of a directory. It is the target of an object that may have
// another name. It ignores everything else in the directory.
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

// MapKey maps the name of the object to the name of the file.
func (o *oneFile) MapKey(key string) (string, error) {
	if key != o.key {
		return "", fmt.Errorf("%w: only %q goes here", storage.ErrUnstorable, o.key)
	}
	return o.mapper.MapKey(o.file)
}

// MappedInto returns the name of the object if the range contains the name of the file
// but not that of the object.
func (o *oneFile) MappedInto(r storage.Range) []storage.Range {
	if file, err := o.mapper.MapKey(o.file); err != nil || !r.Contains(file) || r.Contains(o.key) {
		return nil
	}
	return []storage.Range{one(o.key)}
}

// one returns the range of a single key.
func one(key string) storage.Range { return storage.Range{From: key, To: key + "\x00"} }
