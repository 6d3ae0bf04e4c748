package report

import (
	"cmp"
	"path/filepath"

	"s3sync/internal/location"
	"s3sync/storage"
)

// A Place turns relative keys of a side into what a user finds there.
type Place struct {
	// Local: the side is a directory.
	Local bool
	// Root is the prefix of keys in the bucket, or the directory.
	Root string
	// Only, if set, is where the one object of the run is, whatever its key.
	Only string
}

// Path returns where the object of a key is.
func (p *Place) Path(key string) string {
	if p.Only != "" {
		return p.Only
	}
	if p.Local {
		return filepath.Join(p.Root, filepath.FromSlash(key))
	}
	return p.Root + key
}

// PlaceOf finds where the keys of a side live: those of a store of the caller, or of a
// location if that is nil. It is the zero Place if nobody knows.
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
