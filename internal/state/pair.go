package state

import "s3sync/storage"

// PairOf returns the pair of two stores. It returns false if a store does not say where
// its objects are.
func PairOf(source, target storage.Store) (Pair, bool) {
	from, ok := PlaceOf(source)
	if !ok {
		return Pair{}, false
	}
	to, ok := PlaceOf(target)
	return Pair{Source: from, Target: to}, ok
}

// PlaceOf names where the objects of a store are, in a text for users without secrets. It
// returns false if the store does not say that.
func PlaceOf(s storage.Store) (string, bool) {
	l, ok := storage.As[storage.Locator](s)
	if !ok {
		return "", false
	}
	at := l.Location()
	if at.Directory != "" {
		return at.Directory, true
	}
	return "s3://" + at.Container + "/" + at.Prefix + " at " + at.Server, true
}
