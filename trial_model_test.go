package s3sync_test

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The model says what a run may do to a target, given the contents of both sides. It
// follows the policies of the program, not its code, and reads directories itself.

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// A sideView is the content of a side that can be synced.
type sideView struct {
	entries tree
	// unreadable are names of entries that cannot be read. Names below them are
	// unknown, too.
	unreadable []string
	// other maps names in a directory to the kind of an entry that is not a file. dirs
	// are the names of directories.
	other map[string]string
	dirs  []string
}

// viewDirectory views a directory. It follows a source's links unless they are
// excluded; a target's links are not part of it.
func viewDirectory(root string, source, links bool) *sideView {
	v := &sideView{entries: tree{}, other: map[string]string{}}
	v.walk(root, "", source, links, nil)
	return v
}

func (v *sideView) walk(root, prefix string, source, links bool, above []os.FileInfo) {
	here, err := os.Stat(root)
	if err != nil {
		return
	}
	above = append(slices.Clone(above), here)
	entries, err := os.ReadDir(root)
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		name, path := prefix+e.Name(), filepath.Join(root, e.Name())
		fi, err := os.Lstat(path)
		if err != nil {
			panic(err)
		}
		if fi.Mode().Type() == os.ModeSymlink {
			if !source {
				v.other[name], _ = os.Readlink(path)
				continue
			}
			if !links {
				continue
			}
			if fi, err = os.Stat(path); err != nil {
				v.unreadable = append(v.unreadable, name)
				continue
			}
		}
		switch {
		case fi.IsDir() && slices.ContainsFunc(above, func(a os.FileInfo) bool { return os.SameFile(a, fi) }):
			v.unreadable = append(v.unreadable, name) // a loop
		case fi.IsDir():
			v.dirs = append(v.dirs, name)
			v.walk(path, name+"/", source, links, above)
		case fi.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				panic(err)
			}
			v.entries[name] = entry{kind: aFile, data: string(data), age: int(fi.ModTime().Sub(trialTime(0)).Seconds())}
		default:
			v.unreadable = append(v.unreadable, name)
			v.other[name] = fi.Mode().Type().String()
		}
	}
}

// fileName returns the file of a key in a directory, without empty segments. There is
// none if a segment consists of dots and blanks, if nothing remains, or if the key
// means a directory because it ends in a slash.
func fileName(key string) (path string, ok bool) {
	for _, segment := range strings.FieldsFunc(key, func(r rune) bool { return r == '/' || r == '\\' }) {
		if strings.Trim(segment, ". ") == "" {
			return "", false
		}
	}
	var segments []string
	for segment := range strings.SplitSeq(key, "/") {
		if segment != "" {
			segments = append(segments, segment)
		}
	}
	if len(segments) == 0 || strings.HasSuffix(key, "/") {
		return "", false
	}
	return strings.Join(segments, "/"), true
}

// targetName returns the name under which the target holds a source object. ok is false
// if the target cannot hold it.
func (tr *trial) targetName(key string) (name string, ok bool) {
	if tr.direction == down {
		return fileName(key)
	}
	return key, key != ""
}

// A model is a trial before its run, with the contents of both sides.
type model struct {
	*trial
	source, target *sideView
}

// whyKept returns why an object of the target must be kept in any case. It is empty if
// the object may be deleted.
func (m *model) whyKept(name string) (why string) {
	if !m.o.delete || m.o.dry {
		return "nothing is to be deleted"
	}
	if name == "" {
		return "its key is the prefix of the target"
	}
	if strings.HasSuffix(name, "/") && m.target.entries[name].data == "" {
		return "it is a folder marker"
	}
	for key := range m.source.entries {
		if held, ok := m.targetName(key); ok && held == name && !(m.neverListed && key == m.fault.key) {
			return "the source has it as " + key
		}
	}
	for _, blind := range m.source.unreadable {
		if name == blind || strings.HasPrefix(name, blind+"/") {
			return "nobody knows whether the source has it, because of " + blind
		}
	}
	if !m.o.excluded && !m.passes(name) {
		return "it is excluded"
	}
	return ""
}

// candidates returns the objects of the target that may be deleted.
func (m *model) candidates() (names []string) {
	for name := range m.target.entries {
		if m.whyKept(name) == "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// mustGo reports whether a candidate must be deleted. One that another program may have
// written for a key without a file may be kept.
func (m *model) mustGo(name string) bool {
	for key := range m.source.entries {
		if _, ok := m.targetName(key); !ok && path.Clean(strings.TrimLeft(key, "/")) == name {
			return false
		}
	}
	return true
}

// whyRefused returns why nothing at all may be deleted. It is empty if there is no
// reason.
func (m *model) whyRefused() (why string) {
	found := maps.Clone(m.source.entries)
	maps.DeleteFunc(found, func(key string, _ entry) bool { return key == "" || m.globbed(key) && !m.o.excluded })
	switch {
	case len(found) == 0 && !m.o.allowEmpty:
		return "the source is empty"
	}
	percent := m.o.percent
	if percent == 0 {
		percent = 80
	}
	holds := maps.Clone(m.target.entries)
	for key, th := range m.source.entries {
		if name, ok := m.targetName(key); ok && m.selects(key, th) {
			holds[name] = th
		}
	}
	if n := len(m.candidates()); n > 100 && 100*n > percent*len(holds) && (m.o.max == 0 || m.o.max > 100) {
		return "too much of the target would go"
	}
	if name := m.sibling(m.target.entries); name != "" {
		return "the prefix ends within the name of " + name
	}
	return ""
}

// sibling returns a key that keeps a run from deleting, or "".
func (m *model) sibling(target tree) string {
	if m.targetPrefix != "" && !strings.HasSuffix(m.targetPrefix, "/") && !m.o.allowPartial {
		for name := range target {
			if name != "" && !strings.HasPrefix(name, "/") {
				return name
			}
		}
	}
	return ""
}

// selects reports whether the filters keep an object of the source.
func (m *model) selects(key string, th entry) bool {
	local := m.direction == up
	typed := th.contentType == "text/x-trial"
	switch m.o.filter {
	case "smaller":
		return len(th.data) < 2 && m.passes(key)
	case "larger":
		return len(th.data) >= 2 && m.passes(key)
	case "before":
		return th.age < 2 && m.passes(key)
	case "after":
		return th.age >= 2 && m.passes(key)
	case "include":
		return strings.Contains(key, "b") && m.passes(key)
	case "include prefix":
		return strings.HasPrefix(key, "a") && m.passes(key)
	case "content type":
		return !local && typed && m.passes(key)
	case "not content type":
		return (local || !typed) && m.passes(key)
	case "metadata":
		return !local && th.meta == "yes" && m.passes(key)
	case "not metadata":
		return (local || th.meta != "yes") && m.passes(key)
	case "tag":
		return !local && th.tag == "yes" && m.passes(key)
	case "not tag":
		return (local || th.tag != "yes") && m.passes(key)
	}
	return m.passes(key)
}

func (m *model) passes(key string) bool {
	return !m.globbed(key) && (m.o.exclude == "" || !regexp.MustCompile(m.o.exclude).MatchString(key))
}

// globbed reports whether the patterns exclude a key. Those of the trials name no paths.
func (m *model) globbed(key string) bool {
	names := strings.Split(key, "/")
	dirs := names[:len(names)-1]
	begins := func(name string) bool { return strings.HasPrefix(name, "a") }
	holds := func(name string) bool { return strings.Contains(name, "a") }
	switch m.o.globs {
	case "no b":
		return slices.Contains(names, "b")
	case "no a*, but ab":
		return slices.ContainsFunc(names, begins) && !slices.Contains(names, "ab")
	case "no directory b":
		return slices.Contains(dirs, "b")
	case "only *a*":
		return !slices.ContainsFunc(names, holds)
	case "only directory a":
		return !slices.Contains(dirs, "a")
	}
	return false
}

// concerns reports whether the run must report an unreadable name: unless it is
// excluded, or not even listed.
func (m *model) concerns(name string) bool {
	return m.passes(name) && m.passes(name+"/") && (m.o.delete || m.o.filter != "include prefix" || strings.HasPrefix(name, "a"))
}

// needed reports whether an object of the source must be transferred.
func (m *model) needed(key string, th entry) bool {
	name, ok := m.targetName(key)
	if !ok || !m.selects(key, th) || m.barred(key, name) {
		return false
	}
	old, exists := m.target.entries[name]
	switch {
	case !exists || m.o.check == "overwrite":
		return true
	case m.o.check == "size":
		return len(th.data) != len(old.data)
	case m.o.check == "etag":
		return th.data != old.data
	case m.o.check == "mtime and size":
		return len(th.data) != len(old.data) || th.age > old.age
	}
	return th.age > old.age
}

// barred reports whether the object's file may be impossible: another entry has its
// name, or the name of one of its directories.
func (m *model) barred(key, name string) bool {
	if m.direction != down {
		return false
	}
	if rival(m.source, key, name) {
		return true
	}
	for other := range m.target.entries {
		if inTheWay(other, name) {
			return true
		}
	}
	if slices.Contains(m.target.dirs, name) {
		return true
	}
	for other := range m.target.other {
		if inTheWay(other, name) || other == name {
			return true
		}
	}
	return false
}

// rival reports whether another object of the source has its file, or a directory, in the
// place of this one's file. Which of them is written is a matter of chance.
func rival(source *sideView, key, name string) bool {
	for other := range source.entries {
		held, ok := fileName(strings.TrimRight(other, "/"))
		if ok && (inTheWay(held, name) || held == name && other != key) {
			return true
		}
	}
	return false
}

// inTheWay reports whether one of two files lies below the other.
func inTheWay(a, b string) bool { return strings.HasPrefix(a, b+"/") || strings.HasPrefix(b, a+"/") }

func TestModel(t *testing.T) {
	for key, want := range map[string]string{
		"a": "a", "/a": "a", "a//b": "a/b", "//a///b": "a/b", "a/./b": "", "../a": "", "a/": "", "": "", "/": "", " ": "", "a/.../b": "", "...a": "...a",
	} {
		if got, _ := fileName(key); got != want {
			t.Errorf("%q is filed as %q, want %q", key, got, want)
		}
	}
}
