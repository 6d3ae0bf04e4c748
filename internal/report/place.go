package report

import (
	"cmp"
	"path/filepath"
	"strings"

	"s3sync/internal/location"
	"s3sync/storage"
)

// A Place maps relative keys of a side to the names that a user sees there.
type Place struct {
	// Local: the side is a directory.
	Local bool
	// Bucket is the name of the bucket; empty for a directory or if it is unknown.
	Bucket string
	// Root is the prefix of keys in the bucket, or the directory.
	Root string
	// Only, if set, is the path of the only object of the run, whatever its key.
	Only string
}

// Path returns the path of the object with a key.
func (p *Place) Path(key string) string {
	if p.Only != "" {
		return p.Only
	}
	if p.Local {
		return filepath.Join(p.Root, filepath.FromSlash(key))
	}
	return p.Root + key
}

// URL returns Path, with the bucket in front if it is known.
func (p *Place) URL(key string) string {
	if p.Bucket == "" {
		return p.Path(key)
	}
	return "s3://" + p.Bucket + "/" + p.Path(key)
}

// Partial reports whether the prefix of the keys may end in the middle of a name. Then
// the keys of what is usually meant begin with a slash.
func (p *Place) Partial() bool { return !p.Local && p.Root != "" && !strings.HasSuffix(p.Root, "/") }

// PlaceOf returns the place of a side: that of a store of the caller, or of a URL or path
// if store is nil. It is the zero Place if the place is unknown.
func PlaceOf(store storage.Store, url string) Place {
	if located, ok := storage.As[storage.Locator](store); ok {
		at := located.Location()
		return Place{Local: at.Directory != "", Bucket: at.Container, Root: cmp.Or(at.Directory, at.Prefix)}
	}
	l, err := location.Parse(url)
	switch {
	case store != nil, err != nil: // which is reported elsewhere
		return Place{}
	case l.Local():
		return Place{Local: true, Root: l.Path}
	}
	return Place{Bucket: l.Bucket, Root: l.Prefix}
}

// PlaceOfOne returns the place of a side that is one object: the one at a location.
func PlaceOfOne(l location.Location) Place {
	return Place{Local: l.Local(), Bucket: l.Bucket, Only: cmp.Or(l.Path, l.Prefix)}
}
