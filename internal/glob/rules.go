// Package glob selects keys by patterns with wildcards, and by files of such patterns as
// git has them.
//
// A pattern is one of gitignore (https://git-scm.com/docs/gitignore#_pattern_format),
// with {a,b} besides. * and ? match no slash, ** crosses slashes. A pattern without a
// slash before its end matches the name of a file or directory at any depth, another one
// the path from the root. A slash at the end makes it one of directories. Whatever
// matches a directory matches everything below it. A character is one of Unicode, where
// git knows only bytes.
package glob

import (
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// A Rule includes or excludes the keys that a pattern matches.
type Rule struct {
	Pattern string
	Include bool
}

// String returns the rule as text: "+ " or "- " and the pattern.
func (r Rule) String() string {
	if r.Include {
		return "+ " + r.Pattern
	}
	return "- " + r.Pattern
}

// MarshalText returns [Rule.String]. It fails if the pattern is not valid UTF-8.
func (r Rule) MarshalText() ([]byte, error) {
	if !utf8.ValidString(r.Pattern) {
		return nil, errNoUTF8
	}
	return []byte(r.String()), nil
}

// UnmarshalText sets r to what MarshalText wrote.
func (r *Rule) UnmarshalText(text []byte) error {
	kind, pattern, ok := strings.Cut(string(text), " ")
	if !ok || kind != "+" && kind != "-" {
		return fmt.Errorf(`a rule is "+ PATTERN" or "- PATTERN", not %q`, text)
	}
	*r = Rule{pattern, kind == "+"}
	return nil
}

// Check returns why a pattern is none, or nil.
func Check(pattern string) error {
	_, err := compile(pattern, "")
	return err
}

// A List selects keys by rules. Of the rules that match a key the last one decides. A key
// that no rule matches is selected. Its methods may be called concurrently.
type List struct {
	rules []compiled
	// last is the directory that was looked at last.
	last atomic.Pointer[directory]
}

type compiled struct {
	pattern

	include bool
}

// A directory is which rule decides about what is below a directory.
type directory struct {
	prefix string // ends in a slash, or is empty
	rule   int    // -1 is none
}

// New compiles rules. Patterns of paths begin at base, which is "/" if all keys begin
// with a slash, as those of "photos/a" below the prefix "photos" do, and otherwise empty.
func New(rules []Rule, base string) (*List, error) {
	l := &List{}
	for _, r := range rules {
		p, err := compile(r.Pattern, base)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", r.Pattern, err)
		}
		l.rules = append(l.rules, compiled{p, r.Include})
	}
	return l, nil
}

// Excludes reports whether the rules exclude a key.
func (l *List) Excludes(key string) bool {
	slash := strings.LastIndexByte(key, '/')
	name := key[slash+1:]
	rule := l.below(key[:slash+1])
	if name != "" { // otherwise the key stands for its directory
		rule = l.match(key, name, false, rule)
	}
	return rule >= 0 && !l.rules[rule].include
}

// match returns the last rule that matches a path, if it comes after another rule, and
// otherwise that one.
func (l *List) match(path, name string, isDir bool, after int) int {
	for i := len(l.rules) - 1; i > after; i-- {
		if l.rules[i].matches(path, name, isDir) {
			return i
		}
	}
	return after
}

// below returns the last rule that matches a directory or one above it. prefix is empty
// or ends in a slash.
func (l *List) below(prefix string) int {
	if prefix == "" {
		return -1
	}
	if d := l.last.Load(); d != nil && d.prefix == prefix {
		return d.rule
	}
	rule, from := -1, 0
	for i := range len(prefix) {
		if prefix[i] == '/' {
			rule = l.match(prefix[:i], prefix[from:i], true, rule)
			from = i + 1
		}
	}
	l.last.Store(&directory{strings.Clone(prefix), rule})
	return rule
}

// Prunes reports that the rules exclude every key that begins with prefix, which ends in
// a slash. If it returns false, they may nevertheless exclude all of them.
func (l *List) Prunes(prefix string) bool {
	rule := l.below(prefix)
	if rule < 0 || l.rules[rule].include {
		return false
	}
	for i := rule + 1; i < len(l.rules); i++ {
		if r := &l.rules[i]; r.include && r.reaches(prefix) {
			return false
		}
	}
	return true
}

// Prefix returns a prefix of all keys that are not excluded. It is empty if none is
// known.
func (l *List) Prefix() string {
	first := len(l.rules) // behind the last rule that excludes everything
	for first > 0 && (!l.rules[first-1].all || l.rules[first-1].include) {
		first--
	}
	if first == 0 {
		return ""
	}
	prefix, some := "", false
	for _, r := range l.rules[first:] {
		switch {
		case !r.include:
		case some:
			prefix = common(prefix, r.literal())
		default:
			prefix, some = r.literal(), true
		}
	}
	return prefix
}

// common returns the common prefix of two texts, in whole characters.
func common(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	for n < len(a) && n > 0 && !utf8.RuneStart(a[n]) {
		n--
	}
	return a[:n]
}
