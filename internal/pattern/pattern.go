// Package pattern matches regular expressions. It matches in linear time if the
// expression allows it. Otherwise, as for look-around, it backtracks.
//
// The syntax is that of the Rust crate regex
// (https://docs.rs/regex/latest/regex/#syntax), which the predecessor of this program
// used: it has set operations in classes, and Unicode in \w, \d, \s and \b. The crate
// fancy-regex adds look-around, back-references, atomic groups, possessive repetitions
// and the escapes \h, \H, \R, \K, \G, \Z, \N, \O and \e. An expression without a
// meaning is an error, which has the place and the reason.
//
// An expression is parsed (parse) into a tree, and the tree is written (printed) for
// one of two engines with another syntax: RE2, in package regexp, and regexp2, which
// backtracks. Both read a byte that is not UTF-8 as U+FFFD. The Unicode tables are
// those of package unicode.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// timeout bounds one match by backtracking. For some expressions its time grows
// exponentially with the text. Keys and metadata are short, so only such an expression
// takes this long.
//
// The engine measures the time with one goroutine for the whole process. The goroutine
// ends by itself about a second after the last possible timeout. It outlives the run,
// but holds nothing of it, and stopping it would take as long as waiting.
const timeout = 2 * time.Second

// A Matcher can take the place of a Regexp. A [*regexp.Regexp] is one.
type Matcher interface {
	// MatchString reports whether the expression is found anywhere in text. It may
	// be called concurrently.
	MatchString(text string) bool
	// String returns the expression.
	String() string
}

// Of returns m as a Regexp, and nil for nil.
func Of(m Matcher) *Regexp {
	switch re := m.(type) {
	case nil:
		return nil
	case *Regexp:
		return re
	case *regexp.Regexp:
		return &Regexp{text: re.String(), linear: re}
	case Any:
		all := make([]*Regexp, len(re))
		for i, m := range re {
			all[i] = Of(m)
		}
		return &Regexp{text: re.String(), any: all}
	}
	return &Regexp{text: m.String(), other: m}
}

// A Regexp is a compiled regular expression. It may be used concurrently.
type Regexp struct {
	text string
	// other or any, if not nil, do the matching instead of the engines below.
	other Matcher
	any   []*Regexp
	// linear is nil if only backtracking can match the expression.
	linear *regexp.Regexp
	// back is nil if it is never needed. If it is nil, linear matches all texts;
	// otherwise linear matches only ASCII texts.
	back *regexp2.Regexp
}

// Compile compiles an expression. Its error is an [*Error].
func Compile(text string) (*Regexp, error) {
	tree, err := parse(text)
	if err != nil {
		return nil, err
	}
	re := &Regexp{text: text}
	need := needOf(tree)
	if need != backtracking {
		// The expression may be too large for that engine, which bounds repetitions.
		if re.linear, err = regexp.Compile(printed(tree, false)); err != nil {
			need = backtracking
		}
	}
	if need == linear {
		return re, nil
	}
	re.back, err = regexp2.Compile(printed(tree, true), regexp2.RE2)
	if err != nil {
		return nil, &Error{0, "the expression cannot be compiled: " + err.Error()}
	}
	re.back.MatchTimeout = timeout
	return re, nil
}

// String returns the expression.
func (r *Regexp) String() string { return r.text }

// Match reports whether the expression is found anywhere in text. It fails only if
// backtracking takes too long.
func (r *Regexp) Match(text string) (bool, error) {
	switch {
	case r.other != nil:
		return r.other.MatchString(text), nil
	case r.any != nil:
		return matchAny(r.any, text)
	}
	if r.linear != nil && (r.back == nil || isASCII(text)) {
		return r.linear.MatchString(text), nil
	}
	found, err := r.back.MatchString(text)
	if err != nil {
		return false, fmt.Errorf("matching %q with the regular expression %q: %w", text, r.text, errTimeout)
	}
	return found, nil
}

// MatchString is [Regexp.Match], but returns false if the match fails.
func (r *Regexp) MatchString(text string) bool {
	found, err := r.Match(text)
	return err == nil && found
}

var errTimeout = errors.New("backtracking takes too long; a simpler expression is needed")

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
