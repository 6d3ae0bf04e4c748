package s3sync

import (
	"maps"
	"strings"
)

// A mark is user metadata that a sync adds by itself. Some servers (Ceph RGW 16)
// turn "_" in the names of metadata into "-", so that a mark is known by either
// spelling, and the names of two sides are compared in one.

// The names of marks.
const (
	ownMetadata = "s3sync_origin_" // what they begin with
	// originVersionID is the ID of the version of the source.
	originVersionID = ownMetadata + "version_id"
	// originLastModified is the time of the source object.
	originLastModified = ownMetadata + "last_modified"
)

// hyphened is a name as servers keep it that do not know "_".
func hyphened(name string) string { return strings.ReplaceAll(name, "_", "-") }

// isMark reports whether metadata of that name is a mark.
func isMark(name string) bool { return strings.HasPrefix(hyphened(name), hyphened(ownMetadata)) }

// mark returns the value of a mark, and nothing if there is none.
func mark(metadata map[string]string, name string) string {
	if value, ok := metadata[name]; ok {
		return value
	}
	return metadata[hyphened(name)]
}

// setMark sets a mark. One that the source got from another sync, in the other
// spelling, must not stand beside it.
func setMark(metadata map[string]string, name, value string) {
	delete(metadata, hyphened(name))
	metadata[name] = value
}

// sameMetadata compares user metadata. Where it differs, "_" and "-" in names count
// as one, unless two names of a side would be the same then.
func sameMetadata(a, b map[string]string) bool {
	if maps.Equal(a, b) {
		return true
	}
	x, y := hyphenedNames(a), hyphenedNames(b)
	return len(x) == len(a) && len(y) == len(b) && maps.Equal(x, y)
}

func hyphenedNames(metadata map[string]string) map[string]string {
	all := make(map[string]string, len(metadata))
	for name, value := range metadata {
		all[hyphened(name)] = value
	}
	return all
}
