//go:build ignore

// This program writes table.txt from a list of media types in the format of Debian's
// media-types package, which is in the public domain, and from more.types, which has
// the types that are missing there:
//
//	cat /etc/mime.types more.types | go run generate.go >table.txt
//
// It is run by hand, because the list differs between versions of the package.
package main

import (
	"bufio"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// corrections add types that the list lacks. They also replace the type where the list
// assigns a widely used extension to a rare format. An empty type removes the
// extension.
var corrections = map[string]string{
	"bed":     "",                               // genome intervals, not a VNC format
	"bz2":     "application/x-bzip2",            //
	"cfg":     "text/plain",                     //
	"cjs":     "text/javascript",                // as mjs in RFC 9239
	"conf":    "text/plain",                     //
	"gpx":     "application/gpx+xml",            //
	"ini":     "text/plain",                     //
	"ipynb":   "application/x-ipynb+json",       //
	"jsonl":   "application/x-ndjson",           //
	"log":     "text/plain",                     //
	"lz4":     "application/x-lz4",              //
	"m2ts":    "video/mp2t",                     // as ts
	"map":     "application/json",               // source maps, ECMA-426
	"mts":     "video/mp2t",                     // as ts
	"ndjson":  "application/x-ndjson",           //
	"orc":     "",                               // column files, not scores of Csound
	"parquet": "application/vnd.apache.parquet", // IANA registry
	"pt":      "",                               // model weights, not page tables
	"rs":      "text/x-rust",                    // Rust sources, not RLS services
	"sam":     "",                               // sequence alignments, not a word processor
	"tbz":     "application/x-bzip2",            //
	"tbz2":    "application/x-bzip2",            //
	"tgz":     "application/gzip",               // what the file is, as tar.gz
	"toml":    "application/toml",               // IANA registry
	"ts":      "video/mp2t",                     // RFC 3555
	"txz":     "application/x-xz",               // what the file is, as tar.xz
	"yaml":    "application/yaml",               // RFC 9512
	"yml":     "application/yaml",               // RFC 9512
}

func main() {
	types := map[string]string{}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		for _, extension := range fields[1:] {
			extension = strings.ToLower(extension)
			// Use only the text after the last dot, and the first type that names it.
			if _, ok := types[extension]; !ok && !strings.Contains(extension, ".") {
				types[extension] = strings.ToLower(fields[0])
			}
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for extension, mediaType := range corrections {
		types[extension] = mediaType
		if mediaType == "" {
			delete(types, extension)
		}
	}
	for _, extension := range slices.Sorted(maps.Keys(types)) {
		fmt.Println(extension, types[extension])
	}
}
