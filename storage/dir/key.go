package dir

import (
	"runtime"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/dir/internal/failure"
	"s3sync/storage/dir/internal/system"
)

// maxSegment is the longest name of a file, in bytes (in UTF-16 units on
// Windows). Every common file system has it.
const maxSegment = 255

const onWindows = runtime.GOOS == "windows"

// A keyPath is a key as a path of the file system.
type keyPath struct {
	path string // relative, clean, with '/' between the segments
	dir  bool   // the key ends in a slash: it means a directory
}

// key returns the key under which the path is listed.
func (p keyPath) key() string {
	if p.dir {
		return p.path + "/"
	}
	return p.path
}

// MapKey returns the key under which List shows what is written as key: without
// leading slashes, and with one slash where there are several. A key that ends
// in a slash means a directory, which List does not show, but Stat does.
//
// It fails with storage.ErrUnstorable for keys that cannot be a path on this
// system, or would name something else: with NUL or bytes that are not UTF-8,
// with a segment (between '/' or '\') of only dots and blanks, or of more than
// 255 bytes, or that looks like a temporary file of this package. On Windows
// also with '\', ':' or another character that is special there, with a device
// name, or with a segment that ends in a dot or a blank. It looks at the key
// alone: whether the way is barred, by a file where the key needs a directory
// or by a name that differs only in case, shows when it is written.
func (s *Store) MapKey(key string) (string, error) {
	p, err := storable(key, onWindows)
	if err != nil {
		return standIn(key), failure.Of("put", key, err)
	}
	return p.key(), nil
}

// MappedInto returns where else keys can begin whose files are in r. MapKey only
// takes slashes away, so such a key has a slash too many at its beginning or behind
// a directory of its file. Only directories count that r does not hold whole, which
// are those in its bounds: there are a few ranges for each of them at most.
func (s *Store) MappedInto(r storage.Range) []storage.Range {
	var outside []storage.Range
	below, above := storage.Range{To: r.From}, storage.Range{From: r.To}
	for _, dir := range cutDirectories(r) {
		doubled := storage.Prefixed(dir + "/")
		if part := doubled.Intersect(below); below.To != "" && !part.Empty() {
			outside = append(outside, part)
		}
		if part := doubled.Intersect(above); above.From != "" && !part.Empty() {
			outside = append(outside, part)
		}
	}
	slices.SortFunc(outside, func(a, b storage.Range) int { return strings.Compare(a.From, b.From) })
	return outside
}

// cutDirectories returns the directories that a range holds in part, with a slash
// at the end; the root is "".
func cutDirectories(r storage.Range) []string {
	if r.Empty() || r == (storage.Range{}) {
		return nil
	}
	dirs := []string{""}
	for _, bound := range []string{r.From, r.To} {
		for i, c := range []byte(bound) {
			if c != '/' {
				continue
			}
			if i == 0 || bound[i-1] == '/' {
				break // no file is in a directory without a name
			}
			if dir := bound[:i+1]; dir != r.To && !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// standIn returns the key of a file in the place of a key that is not written
// here. It is empty if there can be none.
func standIn(key string) string {
	p, err := readable(key)
	if err != nil || !utf8.ValidString(p.path) {
		return ""
	}
	return p.key()
}

// normalise makes a relative path of a key, or something that the checks of
// its segments refuse.
func normalise(key string) keyPath {
	p := keyPath{path: strings.TrimLeft(key, "/")}
	if trimmed := strings.TrimRight(p.path, "/"); trimmed != p.path {
		p = keyPath{path: trimmed, dir: true}
	}
	for strings.Contains(p.path, "//") {
		p.path = strings.ReplaceAll(p.path, "//", "/")
	}
	return p
}

// readable returns the path of a key that a listing may have shown. It refuses
// only what a path inside the directory cannot be: files that were made by
// others have names that are not written here.
func readable(key string) (keyPath, error) {
	p := normalise(key)
	if p.path == "" {
		return keyPath{}, failure.Unstorable("nothing is left of the key")
	}
	if strings.ContainsRune(p.path, 0) {
		return keyPath{}, failure.Unstorable("the key holds a NUL")
	}
	if onWindows && strings.ContainsAny(p.path, `\:`) {
		return keyPath{}, failure.Unstorable(`the key holds a '\' or ':'`)
	}
	for seg := range strings.SplitSeq(p.path, "/") {
		if seg == "." || seg == ".." {
			return keyPath{}, failure.Unstorable("the key holds a segment %q", seg)
		}
		if system.IsTemp(seg) {
			return keyPath{}, failure.Unstorable("%q is the name of a temporary file", seg)
		}
	}
	return p, nil
}

// storable returns the path under which a key is written.
func storable(key string, windows bool) (keyPath, error) {
	p, err := readable(key)
	if err != nil {
		return keyPath{}, err
	}
	if !utf8.ValidString(p.path) {
		return keyPath{}, failure.Unstorable("the key is not valid UTF-8")
	}
	for seg := range strings.FieldsFuncSeq(p.path, func(r rune) bool { return r == '/' || r == '\\' }) {
		if strings.Trim(seg, ". ") == "" {
			return keyPath{}, failure.Unstorable("the segment %q consists of dots and blanks", seg)
		}
	}
	for seg := range strings.SplitSeq(p.path, "/") {
		if err := storableSegment(seg, windows); err != nil {
			return keyPath{}, err
		}
	}
	return p, nil
}

func storableSegment(seg string, windows bool) error {
	length := len(seg)
	if windows {
		length = len(utf16.Encode([]rune(seg)))
	}
	if length > maxSegment {
		return failure.Unstorable("name too long: a segment of the key is longer than %d", maxSegment)
	}
	if windows {
		return storableOnWindows(seg)
	}
	return nil
}

// storableOnWindows refuses what Windows does not take, or takes for something
// else: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
func storableOnWindows(seg string) error {
	if i := strings.IndexFunc(seg, func(r rune) bool { return r < ' ' || strings.ContainsRune(`\<>:"|?*`, r) }); i >= 0 {
		return failure.Unstorable("Windows does not allow %q in %q", seg[i], seg)
	}
	if strings.TrimRight(seg, ". ") != seg {
		return failure.Unstorable("Windows drops the end of %q", seg)
	}
	base, _, _ := strings.Cut(seg, ".")
	if isDevice(strings.ToUpper(strings.TrimRight(base, " "))) {
		return failure.Unstorable("%q names a device on Windows", seg)
	}
	return nil
}

func isDevice(base string) bool {
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$":
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789\u00b9\u00b2\u00b3", port)
}
