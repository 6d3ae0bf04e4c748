package tree

import (
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
)

// split returns the directory of a clean relative path, "" for the root, and
// its last segment.
func split(p string) (dir, base string) {
	dir, base = path.Split(p)
	return strings.TrimSuffix(dir, "/"), base
}

// join is the path of an entry of a directory, "" being the root.
func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}

// maxKnown bounds the directories that paths remembers; a few hundred bytes each.
const maxKnown = 4096

// A paths remembers what was found out about directories by their paths.
type paths struct {
	mu sync.Mutex
	// known are directories whose paths were found free of links. In those with true all
	// names are exact: see caseMatters.
	known map[string]bool
	swept map[string]struct{} // directories without leftovers: see isFirst
}

// isKnown reports whether the path of a directory was found free of links.
func (p *paths) isKnown(dir string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.known[dir]
	return known || dir == ""
}

// remember notes that the path of a directory is free of links.
func (p *paths) remember(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(dir, p.known[dir])
}

// rememberExact notes that all names in a directory are exact.
func (p *paths) rememberExact(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(dir, true)
}

func (p *paths) set(dir string, exact bool) {
	if p.known == nil || len(p.known) >= maxKnown {
		p.known = map[string]bool{}
	}
	p.known[dir] = exact
}

func (p *paths) forget(dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.known, dir)
}

// isExact reports whether names in a directory were found exact.
func (p *paths) isExact(dir string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[dir]
}

// isFirst reports whether a directory is written to for the first time. If there are very
// many directories, it may report that again.
func (p *paths) isFirst(dir string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.swept[dir]; ok {
		return false
	}
	if p.swept == nil || len(p.swept) >= maxKnown {
		p.swept = map[string]struct{}{}
	}
	p.swept[dir] = struct{}{}
	return true
}

// A dirSet is a set of directories, by their paths.
type dirSet struct {
	mu   sync.Mutex
	dirs map[string]struct{}
}

func (s *dirSet) add(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dirs == nil {
		s.dirs = map[string]struct{}{}
	}
	s.dirs[dir] = struct{}{}
}

// take returns the directories, and empties the set.
func (s *dirSet) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	dirs := slices.Collect(maps.Keys(s.dirs))
	s.dirs = nil
	return dirs
}
