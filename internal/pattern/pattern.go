// Package pattern matches regular expressions: in linear time where the
// expression allows it, and by backtracking if it has what only that can match,
// such as look-around.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/dlclark/regexp2"
)

// timeout bounds one match by backtracking, which some expressions let grow
// exponentially with the text. Keys and metadata are short: what takes so long
// is such a case.
const timeout = 2 * time.Second

// A Regexp is a compiled regular expression. It may be used concurrently.
type Regexp struct {
	text   string
	linear *regexp.Regexp // nil if only backtracking can match it
	back   *regexp2.Regexp
}

// Compile compiles an expression of RE2 syntax (https://golang.org/s/re2syntax),
// to which look-around and back-references may be added.
func Compile(text string) (*Regexp, error) {
	linear, err := regexp.Compile(text)
	if err == nil {
		return &Regexp{text: text, linear: linear}, nil
	}
	back, berr := regexp2.Compile(text, regexp2.RE2)
	if berr != nil {
		return nil, err // which says more clearly what is wrong with most expressions
	}
	back.MatchTimeout = timeout
	return &Regexp{text: text, back: back}, nil
}

// String returns the expression.
func (r *Regexp) String() string { return r.text }

// Match reports whether the expression is found anywhere in text. It fails only
// where backtracking takes too long.
func (r *Regexp) Match(text string) (bool, error) {
	if r.linear != nil {
		return r.linear.MatchString(text), nil
	}
	found, err := r.back.MatchString(text)
	if err != nil {
		return false, fmt.Errorf("matching %q with the regular expression %q: %w", text, r.text, errTimeout)
	}
	return found, nil
}

var errTimeout = errors.New("backtracking takes too long")
