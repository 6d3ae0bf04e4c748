// Package mime guesses the Content-Type of a file by its name. Its table is part of the
// program, unlike that of the standard library's mime package. So the same tree always
// becomes the same objects, on every machine.
package mime

import (
	_ "embed"
	"path"
	"strings"
	"sync"
)

// Unknown is the type of a file whose extension is not known (RFC 2046,
// section 4.5.1).
const Unknown = "application/octet-stream"

// table has a line for each extension, in ascending order: the extension and
// its media type. generate.go writes it.
//
//go:embed table.txt
var table string

// mediaTypes returns the media types by extension.
//
//nolint:gochecknoglobals // read once, and never changed
var mediaTypes = sync.OnceValue(func() map[string]string {
	types := make(map[string]string, strings.Count(table, "\n"))
	for line := range strings.Lines(table) {
		extension, mediaType, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		types[extension] = mediaType
	}
	return types
})

// TypeOf returns the media type of a file with this name, without parameters such as
// charset. The name may be a key or path with slashes. Only the extension counts, in
// upper or lower case. A name whose only dot is its first character has no extension.
func TypeOf(name string) string {
	name = path.Base(name)
	dot := strings.LastIndexByte(name, '.')
	if dot <= 0 {
		return Unknown
	}
	if mediaType, ok := mediaTypes()[strings.ToLower(name[dot+1:])]; ok {
		return mediaType
	}
	return Unknown
}
