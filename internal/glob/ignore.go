package glob

import (
	"fmt"
	"iter"
	"strings"
	"sync"

	"github.com/bmatcuk/doublestar/v4"
)

// maxIgnoreBytes bounds the ignore files of a run, which stay in memory.
const maxIgnoreBytes = 16 << 20

// An Ignore excludes keys by ignore files in the directories of a tree, with the rules of
// git: a file is about everything below its directory, and of several files the deepest
// one with a matching pattern decides. What is below an excluded directory is excluded,
// whatever a pattern says. An ignore file is itself a file like others.
//
// A file that was read keeps its meaning, so that what it excluded once stays excluded.
// Methods may be called concurrently.
type Ignore struct {
	name string
	read func(key string) (data []byte, found bool, err error)

	mu sync.Mutex
	// files are the patterns by directory. They are kept, which keeps what is
	// excluded by them.
	files map[string][]ignorePattern
	bytes int
	// levels are the root and the directories down to the one that was asked for last.
	levels []level
}

type ignorePattern struct {
	pattern

	include bool // it begins with !
}

// A level is one directory.
type level struct {
	prefix   string // empty, or ends in a slash
	patterns []ignorePattern
	excluded bool
}

// NewIgnore returns an Ignore for files of that name. read returns the content of a key
// and whether there is such a file. It is called for one directory after another, never
// twice at once.
func NewIgnore(name string, read func(key string) (data []byte, found bool, err error)) *Ignore {
	return &Ignore{name: name, read: read, files: map[string][]ignorePattern{}}
}

// Excludes reports whether a key is excluded. It fails if an ignore file cannot be read,
// or if there are too many.
func (g *Ignore) Excludes(key string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	slash := strings.LastIndexByte(key, '/')
	last, err := g.descend(key[:slash+1])
	switch name := key[slash+1:]; {
	case err != nil:
		return false, err
	case last.excluded || name == "":
		return last.excluded, nil
	default:
		return g.excludes(key, name, false), nil
	}
}

// Prunes reports that every key that begins with prefix is excluded. prefix ends in a
// slash.
func (g *Ignore) Prunes(prefix string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	last, err := g.descend(prefix)
	return err == nil && last.excluded, err
}

// descend makes levels end in the directory of a prefix, or in an excluded one above it.
func (g *Ignore) descend(prefix string) (*level, error) {
	n := len(g.levels)
	for n > 0 && !strings.HasPrefix(prefix, g.levels[n-1].prefix) {
		n--
	}
	g.levels = g.levels[:n]
	if n == 0 {
		if err := g.enter("", false); err != nil {
			return nil, err
		}
	}
	for {
		last := &g.levels[len(g.levels)-1]
		next, _, more := strings.Cut(prefix[len(last.prefix):], "/")
		if !more || last.excluded {
			return last, nil
		}
		path := prefix[:len(last.prefix)+len(next)]
		if err := g.enter(path+"/", g.excludes(path, next, true)); err != nil {
			return nil, err
		}
	}
}

// enter adds a level. Files below an excluded directory are not read.
func (g *Ignore) enter(prefix string, excluded bool) error {
	l := level{prefix: strings.Clone(prefix), excluded: excluded}
	var err error
	if !excluded {
		l.patterns, err = g.patterns(l.prefix)
	}
	if err == nil {
		g.levels = append(g.levels, l)
	}
	return err
}

// patterns returns the patterns of the ignore file of a directory.
func (g *Ignore) patterns(prefix string) ([]ignorePattern, error) {
	if known, ok := g.files[prefix]; ok {
		return known, nil
	}
	key := prefix + g.name
	data, found, err := g.read(key)
	if err != nil {
		return nil, fmt.Errorf("the ignore file %q cannot be read: %w", key, err)
	}
	if !found {
		return nil, nil
	}
	g.bytes += len(data)
	if g.bytes > maxIgnoreBytes {
		return nil, fmt.Errorf("the ignore files up to %q have more than %d MiB", key, maxIgnoreBytes>>20)
	}
	patterns := parseIgnore(string(data))
	g.files[prefix] = patterns
	return patterns, nil
}

// excludes reports whether the levels exclude a path that no excluded directory holds.
func (g *Ignore) excludes(path, name string, isDir bool) bool {
	for i := len(g.levels) - 1; i >= 0; i-- {
		l := &g.levels[i]
		for j := len(l.patterns) - 1; j >= 0; j-- {
			if p := &l.patterns[j]; p.matches(path[len(l.prefix):], name, isDir) {
				return !p.include
			}
		}
	}
	return false
}

// parseIgnore reads the lines of an ignore file. Like git it passes over lines that are
// no patterns.
func parseIgnore(text string) []ignorePattern {
	var patterns []ignorePattern
	for _, line := range Lines(text) {
		if p, ok := compileIgnore(line); ok {
			patterns = append(patterns, p)
		}
	}
	return patterns
}

// Lines yields the lines of a file of patterns with their numbers, from 1 on. Empty lines
// and comments are left out, and so are blanks at the end of a line.
func Lines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
			number++
			line = strings.TrimSuffix(line, "\n")
			line = trimBlanks(strings.TrimSuffix(line, "\r"))
			if line != "" && line[0] != '#' && !yield(number, line) {
				return
			}
		}
	}
}

// trimBlanks removes the blanks at the end of a line, except one behind a backslash.
func trimBlanks(line string) string {
	end := 0
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == ' ':
			continue
		case line[i] == '\\' && i+1 < len(line):
			i++
		}
		end = i + 1
	}
	return line[:end]
}

// compileIgnore compiles a line. git passes over what has no meaning.
func compileIgnore(line string) (p ignorePattern, ok bool) {
	if line[0] == '!' {
		p.include, line = true, line[1:]
	}
	line, p.dirOnly = strings.CutSuffix(line, "/")
	p.name = !strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" || strings.HasSuffix(line, "/") {
		return p, false // nothing is named so
	}
	var err error
	p.text, p.segments, err = syntax{}.translate(line)
	return p, err == nil && doublestar.ValidatePattern(p.text)
}
