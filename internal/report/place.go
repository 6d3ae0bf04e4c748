package report

import (
	"cmp"
	"path/filepath"

	"s3sync/internal/location"
	"s3sync/storage"
)

// A Place maps relative keys of a side to the names that a user sees there.
type Place struct {
	// Local: the side is a directory.
	Local bool
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

// PlaceOf returns the place of a side: that of a store of the caller, or of a location
// if store is nil. It is the zero Place if the place is unknown.
func PlaceOf(store storage.Store, l location.Location) Place {
	if located, ok := storage.As[storage.Locator](store); ok {
		at := located.Location()
		return Place{Local: at.Directory != "", Root: cmp.Or(at.Directory, at.Prefix)}
	}
	switch {
	case store != nil, l == (location.Location{}):
		return Place{}
	case l.Local():
		return Place{Local: true, Root: l.Path}
	}
	return Place{Root: l.Prefix}
}
