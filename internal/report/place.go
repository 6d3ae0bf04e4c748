package report

import "path/filepath"

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
