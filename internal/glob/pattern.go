package glob

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
)

// A pattern is one compiled pattern. It matches files, and directories with everything
// below them.
type pattern struct {
	// text is in the syntax of doublestar. segments are its parts between slashes.
	text     string
	segments []string
	// name: text is matched with the last name of a path, at any depth. Otherwise it is
	// matched with the whole path.
	name bool
	// dirOnly: it matches only directories.
	dirOnly bool
	// all: it matches every path.
	all bool
}

// errNothing is the error of a pattern that names nothing.
var errNothing = errors.New("it names nothing; ** is everything")

// compile compiles a pattern of an option. See New for base.
func compile(text, base string) (pattern, error) {
	if text == "" {
		return pattern{}, errNothing
	}
	if _, _, err := (syntax{braces: true}).translate(text); err != nil {
		return pattern{}, err // its places are those of the text as it was written
	}
	var p pattern
	rest := strings.TrimRight(text, "/")
	p.dirOnly = rest != text
	if !p.dirOnly {
		rest, p.dirOnly = below(rest)
	}
	anchored := strings.Contains(rest, "/") || len(rest) < len(strings.TrimRight(text, "/"))
	rest = strings.TrimPrefix(rest, "/")
	if after := strings.TrimPrefix(rest, "**/"); !strings.Contains(after, "/") && after != rest {
		rest, anchored = after, false
	}
	var err error
	if p.text, p.segments, err = (syntax{braces: true}).translate(rest); err != nil {
		return pattern{}, err
	}
	switch {
	case rest == "":
		return pattern{}, errNothing
	case !anchored:
		p.name = true
		p.all = !p.dirOnly && isStars(p.text)
	case p.text == "**", p.text == "*" && base == "":
		p.all = !p.dirOnly
	case !strings.HasPrefix(p.text, "**/"):
		p.text = base + p.text
		if base != "" {
			p.segments = slices.Insert(p.segments, 0, "")
		}
	}
	return p, nil
}

// below returns the directory of a pattern that matches everything below a directory
// and nothing else.
func below(text string) (dir string, ok bool) {
	for _, end := range []string{"/**/*", "/**", "/*"} {
		if dir, ok := strings.CutSuffix(text, end); ok && strings.Trim(dir, "*/") != "" {
			for ok {
				dir, ok = strings.CutSuffix(dir, "/**")
			}
			return dir, true
		}
	}
	return text, false
}

func isStars(text string) bool { return text == "*" || text == "**" }

// matches reports whether the pattern matches a path. name is the last name of the path.
func (p *pattern) matches(path, name string, isDir bool) bool {
	switch {
	case p.dirOnly && !isDir:
		return false
	case p.all:
		return true
	case p.name:
		return doublestar.MatchUnvalidated(p.text, name)
	}
	return doublestar.MatchUnvalidated(p.text, path)
}

// reaches reports whether the pattern may match something below a directory, although it
// does not match the directory or one above it. prefix ends in a slash.
func (p *pattern) reaches(prefix string) bool {
	if p.all || p.name {
		return true
	}
	for i, name := range strings.Split(strings.TrimSuffix(prefix, "/"), "/") {
		switch {
		case i == len(p.segments), p.segments[i] == "**", strings.Contains(p.segments[i], "{"):
			return true
		case !doublestar.MatchUnvalidated(p.segments[i], name):
			return false
		}
	}
	return true
}

// literal returns text with which every path begins that the pattern matches, or that is
// below such a path.
func (p *pattern) literal() string {
	if p.all || p.name {
		return ""
	}
	var b strings.Builder
	for rest := p.text; rest != ""; {
		if rest[0] == '\\' {
			rest = rest[1:]
		} else if strings.IndexByte("*?[{", rest[0]) >= 0 {
			return b.String()
		}
		_, n := utf8.DecodeRuneInString(rest)
		b.WriteString(rest[:n])
		rest = rest[n:]
	}
	if p.dirOnly {
		b.WriteByte('/')
	}
	return b.String()
}
