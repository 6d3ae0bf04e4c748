// Package mime guesses the Content-Type of a file by its name. The table is
// part of the program and the same on every machine, unlike that of the
// standard library's mime package, so that the same tree always becomes the
// same objects.
package mime

import (
	"path"
	"slices"
	"strings"
)

// Unknown is the type of a file whose extension is not known (RFC 2046,
// section 4.5.1).
const Unknown = "application/octet-stream"

// An entry of the table says which type an extension stands for.
type entry struct{ extension, mediaType string }

// TypeOf returns the media type, without parameters such as charset, of a file
// with this name, which may be a key or path with slashes. Only the extension
// counts, whatever the case of its letters. A name that begins with its only
// dot has none.
func TypeOf(name string) string {
	name = path.Base(name)
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return Unknown
	}
	extension := strings.ToLower(name[dot+1:])
	i, ok := slices.BinarySearchFunc(table[:], extension, func(e entry, extension string) int {
		return strings.Compare(e.extension, extension)
	})
	if !ok {
		return Unknown
	}
	return table[i].mediaType
}
