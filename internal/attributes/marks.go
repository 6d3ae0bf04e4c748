package attributes

import (
	"maps"
	"strings"
)

// A mark is user metadata that a sync adds by itself. Some servers (Ceph RGW 16)
// turn "_" in the names of metadata into "-". So a mark is recognized in either
// spelling, and the names of two sides are compared in one spelling.

// The names of marks.
const (
	markPrefix = "s3sync_origin_" // what they begin with
	// OriginVersionID is the ID of the version of the source.
	OriginVersionID = markPrefix + "version_id"
	// OriginLastModified is the time of the source object.
	OriginLastModified = markPrefix + "last_modified"
)

// hyphened is a name as servers keep it that do not know "_".
func hyphened(name string) string { return strings.ReplaceAll(name, "_", "-") }

// IsMark reports whether metadata of that name is a mark.
func IsMark(name string) bool { return strings.HasPrefix(hyphened(name), hyphened(markPrefix)) }

// Mark returns the value of a mark, and an empty text if there is none. name is
// one of the constants.
func Mark(metadata map[string]string, name string) string {
	if value, ok := metadata[name]; ok {
		return value
	}
	return metadata[hyphened(name)]
}

// SetMark sets a mark. It removes one in the other spelling, which the source may
// have from another sync: both must not stand side by side.
func SetMark(metadata map[string]string, name, value string) {
	delete(metadata, hyphened(name))
	metadata[name] = value
}

// SameMetadata compares user metadata. Where it differs, "_" and "-" in names count
// as one character, unless two names of a side would be the same then.
func SameMetadata(a, b map[string]string) bool {
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
