package attributes

import (
	"maps"
	"strings"
)

// A mark is user metadata that a sync adds by itself. Some servers (Ceph RGW 16)
// change "_" to "-" in the names of metadata. So a mark is recognized in either
// spelling, and the names of two sides are compared in one spelling.

// The names of marks.
const (
	markPrefix = "s3sync_origin_" // of all marks
	// OriginVersionID is the ID of the version of the source.
	OriginVersionID = markPrefix + "version_id"
	// OriginLastModified is the time of the source object.
	OriginLastModified = markPrefix + "last_modified"
)

// hyphened returns a name as it is kept by servers that do not support "_".
func hyphened(name string) string { return strings.ReplaceAll(name, "_", "-") }

// IsMark reports whether metadata of that name is a mark.
func IsMark(name string) bool { return strings.HasPrefix(hyphened(name), hyphened(markPrefix)) }

// Mark returns the value of a mark, or an empty text if there is none. name is one of
// the constants.
func Mark(metadata map[string]string, name string) string {
	if value, ok := metadata[name]; ok {
		return value
	}
	return metadata[hyphened(name)]
}

// SetMark sets a mark. It removes the mark in the other spelling, which the source may
// have from another sync, so that there is only one.
func SetMark(metadata map[string]string, name, value string) {
	delete(metadata, hyphened(name))
	metadata[name] = value
}

// SameMetadata compares user metadata. "_" and "-" in names count as the same
// character, unless this would make two names of one side the same.
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
